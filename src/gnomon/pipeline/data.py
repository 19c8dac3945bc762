"""From the data that a configuration names to a prepared data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnomon.audit import Cohort, audit_studies, read_verdict
from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_file, sha256_of_values
from gnomon.dataset.dataset import Dataset, read_dataset
from gnomon.dicom import Staging, Verdict, convert_studies
from gnomon.io.folders import AuditFolder, DatasetFolder, VolumesFolder
from gnomon.io.images import ImageSpool
from gnomon.io.locks import wait_for_turn
from gnomon.phantom import write_phantom
from gnomon.pipeline.stages import Stages
from gnomon.preparation import audit_record
from gnomon.reports import write_audit_report
from gnomon.rules.catalogue.annotation import LABEL_GRID, UNMATCHED_LABELS
from gnomon.rules.catalogue.usage import MISSING_FOLDER, MISSING_SETTING, UNKNOWN_DATA_KIND
from gnomon.settings import AuditSettings
from gnomon.tasks import DataPaths, Task

_CHECKED_BY_PREPARATION = (LABEL_GRID, UNMATCHED_LABELS)  # as PRP201 and PRP102


def prepare_data(
    task: Task, stages: Stages, values: Mapping[str, Any], scheme: LabelScheme | None
) -> tuple[Dataset, list[dict[str, Any]] | None]:
    """The data set, prepared if it is not yet; for a phantom also the planted defects.

    Args:
        scheme: the labels of DICOM and converted volumes.

    Raises:
        Refusal: USE101 or USE109, a path is wrong or missing; USE112, a kind of data that the task does not take;
            whatever the stages refuse.
    """
    data = values["data"]
    kind, root = data["kind"], None if data["root"] is None else Path(data["root"]).expanduser()
    if kind not in task.data_kinds:
        raise UNKNOWN_DATA_KIND.refusal(
            "data.kind", found=repr(kind), expected=f"for task={task.name}: {', '.join(task.data_kinds)}"
        )
    if kind != "phantom" and root is None:
        raise MISSING_SETTING.refusal(
            "data.root", found="no value", expected="the folder of the data", remedy="Set data.root=FOLDER."
        )
    for key in task.required_data if kind == "nifti" else ():
        if data[key] is None:
            raise MISSING_SETTING.refusal(
                f"data.{key}", found="no value", expected="a path", remedy=f"Set data.{key}=PATH."
            )
    if root is not None and not root.exists():
        raise MISSING_FOLDER.refusal(str(root), found="no such folder", expected="the folder of the data")
    if kind == "prepared" and root is not None:
        dataset = read_dataset(root)
        audit_record(None if dataset.audit == "off" else dataset.audit, stages.preparation)
        return dataset, None
    with wait_for_turn(data_folder(values), "the same data"):
        return _prepare(task, stages, values, scheme, root)


def _prepare(
    task: Task, stages: Stages, values: Mapping[str, Any], scheme: LabelScheme | None, root: Path | None
) -> tuple[Dataset, list[dict[str, Any]] | None]:
    """Phantom, audit, conversion, preparation; each resumes where it stopped."""
    data, store = values["data"], data_folder(values)
    kind = data["kind"]
    labels, classes = (None if data[key] is None else Path(data[key]).expanduser() for key in ("labels", "classes"))
    planted = None
    if kind == "phantom":
        facts = write_phantom(store, stages.phantom)
        root, labels, planted = store / "studies", store / "labels", facts["planted"]
        scheme = LabelScheme.from_dict(facts["labels"])
    assert root is not None
    if kind in ("phantom", "dicom"):
        cohort = Cohort(labels=labels, structures=scheme)
        verdict = _verdict(root, store, stages, data, cohort, verify=values["verify"])
        convert_studies(root, store / "volumes", stages.conversion, verdict, verify=values["verify"])
        root = store / "volumes"
    paths = DataPaths(images=root, labels=labels, classes=classes, scheme=scheme, verify=values["verify"])
    net = values["net"]
    dataset = task.prepare(paths, store / "dataset", stages.preparation, lambda count: stages.step_bytes(net, count))
    return dataset, planted


def _verdict(
    studies: Path, store: Path, stages: Stages, data: Mapping[str, Any], cohort: Cohort, *, verify: bool
) -> Verdict | None:
    """The verdict of an audit on the studies, which lies beside the converted volumes; None where it is turned off.

    The audit decodes each volume and stages it for the conversion, which decodes nothing that is staged. The
    preparation checks whether labels and images match, on the converted volumes.
    """
    if stages.preparation.audit == "off":
        return None
    folder, workers = store / "audit", stages.conversion.workers
    settings = AuditSettings(workers=workers, pseudonym_key=stages.conversion.pseudonym_key)
    policy = stages.audit.ignoring(_CHECKED_BY_PREPARATION)
    before = _audit_state(folder)
    audit_studies(
        studies,
        folder,
        settings,
        policy,
        stages.conversion,
        cohort,
        staging=Staging(VolumesFolder(store / "volumes"), stages.conversion),
        label_spool=ImageSpool(DatasetFolder(store / "dataset").spool),
        verify=verify,
    )
    if verify or _audit_state(folder) != before or not AuditFolder(folder).report.is_file():
        write_audit_report(folder)
    return read_verdict(folder, tuple(data["known_findings"]))


def _audit_state(folder: Path) -> list[str]:
    """Hashes of the artifacts that the report of an audit is made from."""
    audit = AuditFolder(folder)
    files = (audit.index, audit.volumes, audit.findings, audit.measures)
    return [sha256_of_file(file) for file in files if file.is_file()]


def data_folder(values: Mapping[str, Any]) -> Path:
    """Folder of the prepared data, shared by all runs that prepare the same data in the same way."""
    sections = ("data", "phantom", "audit", "conversion", "preparation")
    recipe = {key: values[key] for key in sections if key != "phantom" or values["data"]["kind"] == "phantom"}
    recipe["data"] = {key: value for key, value in values["data"].items() if key != "known_findings"}
    if values["preparation"]["plan"]["memory_gib"] is not None:  # then the plan depends on the net
        recipe["net"], recipe["training"] = values["net"], values["training"]
    name = f"{values['name']}-{sha256_of_values(recipe)[:8]}"
    return Path(values["workspace"]).expanduser() / "data" / name
