"""From what a configuration calls its data to a prepared data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnomon.audit import Cohort, audit_studies, read_verdict
from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_values
from gnomon.dataset.dataset import Dataset, read_dataset
from gnomon.dicom import Staging, Verdict, convert_studies
from gnomon.io.folders import DatasetFolder, VolumesFolder
from gnomon.io.images import ImageSpool
from gnomon.io.locks import wait_for_turn
from gnomon.phantom import write_phantom
from gnomon.pipeline.stages import Stages
from gnomon.preparation import audit_record, prepare, read_raw_dataset
from gnomon.reports import write_audit_report
from gnomon.rules.catalogue.annotation import LABEL_GRID, UNMATCHED_LABELS
from gnomon.rules.catalogue.usage import MISSING_FOLDER, MISSING_SETTING, UNKNOWN_DATA_KIND
from gnomon.settings import AuditSettings

_CHECKED_BY_PREPARATION = (LABEL_GRID, UNMATCHED_LABELS)  # as PRP201 and PRP102


def prepared_data(
    stages: Stages, values: Mapping[str, Any], scheme: LabelScheme | None
) -> tuple[Dataset, list[dict[str, Any]] | None]:
    """The data set, prepared as far as it is not yet; for a phantom also the defects that were planted.

    Args:
        scheme: the labels of DICOM and converted volumes.

    Raises:
        Refusal: USE109, USE112, or whatever the stages refuse.
    """
    data = values["data"]
    kind, root = data["kind"], None if data["root"] is None else Path(data["root"]).expanduser()
    if kind not in ("phantom", "dicom", "nifti", "prepared"):
        raise UNKNOWN_DATA_KIND.refusal("data.kind", found=repr(kind))
    if kind != "phantom" and root is None:
        raise MISSING_SETTING.refusal(
            "data.root", found="no value", expected="the folder of the data", remedy="Set data.root=FOLDER."
        )
    if root is not None and not root.exists():
        raise MISSING_FOLDER.refusal(str(root), found="no such folder", expected="the folder of the data")
    if kind == "prepared" and root is not None:
        dataset = read_dataset(root)
        audit_record(None if dataset.audit == "off" else dataset.audit, stages.preparation)
        return dataset, None
    with wait_for_turn(store_of(values), "the same data"):
        return _prepared(stages, values, scheme, root)


def _prepared(
    stages: Stages, values: Mapping[str, Any], scheme: LabelScheme | None, root: Path | None
) -> tuple[Dataset, list[dict[str, Any]] | None]:
    """Phantom, audit, conversion, preparation: each goes on where it stopped."""
    data, store = values["data"], store_of(values)
    kind = data["kind"]
    labels = None if data["labels"] is None else Path(data["labels"]).expanduser()
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
    source = read_raw_dataset(root, labels, scheme, stages.preparation.patient_pattern)
    memory = stages.step_bytes(values["net"], source.labels.n_channels)
    return prepare(source, store / "dataset", stages.preparation, memory), planted


def _verdict(
    studies: Path, store: Path, stages: Stages, data: Mapping[str, Any], cohort: Cohort, *, verify: bool
) -> Verdict | None:
    """What an audit beside the converted volumes says of the studies; None where it was turned off.

    The audit decodes each volume and stages it for the conversion, which decodes nothing that is staged.

    Whether labels and images belong together is the preparation's matter, which looks at what is converted.
    """
    if stages.preparation.audit == "off":
        return None
    folder, workers = store / "audit", stages.conversion.workers
    settings = AuditSettings(workers=workers, pseudonym_key=stages.conversion.pseudonym_key)
    policy = stages.audit.ignoring(_CHECKED_BY_PREPARATION)
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
    write_audit_report(folder)
    return read_verdict(folder, tuple(data["known_findings"]))


def store_of(values: Mapping[str, Any]) -> Path:
    """Where prepared data lie: shared by all runs that prepare the same data in the same way."""
    sections = ("data", "phantom", "audit", "conversion", "preparation")
    recipe = {key: values[key] for key in sections if key != "phantom" or values["data"]["kind"] == "phantom"}
    recipe["data"] = {key: value for key, value in values["data"].items() if key != "known_findings"}
    if values["preparation"]["plan"]["memory_gib"] is not None:  # then the plan depends on the net
        recipe["net"], recipe["training"] = values["net"], values["training"]
    name = f"{values['name']}-{sha256_of_values(recipe)[:8]}"
    return Path(values["workspace"]).expanduser() / "data" / name
