"""The Python interface: each command as a function, with the same settings and the same results.

    import gnomon

    dataset = gnomon.prepare("Task04_Hippocampus", "dataset")
    case = gnomon.read_case(dataset, "hippocampus_001")

Everywhere: arrays are (channel, x, y, z) or (x, y, z); the frame is RAS+ in millimetres, affines are float64. A mistake
in the input raises `gnomon.Refusal`, whose findings say what was found, what was expected and what to do. What concerns
one case only is a finding of the result, and the other cases go on. A function resumes where an earlier call stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from gnomon.core.geometry import Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import source_checkout
from gnomon.dataset.dataset import Case, Dataset, read_dataset
from gnomon.dataset.dataset import read_case as read_facts
from gnomon.io.artifacts import map_array, read_json
from gnomon.io.folders import EvaluationFolder, RunFolder
from gnomon.rules.catalogue.usage import INVALID_LABEL_NAMES, MISSING_FOLDER
from gnomon.rules.finding import Finding
from gnomon.settings import AuditSettings, Config, ConvertSettings, EvaluateSettings, PredictSettings, PrepareSettings
from gnomon.settings.policy import Policy

if TYPE_CHECKING:
    from gnomon.audit import AuditResult
    from gnomon.dicom import Converted
    from gnomon.evaluation import Evaluation

AnyPath = str | PathLike[str]
Labels = LabelScheme | Mapping[str, int]
"""A label scheme, or the value of each label by name, as {'liver': 1}."""


@dataclass(frozen=True, kw_only=True)
class LoadedCase:
    """A prepared case with its voxels, as training reads them.

    Attributes:
        image: (1, x, y, z), float32, normalised as the plan says; memory-mapped, read-only.
        label: (x, y, z), the channel of each voxel: 0 background, i the i-th label, `labels.n_channels` ignored.
        grid: grid of both, RAS+ mm.
        facts: what else is known: native grid, patient, which structures were annotated.
    """

    image: NDArray[Any]
    label: NDArray[Any]
    grid: Grid
    facts: Case


@dataclass(frozen=True, kw_only=True)
class TrainedExperiment:
    """A finished training, of one run or of a group of folds and seeds.

    Attributes:
        dataset: the data set that was trained on; its findings name the cases that were left out.
        folder: folder of the run or of the group.
        report: the report, HTML.
        summary: means and intervals by label, as in summary.json.
        manifest: of a single run what makes it again, with `weights_sha256`; None for a group.
        missed_defects: of a phantom the planted defects that were not found; empty where all were.
    """

    dataset: Dataset
    folder: Path
    report: Path
    summary: dict[str, Any]
    manifest: dict[str, Any] | None
    missed_defects: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What distinguishes two runs, or two evaluations.

    Attributes:
        same_weights: whether two runs have the same weights to the bit; None for evaluations.
        differences: what two runs differ in, one line each: code, extensions, data, settings, machine; then where
            their losses diverge. Empty for evaluations.
        rows: for evaluations one row per label and measure: means, difference with 95 % CI, corrected p values,
            non-inferiority. Empty for runs.
    """

    same_weights: bool | None = None
    differences: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


def audit(
    studies: AnyPath,
    output: AnyPath,
    *,
    policy: Policy | None = None,
    cases: AnyPath | None = None,
    labels: AnyPath | None = None,
    structures: Labels | None = None,
    reading: AuditSettings | None = None,
    conversion: ConvertSettings | None = None,
) -> AuditResult:
    """Say whether DICOM data are safe to train on, and if not, why; write an audit folder with a report.

    Args:
        studies: a folder, a zip or tar archive, or a DICOMDIR.
        output: the audit folder; files that did not change since an earlier audit in it are not read again.
        policy: what the task requires; None: `Policy()`, which knows no task.
        cases: CSV with a column series, study, patient or volume, and label, split or both.
        labels: folder of label maps, named by SeriesInstanceUID or volume_id.
        structures: value of each structure in the label maps.
        reading: workers and thumbnails, which change no finding.
        conversion: the repairs that a conversion would make.

    Returns:
        Tables `findings` (one row per finding, worst first) and `volumes` (one row per volume, with its decision).

    Raises:
        Refusal: USE101 or USE102, nothing to audit; USE108, a policy that names unknown rules; USE129, no label maps.
    """
    from gnomon.audit import Cohort, audit_studies
    from gnomon.reports import write_audit_report

    folder = Path(output).expanduser()
    cohort = Cohort(_optional_path(cases), _optional_path(labels), None if structures is None else _scheme(structures))
    done = audit_studies(
        Path(studies).expanduser(),
        folder,
        reading or AuditSettings(),
        policy or Policy(),
        conversion or ConvertSettings(),
        cohort,
    )
    write_audit_report(folder)
    return done


