"""What each command is given: its own keys, and the settings of the stages it calls.

The docstring of a section is the head of the command's `--help` and of its YAML file.
"""

from __future__ import annotations

from typing import Any

from gnomon.core.settings import REQUIRED, section, setting, subsection
from gnomon.settings import (
    AuditSettings,
    Config,
    ConvertSettings,
    EvaluateSettings,
    PredictSettings,
    PrepareSettings,
    SearchSettings,
)
from gnomon.settings.policy import Policy

_VERIFY = "Read all data again, also files whose size and time have not changed."
_KNOWN = "Rules whose errors are expected and do not change the exit code."
_LABEL_NAMES = "value of each label, as {liver: 1, spleen: 2}"
_PATIENT = "regular expression that finds the patient in a case's name; null: every case is its own patient."


@section
class AuditCommand:
    """gnomon audit input=STUDIES output=AUDIT [audit=ct_segmentation] [key=value ...]

    Says whether DICOM data are safe to train on, and if not, exactly why: a decision and its reasons for every volume.
    """

    input: str = setting(REQUIRED, "Folder of DICOM studies, an archive, or a DICOMDIR.", path="file or folder")
    output: str = setting(REQUIRED, "Folder of the audit.")
    cases: str | None = setting(
        None, "CSV file with a column series, study, patient or volume, and a column label, split or both.", path="file"
    )
    labels: str | None = setting(
        None,
        "Folder of label maps, named <SeriesInstanceUID>.nii.gz or <volume_id>.nii.gz.",
        path="folder",
    )
    structures: dict[str, int] | None = setting(
        None, "Value of each structure in the label maps, as {liver: 1, spleen: 2}; for sides and the contrast phase."
    )
    fail_on: str = setting(
        "error",
        "Exit code 1 where a finding has this severity or a higher one.",
        choices=("error", "warning", "info", "never"),
    )
    audit: Policy = subsection(Policy, option="default")
    conversion: ConvertSettings = subsection(ConvertSettings, option="default")
    reading: AuditSettings = subsection(AuditSettings, option="default")


@section
class ConvertCommand:
    """gnomon convert input=STUDIES output=VOLUMES [key=value ...]

    Reads DICOM files and writes every volume that is exactly right, and the reason for every one that is not.
    """

    input: str = setting(REQUIRED, "Folder of DICOM studies, an archive, or a DICOMDIR.", path="file or folder")
    output: str = setting(REQUIRED, "Folder of the volumes.")
    audited_by: str | None = setting(
        None,
        "Folder of the audit of these studies: volumes that it rejected are left out, files that it did not see are "
        "refused.",
        path="folder",
    )
    verify: bool = setting(False, _VERIFY)
    known_findings: list[str] = setting([], _KNOWN)
    conversion: ConvertSettings = subsection(ConvertSettings, option="default")


@section
class PrepareCommand:
    """gnomon prepare input=VOLUMES|DECATHLON output=DATASET [key=value ...]

    Checks the cases, plans and writes a data set to train on. Run again, it resumes where it stopped.
    """

    input: str = setting(REQUIRED, "Output of `gnomon convert`, or a Medical Decathlon folder.", path="folder")
    output: str = setting(REQUIRED, "Folder of the data set.")
    labels: str | None = setting(
        None, "Converted volumes: folder of label files, named by volume_id or SeriesInstanceUID.", path="folder"
    )
    label_names: dict[str, int] | None = setting(
        None, f"Converted volumes: {_LABEL_NAMES[0].lower()}{_LABEL_NAMES[1:]}."
    )
    verify: bool = setting(False, _VERIFY)
    known_findings: list[str] = setting([], _KNOWN)
    preparation: PrepareSettings = subsection(PrepareSettings, option="default")


@section
class PredictCommand:
    """gnomon predict run=RUN input=IMAGES output=PREDICTIONS [key=value ...]

    Segments NIfTI images; each result has exactly the grid of its image.
    """

    run: str = setting(REQUIRED, "Folder of a finished run.", path="folder")
    input: str = setting(REQUIRED, "A NIfTI file, or a folder of them.", path="file or folder")
    output: str = setting(REQUIRED, "Folder of the predictions.")
    inference: PredictSettings = subsection(PredictSettings, option="default")


@section
class EvaluateCommand:
    """gnomon evaluate references=DIR predictions=DIR output=EVALUATION label_names='{liver: 1}' [key=value ...]

    Scores predictions on the references' own grid, in mm. Files are paired by name.
    """

    references: str = setting(REQUIRED, "Folder of label files.", path="folder")
    predictions: str = setting(REQUIRED, "Folder of predicted label files.")
    images: str | None = setting(None, "Folder of images to draw cases on.", path="folder")
    output: str = setting(REQUIRED, "Folder of cases.csv, summary.json and the report.")
    label_names: dict[str, int] = setting(REQUIRED, "Value of each label, as {liver: 1, spleen: 2}.")
    evaluation: EvaluateSettings = subsection(EvaluateSettings, option="default")


