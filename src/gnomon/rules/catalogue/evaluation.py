"""EVL: predictions against references."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

MISSING_PREDICTION = Rule(
    id="EVL101",
    slug="prediction.missing",
    title="Reference without a prediction",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a prediction with the file name of the reference",
    remedy="Predict the case; without a prediction it gets the worst score.",
)
MISSING_REFERENCE = Rule(
    id="EVL103",
    slug="prediction.without-reference",
    title="Prediction without a reference",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a reference with the file name of the prediction",
    remedy="Remove the prediction, or add the reference.",
)
UNKNOWN_PREDICTED_VALUES = Rule(
    id="EVL104",
    slug="prediction.unknown-values",
    title="Prediction whose values are not those of any label (for example 0 and 255)",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="the values of the labels",
    remedy="Write the prediction with the values of the labels; as it is, it scores like an empty one.",
    needs=Needs.LABELS,
)
INVALID_PROBABILITY = Rule(
    id="EVL105",
    slug="prediction.invalid-probability",
    title="Probability map on another grid, or with values outside 0 to 1",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="probabilities from 0 to 1",
    remedy="Write probabilities instead of logits or percentages.",
    needs=Needs.PIXELS,
)
MEASURE_FAILED = Rule(
    id="EVL106",
    slug="evaluation.measure-failed",
    title="Measure that raises an error, or whose value is not finite or outside its range",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a finite number within the range of the measure",
    remedy="Correct the measure; as it is, the structure has no mean of it.",
    needs=Needs.LABELS,
)
INVALID_CRITERIA = Rule(
    id="EVL110",
    slug="evaluation.invalid-criteria",
    title="Acceptance criteria that cannot be read or name an unknown label or measure",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a list of {label: liver, measure: dice, of: lower, at_least: 0.9}",
    remedy="Correct the file that evaluation.criteria names.",
)
UNKNOWN_STRUCTURE = Rule(
    id="EVL111",
    slug="evaluation.unknown-structure",
    title="Evaluation setting that names an unknown structure",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="names of labels or regions",
    remedy="Correct the name in the `evaluation` settings.",
)
INVALID_SUBGROUPS = Rule(
    id="EVL120",
    slug="evaluation.invalid-subgroups",
    title="Subgroup table that cannot be read",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected=(
        "a CSV with a column case, volume_id or patient, in which each value stands once, and at least one column to "
        "group by"
    ),
    remedy="Correct the file that evaluation.subgroups names.",
)
UNGROUPABLE_COLUMN = Rule(
    id="EVL121",
    slug="evaluation.ungroupable-column",
    title="Column of a subgroup table with too many different values",
    severity=Severity.INFO,
    scope=Scope.FILE,
    expected="numbers, or few different values",
    remedy="Ignore it, or replace the values by groups in the table.",
)
PREDICTION_GRID_MISMATCH = Rule(
    id="EVL201",
    slug="prediction.grid-mismatch",
    title="Prediction on a different grid than its reference",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="the grid of the reference",
    remedy="Write the prediction on the grid of the reference.",
    harm="Compared index by index, a flip or shift goes unnoticed and the scores mean nothing.",
    tolerance=0.01,
    unit="smallest voxel edge",
)
PREDICTION_REORIENTED = Rule(
    id="EVL202",
    slug="prediction.reoriented",
    title="Prediction with its axes in another order, reoriented without loss",
    severity=Severity.INFO,
    scope=Scope.CASE,
    expected="the axes of the reference",
    remedy="Nothing to do: the prediction was reoriented without loss.",
)
PREDICTION_RESAMPLED = Rule(
    id="EVL203",
    slug="prediction.resampled",
    title="Prediction on a different grid, resampled to that of its reference",
    severity=Severity.WARNING,
    scope=Scope.CASE,
    expected="the grid of the reference",
    remedy="The prediction was resampled; write predictions on the reference's grid for exact scores.",
)
BETTER_MIRRORED = Rule(
    id="EVL301",
    slug="prediction.better-mirrored",
    title="Prediction that would score better mirrored",
    severity=Severity.WARNING,
    scope=Scope.CASE,
    expected="no gain in mean Dice above 0.05 from a mirror image",
    remedy="View the case: an array may have been flipped without its header.",
    needs=Needs.LABELS,
    tolerance=0.05,
    unit="mean Dice",
)
BETTER_SHIFTED = Rule(
    id="EVL302",
    slug="prediction.better-shifted",
    title="Prediction that would score better shifted by one voxel",
    severity=Severity.WARNING,
    scope=Scope.CASE,
    expected="no gain in mean Dice above 0.02 from a shift by one voxel",
    remedy="View the case: an array may have been shifted without its header, as by resampling off by half a voxel.",
    needs=Needs.LABELS,
    tolerance=0.02,
    unit="mean Dice",
)
BETTER_EXCHANGED = Rule(
    id="EVL303",
    slug="prediction.better-exchanged",
    title="Prediction that would score better with two labels exchanged",
    severity=Severity.WARNING,
    scope=Scope.CASE,
    expected="no gain in mean Dice above 0.05 from exchanging two labels",
    remedy="View the case: two label values may have been exchanged.",
    needs=Needs.LABELS,
    tolerance=0.05,
    unit="mean Dice",
)
