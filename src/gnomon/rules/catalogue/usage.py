"""USE: settings, paths, folders and how a command is called."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

MISSING_FOLDER = Rule(
    id="USE101",
    slug="input.missing-folder",
    title="Missing folder, or folder without images",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a folder with .nii or .nii.gz files",
    remedy="Check the path.",
)
NO_DICOM_FILES = Rule(
    id="USE102",
    slug="input.no-dicom-files",
    title="No readable DICOM file",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="at least one DICOM series",
    remedy="Check the path.",
)
UNKNOWN_LAYOUT = Rule(
    id="USE103",
    slug="input.unknown-layout",
    title="Folder that is neither a Medical Decathlon data set nor the output of `gnomon convert`",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a Medical Decathlon folder (dataset.json, imagesTr/, labelsTr/) or the output of `gnomon convert`",
    remedy="Check the path, add dataset.json, or convert the DICOM studies with `gnomon convert` first.",
)
NO_LABELS_FOR_VOLUMES = Rule(
    id="USE104",
    slug="input.no-labels",
    title="Converted volumes without label files or label names",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a folder of label files named by volume_id or SeriesInstanceUID, and the value of each label",
    remedy=(
        "Set labels=FOLDER and label_names='{liver: 1, spleen: 2}'; with `gnomon train` data.labels=FOLDER and "
        "data.label_names='{liver: 1, spleen: 2}'."
    ),
)
NO_WEIGHTS = Rule(
    id="USE105",
    slug="run.no-weights",
    title="Run without weights",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="the weights of a finished run",
    remedy="Run the training to its end; the same command resumes where it stopped.",
)
NO_REFERENCES = Rule(
    id="USE106",
    slug="input.no-references",
    title="No reference to compare with",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="references and predictions with the same file names",
    remedy="Check both paths.",
)
INVALID_LABEL_NAMES = Rule(
    id="USE107",
    slug="settings.label-names",
    title="Label names that are missing or contradict each other",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="{name: value, ...}, each name and each value once, values from 1 to 65535",
    remedy="Set it, for example label_names='{liver: 1, spleen: 2}'.",
)
UNKNOWN_SETTING = Rule(
    id="USE108",
    slug="settings.unknown-key",
    title="Unknown setting, or value of the wrong type",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a known key with a value of its type",
    remedy="See the settings with --help.",
)
MISSING_SETTING = Rule(
    id="USE109",
    slug="settings.missing-value",
    title="Required setting without a value",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a value, because the setting is required",
    remedy="See the settings with --help.",
)
UNKNOWN_NET = Rule(
    id="USE110",
    slug="net.unknown-name",
    title="Unknown net",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="the name of a net",
    remedy="Set net=NAME to one of these.",
)
DIFFERENT_CONFIGURATION = Rule(
    id="USE111",
    slug="run.different-configuration",
    title="Folder that holds a run with a different configuration",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="an empty folder, or the run's own",
    remedy="Set output= to another folder, or leave it out: each configuration then gets its own folder.",
    harm="Results of two configurations would be mixed in one run.",
)
UNKNOWN_DATA_KIND = Rule(
    id="USE112",
    slug="settings.data-kind",
    title="Unknown kind of data",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="phantom, dicom, nifti or prepared",
    remedy="Set data.kind to one of these.",
)
UNKNOWN_FOLD = Rule(
    id="USE113",
    slug="settings.unknown-fold",
    title="Fold that the data set does not have",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="the number of a fold, or all",
    remedy="Set training.fold to one of these.",
)
DATA_CHANGED = Rule(
    id="USE114",
    slug="run.data-changed",
    title="Run that was started on other data or another plan",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="the data and plan that the run was started on",
    remedy="Restore the data, or set output= to another folder.",
    harm="A resumed training would have seen two data sets, and its manifest would name only one.",
)
INVALID_VALUE = Rule(
    id="USE115",
    slug="settings.invalid-value",
    title="Setting with a value that is not allowed",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a value within its bounds",
    remedy="See the settings with --help.",
)
INVALID_TORCHIO_TRANSFORM = Rule(
    id="USE116",
    slug="augmentation.torchio-transform",
    title="TorchIO transform that is unknown, unsafe, or changes the shape of the patch",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="random transforms of TorchIO that keep the shape of the patch",
    remedy="Correct training.data.augmentation.torchio, for example [{RandomMotion: {degrees: 5}}].",
)
NOT_SUPPORTED_HERE = Rule(
    id="USE117",
    slug="training.not-supported-here",
    title="Training setting that this machine or this batch size does not support",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="devices that divide the batch, a GPU for float16, a compiler for torch.compile",
    remedy="Change the setting.",
)
INVALID_START_WEIGHTS = Rule(
    id="USE118",
    slug="training.start-weights",
    title="Starting weights that cannot be read or belong to another net",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a run's folder or its weights in safetensors, of the same net and plan",
    remedy="Set training.start_from to the folder of a run with the same net and plan.",
)
NO_ACTIVATION_CHECKPOINTING = Rule(
    id="USE119",
    slug="net.no-activation-checkpointing",
    title="Net that does not support activation checkpointing",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a U-shaped net of this package",
    remedy="Set training.activation_checkpointing=false, or choose another net.",
)
TRANSFORMER_NOT_USABLE = Rule(
    id="USE120",
    slug="net.transformer-not-usable",
    title="Transformer net for anisotropic voxels, or without MONAI",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a target spacing whose axes differ by less than a factor of 2",
    remedy="Choose a net that adapts to the spacing (net=plain_unet), or set preparation.plan.spacing_mm.",
    harm="Cubic windows of anisotropic voxels mix positions that are far apart in the patient.",
)
MIXED_ENSEMBLE = Rule(
    id="USE121",
    slug="run.mixed-ensemble",
    title="Ensemble of runs with different plans or labels",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="runs with the same plan and labels",
    remedy="Choose runs that were trained on the same data set.",
)
COMPARISON_ARGUMENTS = Rule(
    id="USE122",
    slug="compare.arguments",
    title="Comparison of other than two runs or two evaluations",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="two runs, or two evaluations",
    remedy="Set runs=[A,B] or evaluations=[A,B].",
)
COMPARISON_MISMATCH = Rule(
    id="USE123",
    slug="compare.mismatch",
    title="Evaluations of different cases or labels, or a margin for an unknown measure",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="the same cases and labels in both evaluations",
    remedy="Evaluate both models against the same references.",
)
UNKNOWN_SUBCOMMAND = Rule(
    id="USE124",
    slug="settings.unknown-subcommand",
    title="Unknown word after a command",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="one of the command's verbs",
    remedy="See them with --help.",
)
IMPORT_ARGUMENTS = Rule(
    id="USE125",
    slug="nnunet.import-arguments",
    title="Import of neither or both of a model and predictions",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="exactly one of them",
    remedy="Set model=FOLDER, or predictions=FOLDER and dataset_json=FILE.",
)
NO_CLASSIFICATION_HEAD = Rule(
    id="USE126",
    slug="net.no-classification-head",
    title="Net whose encoder does not support a classification head",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a U-shaped net of this package",
    remedy="Set net= to plain_unet, res_enc_unet, mednext, seg_resnet or attention_unet.",
)
WRONG_TASK = Rule(
    id="USE127",
    slug="settings.wrong-task",
    title="Data set of another task: segmentation instead of classification, or the reverse",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a data set that was prepared for the task",
    remedy="Set task= to the task of the data set.",
)
INVALID_COHORT_TABLE = Rule(
    id="USE129",
    slug="input.cohort-table",
    title="Table of cases or folder of label maps that cannot be read or names no case",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a CSV with a column series, study, patient or volume, and a column label or split",
    remedy="Check the path and the column names.",
)
AUDIT_CHANGED = Rule(
    id="USE130",
    slug="audit.changed",
    title="Audit whose findings are not those of its audit.json",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="an audit that ran to its end and was not changed since",
    remedy="Run `gnomon audit` again.",
)
NOT_AUDITED = Rule(
    id="USE131",
    slug="audit.missing",
    title="DICOM volumes that passed no audit",
    severity=Severity.ERROR,
    scope=Scope.COHORT,
    expected="volumes that were converted with audited_by=AUDIT",
    remedy=(
        "Run `gnomon audit` and convert with audited_by=AUDIT, or set preparation.audit=off, which every report will "
        "state."
    ),
)
FOLDER_IN_USE = Rule(
    id="USE132",
    slug="run.folder-in-use",
    title="Folder of a run in which another process is working",
    severity=Severity.ERROR,
    scope=Scope.RUN,
    expected="a folder of its own for each run",
    remedy="Wait until the other process ends, or set output= to another folder.",
)

UNKNOWN_OPTION = Rule(
    id="USE133",
    slug="settings.unknown-option",
    title="Experiment, net, policy or other configuration that does not exist",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="the name of a file in configs/",
    remedy="Choose one of these.",
)
CONFLICTING_CONFIG = Rule(
    id="USE134",
    slug="settings.conflicting-config",
    title="Configuration of a user with the name of one that comes with Gnomon",
    severity=Severity.ERROR,
    scope=Scope.FILE,
    expected="a name of its own",
    remedy="Rename the file.",
    harm="One name would stand for two configurations, and it would depend on the folder which of them runs.",
)
TRAINER_ARGUMENT = Rule(
    id="USE135",
    slug="settings.trainer-argument",
    title="Argument of Lightning's Trainer that a training does not pass on",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="an argument that keeps the promises of a run",
    remedy="Remove it.",
    harm="The same seed would no longer give the same weights, or a run could not be resumed.",
)