@section
class PostprocessCommand:
    """gnomon postprocess fit|apply predictions=DIR output=DIR [key=value ...]

    Finds rules that remove false components and lose no lesion (fit), or applies rules (apply).
      fit   references=DIR label_names='{lesion: 1}' [splits=splits.json]   writes rules.yaml and report.html
      apply rules=FILE                                                      writes predictions and changes.csv
    """

    verb: str = setting(REQUIRED, "The word after the command.", choices=("fit", "apply"), positional=True)
    predictions: str = setting(
        REQUIRED, "Folder of predicted label files; for fit by models that did not train on these cases.", path="folder"
    )
    output: str = setting(REQUIRED, "Folder of the results.")
    references: str | None = setting(None, "fit: folder of label files.", path="folder")
    rules: str | None = setting(None, "apply: rules.yaml.", path="file")
    label_names: dict[str, int] | None = setting(None, f"fit: {_LABEL_NAMES}; apply: null takes those of the rules.")
    probabilities: str | None = setting(
        None,
        "Folder with a subfolder of NIfTI files per label; null: probabilities/ among the predictions.",
        path="folder",
    )
    splits: str | None = setting(
        None, "fit: splits.json of the data set, for the folds; null: patients are split anew.", path="file"
    )
    patient_pattern: str | None = setting(None, f"fit: {_PATIENT}", regular_expression=True)
    search: SearchSettings = subsection(SearchSettings, option="default")


@section
class CompareCommand:
    """gnomon compare runs=[RUN,RUN]  |  gnomon compare evaluations=[EVALUATION,EVALUATION] [output=DIR]

    Two runs: whether they are identical to the bit, and at which step they diverge. Two evaluations: differences with
    confidence intervals and corrected p values.
    """

    runs: list[str] | None = setting(None, "Folders of two finished runs.")
    evaluations: list[str] | None = setting(
        None, "Folders of two evaluations of the same cases; differences are second minus first."
    )
    margins: dict[str, float] | None = setting(None, "Non-inferiority margins, declared beforehand, as {dice: 0.01}.")
    output: str | None = setting(None, "Folder of comparison.csv; null: none.")


@section
class NnunetCommand:
    """gnomon nnunet export|import|postprocess output=DIR [key=value ...]

    Exchanges data sets, plans, models, predictions and postprocessing rules with nnU-Net.
      export       root=DATA name=Liver dataset_id=501 [prepared=DATASET]  raw data; with prepared= splits and plan
      import       model=TRAINER__PLANS__CONFIGURATION [fold=all]          a run, as for training.start_from=
      import       predictions=DIR dataset_json=FILE                       predictions with their probabilities
      postprocess  rules=rules.yaml                                        postprocessing.pkl for nnU-Net
    To train with a plan of nnU-Net set preparation.plan.file=nnUNetPlans.json; with its splits
    preparation.splits.file=splits_final.json.
    """

    verb: str = setting(
        REQUIRED, "The word after the command.", choices=("export", "import", "postprocess"), positional=True
    )
    output: str = setting(REQUIRED, "Folder of the results; export: the one of nnUNet_raw and nnUNet_preprocessed.")
    root: str | None = setting(
        None, "export: a data set of the Medical Decathlon or nnU-Net, or converted volumes.", path="folder"
    )
    labels: str | None = setting(None, "export of converted volumes: folder of label files.", path="folder")
    label_names: dict[str, int] | None = setting(
        None, f"export of converted volumes: {_LABEL_NAMES}; postprocess: null takes those of the rules."
    )
    patient_pattern: str | None = setting(None, f"export: {_PATIENT}", regular_expression=True)
    prepared: str | None = setting(
        None, "export: a prepared data set, whose splits and plan are exported too.", path="folder"
    )
    name: str = setting("Gnomon", "export: name of nnU-Net's data set.")
    dataset_id: int = setting(501, "export: number of nnU-Net's data set.", bounds=(1, 999))
    orientation: str = setting(
        "native",
        "export: axes as in the files, or in RAS+ order (canonical, without loss).",
        choices=("native", "canonical"),
    )
    model: str | None = setting(None, "import: folder of nnU-Net's results.", path="folder")
    fold: Any = setting(0, "import: number of a fold, or all: an ensemble.")
    predictions: str | None = setting(None, "import: folder of nnU-Net's predictions.", path="folder")
    dataset_json: str | None = setting(
        None, "import, postprocess: dataset.json of the training, which has nnU-Net's value of each label.", path="file"
    )
    rules: str | None = setting(None, "postprocess: rules.yaml.", path="file")
    route: str = setting(
        "auto",
        "postprocess: own (mm3; needs gnomon beside nnU-Net), stock (nnU-Net's functions alone), or auto (stock where "
        "it suffices).",
        choices=("auto", "own", "stock"),
    )
    net: dict[str, Any] = setting({}, "export with prepared=: the net of the plan.", option="plain_unet")


@section
class NewCommand:
    """gnomon new NAME [parent=FOLDER]

    Writes a package with a net, a loss, a measure, a rule and an experiment of your own, and a test of each.
    """

    name: str = setting(REQUIRED, "Name of the package and its folder: letters, digits and hyphens.", positional=True)
    parent: str = setting(".", "Folder in which the package's folder is made.", path="folder")


@section
class DoctorCommand:
    """gnomon doctor

    Shows what this installation has: versions, processor, accelerators, DICOM decoders. Takes no settings.
    """


COMMANDS: dict[str, Any] = {
    "audit": AuditCommand,
    "compare": CompareCommand,
    "convert": ConvertCommand,
    "doctor": DoctorCommand,
    "evaluate": EvaluateCommand,
    "new": NewCommand,
    "nnunet": NnunetCommand,
    "postprocess": PostprocessCommand,
    "predict": PredictCommand,
    "prepare": PrepareCommand,
    "train": Config,
}
"""The section of each command."""