def convert(
    studies: AnyPath,
    output: AnyPath,
    *,
    settings: ConvertSettings | None = None,
    audited_by: AnyPath | None = None,
    known_findings: Sequence[str] = (),
    verify: bool = False,
) -> Converted:
    """Convert DICOM to NIfTI volumes in real-world values (HU for CT), each exactly right or refused with the reason.

    Args:
        studies: a folder, a zip or tar archive, or a DICOMDIR.
        output: folder of the volumes; a volume of unchanged files is not converted again.
        settings: which repairs are made.
        audited_by: audit folder whose decisions are followed.
        known_findings: rules of the audit that reject nothing.
        verify: read all files again, also those whose size and time have not changed.

    Returns:
        One row per volume, with its decision and its reasons, and every finding.

    Raises:
        Refusal: USE101 or USE102, nothing to convert; ART101, no audit in `audited_by`.
    """
    from gnomon.audit import read_verdict
    from gnomon.dicom import convert_studies

    verdict = None if audited_by is None else read_verdict(Path(audited_by).expanduser(), tuple(known_findings))
    return convert_studies(
        Path(studies).expanduser(), Path(output).expanduser(), settings or ConvertSettings(), verdict, verify=verify
    )


def prepare(
    source: AnyPath,
    output: AnyPath,
    *,
    labels: AnyPath | None = None,
    label_names: Labels | None = None,
    settings: PrepareSettings | None = None,
    verify: bool = False,
) -> Dataset:
    """Check, plan, split by patient and write a data set for training.

    Args:
        source: a Medical Decathlon folder (imagesTr/, labelsTr/, dataset.json), or the output of `convert`.
        output: folder of the data set.
        labels: for converted volumes, folder of label maps named by volume_id or SeriesInstanceUID.
        label_names: for converted volumes, the value of each label.
        settings: plan, splits and which structures were annotated.
        verify: read all files again, also those whose size and time have not changed.

    Returns:
        The data set: labels, plan (patch in voxels, spacing in mm), splits, and findings on cases that were left out.

    Raises:
        Refusal: USE101 to USE104, the source cannot be read; PRP104, no case is left; PRP301 to PRP303, splits.
    """
    from gnomon.preparation import prepare as prepare_raw
    from gnomon.preparation import read_raw_dataset

    chosen = settings or PrepareSettings()
    scheme = None if label_names is None else _scheme(label_names)
    raw = read_raw_dataset(Path(source).expanduser(), _optional_path(labels), scheme, chosen.patient_pattern)
    return prepare_raw(raw, Path(output).expanduser(), chosen, verify=verify)


def read_case(dataset: Dataset | AnyPath, name: str) -> LoadedCase:
    """Read a prepared case: image, label map and grid, as training sees them.

    Args:
        dataset: the data set, or its folder.
        name: name of the case; `dataset.splits` lists them.

    Raises:
        Refusal: ART101, there is no such data set or case.
    """
    opened = dataset if isinstance(dataset, Dataset) else read_dataset(Path(dataset).expanduser())
    facts, place = read_facts(opened.folder, name), opened.folder.case(name)
    return LoadedCase(
        image=map_array(place / "image.npy"), label=map_array(place / "label.npy"), grid=facts.canonical, facts=facts
    )


def train(
    experiment: str | Config, settings: Mapping[str, Any] | None = None, *, config_dir: AnyPath | None = None
) -> TrainedExperiment:
    """Prepare, train, predict the held-out cases, evaluate and report; findings and progress are printed.

    Args:
        experiment: name of an experiment, as `phantom` or `nifti`, or a whole configuration.
        settings: values by dotted key, as {"data.root": "FOLDER", "training.epochs": 20, "net": "mednext"}; the
            command's `key=value`.
        config_dir: your own folder of experiments and nets; None: `configs/` in the current folder, if there is one.

    Returns:
        The data set, the folder of the run, its report and summary, and the manifest of a single run.

    Raises:
        Refusal: settings that are unknown, missing or not allowed; data that cannot be used.
    """
    from gnomon.commands.settings import scheme_from
    from gnomon.io.console import print_findings
    from gnomon.io.locks import exclusive_access
    from gnomon.pipeline import own_folder, prepare_data, read_stages, run_experiment
    from gnomon.tasks import find_task

    config = experiment if isinstance(experiment, Config) else read_config(experiment, settings, config_dir=config_dir)
    values = config.values
    task, folder, stages = find_task(config.task), own_folder(values), read_stages(values)
    dataset, planted = prepare_data(task, stages, values, scheme_from(config.data.label_names))
    print_findings(dataset.findings, config.data.known_findings)
    with exclusive_access(folder):
        outcome = run_experiment(task, values, dataset, folder, source_checkout())
    found = {finding.rule for finding in dataset.findings}
    return TrainedExperiment(
        dataset=dataset,
        folder=folder,
        report=outcome.report,
        summary=outcome.summary,
        manifest=outcome.manifest,
        missed_defects=tuple(defect for defect in planted or () if defect["rule"] not in found),
    )


