"""POS: postprocessing rules and what they are applied to."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

INVALID_RULES_FILE = Rule(
    id="POS101",
    slug="postprocessing.invalid-file",
    title="File without postprocessing rules, or that cannot be read",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a YAML file with the keys schema, labels, regions and rules",
    remedy="Check the path and the file.",
)
INVALID_RULE = Rule(
    id="POS102",
    slug="postprocessing.invalid-rule",
    title="Postprocessing rule that names an unknown label, region or value",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="the names and values of the labels of the segmentations",
    remedy="Correct the rules file.",
)
MISSING_PROBABILITIES = Rule(
    id="POS103",
    slug="postprocessing.missing-probabilities",
    title="No probability maps for rules that need them",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a probability map for each case and label, PROBABILITIES/LABEL/CASE.nii.gz",
    remedy=(
        "Predict with inference.probabilities=true and set probabilities=FOLDER, or remove the rules that need "
        "probabilities."
    ),
)
INVALID_PROBABILITIES = Rule(
    id="POS104",
    slug="postprocessing.invalid-probabilities",
    title="Probability map on another grid, or with values outside 0 to 1",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="probabilities from 0 to 1 on the grid of the prediction",
    remedy="Give the probability maps that were written with these predictions.",
    needs=Needs.PIXELS,
)
OUTPUT_IS_INPUT = Rule(
    id="POS105",
    slug="postprocessing.output-is-input",
    title="Output folder that is the folder of the predictions",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="another folder",
    remedy="Set output= to another folder; the net's own predictions are kept.",
)
SPLITS_WITHOUT_CASES = Rule(
    id="POS106",
    slug="postprocessing.splits-without-cases",
    title="Splits that contain none of the cases",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="the splits of the data set that was predicted",
    remedy="Check the path in splits=, or leave splits= out.",
)
CASE_NOT_USED = Rule(
    id="POS107",
    slug="postprocessing.case-not-used",
    title="Case that cannot be used to fit rules",
    severity=Severity.WARNING,
    scope=Scope.CASE,
    expected="a reference, and a prediction by a model that did not train on the case",
    remedy="Nothing to do: the case is left out of the fit.",
    harm="Rules fitted on training cases remove too little: the net makes fewer errors there.",
)
