"""PRP: from images and labels to a prepared data set."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

IMAGE_WITHOUT_LABEL = Rule(
    id="PRP101",
    slug="dataset.image-without-label",
    title="Image without a label",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="a label file",
    remedy="Add the label, or leave the image out.",
)
LABEL_WITHOUT_IMAGE = Rule(
    id="PRP102",
    slug="dataset.label-without-image",
    title="Label without an image",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="an image file",
    remedy="Add the image, or remove the label.",
)
LISTED_CASE_MISSING = Rule(
    id="PRP103",
    slug="dataset.listed-case-missing",
    title="Case that dataset.json lists but that has no files",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="the image and the label of every case in dataset.json",
    remedy="Fetch the files, or remove the case from dataset.json.",
)
NO_CASE_LEFT = Rule(
    id="PRP104",
    slug="dataset.no-case-left",
    title="No case that can be prepared",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="at least one case without an error",
    remedy="Correct the findings above.",
)
SEVERAL_CHANNELS = Rule(
    id="PRP105",
    slug="dataset.several-channels",
    title="More than one image channel",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="one image channel",
    remedy="Prepare one channel; several are not supported yet.",
)
INVALID_DATASET_JSON = Rule(
    id="PRP106",
    slug="dataset.invalid-dataset-json",
    title="dataset.json that cannot be interpreted",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected=(
        'labels {"0": "background", "1": "name", ...} and modality {"0": "CT"} as in the Medical Decathlon, or labels '
        '{"background": 0, "name": 1, ...} and channel_names {"0": "CT"} as in nnU-Net'
    ),
    remedy="Correct dataset.json.",
)
SEVERAL_MODALITIES = Rule(
    id="PRP107",
    slug="dataset.several-modalities",
    title="Several modalities in one folder",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="one modality",
    remedy="Convert each modality into a folder of its own.",
    harm="One normalisation cannot fit Hounsfield units and arbitrary MR values.",
)
LABEL_GRID_MISMATCH = Rule(
    id="PRP201",
    slug="dataset.label-grid-mismatch",
    title="Label on a different grid than its image",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="the grid of the image",
    remedy="Export the label on the image's grid; it is not resampled, because the shift may be an error.",
    harm="The net learns labels that lie beside their structures.",
    needs=Needs.LABELS,
    tolerance=0.01,
    unit="smallest voxel edge",
)
UNKNOWN_LABEL_VALUE = Rule(
    id="PRP202",
    slug="label.unknown-value",
    title="Label value that has no name",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="the values of the named labels",
    remedy="Correct the label file, or add the value to the label names of the data set.",
    needs=Needs.LABELS,
)
CONSTANT_IMAGE = Rule(
    id="PRP203",
    slug="image.constant",
    title="Image with the same value everywhere",
    severity=Severity.ERROR,
    scope=Scope.CASE,
    expected="an image with contrast",
    remedy="Convert the image again from its source.",
    needs=Needs.PIXELS,
)
SHEARED_IMAGE = Rule(
    id="PRP204",
    slug="image.sheared",
    title="Sheared image (gantry tilt)",
    severity=Severity.WARNING,
    scope=Scope.CASE,
    expected="axes at right angles, cosine at most 0.01",
    remedy=(
        "Positions stay exact, but the net sees sheared organs; `gnomon convert` with conversion.tilt=straighten "
        "resamples them."
    ),
    tolerance=0.01,
)
TOO_FEW_PATIENTS = Rule(
    id="PRP301",
    slug="splits.too-few-patients",
    title="Fewer patients than folds",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="at least one patient per fold, and two folds",
    remedy="Add cases, or lower preparation.splits.folds or preparation.splits.test_fraction.",
)
PATIENT_LEAKAGE = Rule(
    id="PRP302",
    slug="splits.patient-leakage",
    title="Patient on two sides of a split",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="every patient on one side only: training, validation or test",
    remedy="Move all cases of a patient to one side of the file that preparation.splits.file names.",
    harm="Held-out scores are too high: the net has seen the patient.",
)
INVALID_SPLIT = Rule(
    id="PRP303",
    slug="splits.invalid",
    title="Split without training or validation cases, or folds with different test cases",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="in every fold training and validation cases of the data set, and one test set for all folds",
    remedy="Check the case names in the file that preparation.splits.file names.",
)
INVALID_SPLIT_FILE = Rule(
    id="PRP304",
    slug="splits.invalid-file",
    title="Split file that is neither a fold nor a list of folds",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected='{"train": [case, ...], "val": [case, ...]}, or a list of these',
    remedy="Correct the file that preparation.splits.file names.",
)
UNKNOWN_ANNOTATION = Rule(
    id="PRP305",
    slug="dataset.unknown-annotation",
    title="List of annotated structures that names an unknown case or structure",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="{case: [structure, ...]} with cases and structures of the data set",
    remedy="Correct the file that preparation.annotated names.",
)
PLAN_EXCEEDS_MEMORY = Rule(
    id="PRP306",
    slug="plan.exceeds-memory",
    title="Memory limit that even the smallest patch exceeds",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="enough memory for the smallest patch",
    remedy="Raise preparation.plan.memory_gib, lower preparation.plan.batch, or choose a smaller net.",
)
INVALID_PLAN_FILE = Rule(
    id="PRP308",
    slug="plan.invalid-file",
    title="File without a plan, or an nnU-Net plan that has no counterpart here",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a run's plan.json, or nnU-Net's nnUNetPlans.json",
    remedy="Set preparation.plan.file to another file, or preparation.plan.configuration to another configuration.",
)