def read_config(
    experiment: str, settings: Mapping[str, Any] | None = None, *, config_dir: AnyPath | None = None
) -> Config:
    """The configuration of an experiment, checked.

    Args:
        experiment: name of an experiment.
        settings: values by dotted key, as in `train`.
        config_dir: your own folder of experiments and nets, as in `train`.

    Raises:
        Refusal: settings that are unknown, missing or not allowed.
    """
    from gnomon.commands.compose import compose, read_request, refuse_composition

    words = [f"experiment={experiment}", *(f"{key}={_override(value)}" for key, value in (settings or {}).items())]
    words += [] if config_dir is None else ["--config-dir", str(config_dir)]
    request = read_request(Config, words)
    try:
        config: Config = compose("train", Config, request)
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("hydra", "omegaconf", "yaml"):
            raise
        raise refuse_composition(error) from None
    return config


def predict(
    run: AnyPath, images: AnyPath, output: AnyPath, *, settings: PredictSettings | None = None
) -> tuple[Finding, ...]:
    """Predict label maps on the images' own grids, with their affines to the bit; of a classification the classes.

    Args:
        run: a finished run, or a group of runs as an ensemble.
        images: folder of images, or one file.
        output: folder of `<image>.nii.gz`, uint8 or uint16 in the file's axis order; of a classification classes.csv.
        settings: overlap of the sliding window, mirroring, probabilities, postprocessing.

    Returns:
        Findings on images that could not be predicted; empty where all were.

    Raises:
        Refusal: ART101 or USE105, no finished run; USE101, no images.
    """
    from gnomon.tasks import task_of_run

    place = Path(run).expanduser()
    given, folder = Path(images).expanduser(), Path(output).expanduser()
    return tuple(task_of_run(place).predict_images(place, given, folder, settings or PredictSettings()))


def evaluate(
    references: AnyPath,
    predictions: AnyPath,
    output: AnyPath,
    *,
    label_names: Labels,
    images: AnyPath | None = None,
    settings: EvaluateSettings | None = None,
) -> Evaluation:
    """Measure predictions against references, on the references' own grids, in mm and mm3; write tables and reports.

    Args:
        references: folder of label maps; they define the grids.
        predictions: folder of label maps of the same names.
        output: folder of cases.csv, summary.json, findings.jsonl, report.html and report.pdf.
        label_names: value of each label.
        images: folder of images of the same names, on which the report draws the cases.
        settings: tolerances in mm, lesions, regions, subgroups, criteria.

    Returns:
        One row per case and structure, the summary, and findings on cases that could not be scored.

    Raises:
        Refusal: USE101 or USE106, no references; EVL110, EVL111 or EVL120, settings that do not fit.
    """
    from gnomon.evaluation import evaluate as evaluate_folder
    from gnomon.io.images import images_in_folder
    from gnomon.reports import images_of_files, write_evaluation_report

    given, predicted, scheme = Path(references).expanduser(), Path(predictions).expanduser(), _scheme(label_names)
    if not given.is_dir():
        raise MISSING_FOLDER.refusal(str(given), found="no such folder", expected="a folder of label files")
    folder, files = EvaluationFolder(Path(output).expanduser()), images_in_folder(given)
    done = evaluate_folder(files, predicted, scheme, folder.path, settings or EvaluateSettings())
    drawn = {} if images is None else images_in_folder(Path(images).expanduser())
    found = images_in_folder(predicted) if predicted.is_dir() else {}
    write_evaluation_report(folder, scheme, "Evaluation", images_of_files(files, found, drawn))
    return done


def compare(first: AnyPath, second: AnyPath, *, margins: Mapping[str, float] | None = None) -> Comparison:
    """Compare two runs to the bit, or two evaluations of the same cases with what chance could do.

    Args:
        first, second: two run folders, or two evaluation folders.
        margins: for evaluations, margins of non-inferiority by measure, declared beforehand.

    Raises:
        Refusal: ART101, a folder that holds neither; USE123, evaluations of different cases.
    """
    one, other = Path(first).expanduser(), Path(second).expanduser()
    if EvaluationFolder(one).cases.is_file() and EvaluationFolder(other).cases.is_file():
        from gnomon.evaluation import compare_evaluations

        return Comparison(rows=tuple(compare_evaluations(one, other, margins or {})))
    from gnomon.pipeline.comparison import differences, loss_divergence, same_weights

    left, right = (read_json(RunFolder(place).manifest, "a finished run") for place in (one, other))
    lines = (*differences(left, right), loss_divergence(left, right))
    return Comparison(same_weights=same_weights(left, right), differences=lines)


def _scheme(labels: Labels) -> LabelScheme:
    if isinstance(labels, LabelScheme):
        return labels
    try:
        return LabelScheme.from_names(labels)
    except ValueError as error:
        raise INVALID_LABEL_NAMES.refusal("label_names", found=str(error)) from None


def _override(value: Any) -> str:
    """A value as the command line writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_override(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_override(one) for one in value) + "]"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "\\'") + "'"


def _optional_path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path).expanduser()
