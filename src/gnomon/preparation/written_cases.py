"""Files of a prepared data set: one folder per case, written whole or not at all, and the index that lists them."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_values
from gnomon.dataset.dataset import SCHEMA, Dataset, read_dataset
from gnomon.dataset.plan import Plan
from gnomon.dataset.splits import Splits
from gnomon.io.artifacts import atomic_replacement, read_json, write_array, write_findings, write_json
from gnomon.io.folders import DatasetFolder
from gnomon.io.images import Image
from gnomon.preparation.fingerprint import Fingerprint
from gnomon.rules.finding import Finding


def existing_content(folder: DatasetFolder, name: str, key: str) -> str | None:
    """Content hash of a case that an earlier run wrote under the same key; None if the case must be written."""
    file = folder.case(name) / "case.json"
    if not file.is_file():
        return None
    facts = read_json(file, "the prepared data set")
    return str(facts["content_sha256"]) if facts["key"] == key else None


def write_case(
    place: Path,
    arrays: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    image: Image,
    reference: Path | None = None,
) -> None:
    """Write the folder of one case.

    Args:
        arrays: by file name without suffix, each written as .npy.
        facts: what case.json states besides the grid and the header of the image.
        image: the case before preparation.
        reference: label file that is copied beside the arrays, for the evaluation.
    """
    with atomic_replacement(place) as temporary:
        temporary.mkdir(parents=True)
        for name, array in arrays.items():
            write_array(temporary / f"{name}.npy", array)
        if reference is not None:
            suffix = "".join(reference.suffixes[-2:]) if reference.name.endswith(".gz") else ".nii"
            shutil.copyfile(reference, temporary / f"reference{suffix}")
        header = base64.b64encode(image.header.binaryblock).decode()
        write_json(temporary / "case.json", {**facts, "native": image.grid.as_dict(), "native_header": header})


def write_dataset(
    folder: DatasetFolder,
    *,
    task: str,
    modality: str,
    labels: LabelScheme,
    fingerprint: Fingerprint,
    plan: Plan,
    splits: Splits,
    cases: Mapping[str, str],
    findings: Iterable[Finding],
    audit: str,
) -> Dataset:
    """Write splits, findings and, last of all, the index of a prepared data set; then read it back.

    Args:
        cases: content hash of each case, by name.
        audit: hash of the audit that the data passed, `files` or `off`.
    """
    content = {"cases": cases, "labels" if task == "segmentation" else "classes": labels.as_dict()}
    identity = {**content, "plan": plan.as_dict(), **({} if task == "segmentation" else {"task": task})}
    write_json(folder.splits, splits.as_dict())
    write_findings(folder.findings, findings)
    write_json(
        folder.index,
        {
            "schema": SCHEMA,
            "task": task,
            "modality": modality,
            **labels.as_dict(),
            "fingerprint": fingerprint.as_dict(),
            "plan": plan.as_dict(),
            "cases": dict(cases),
            "audit": audit,
            "content_sha256": sha256_of_values(identity),
        },
    )
    return read_dataset(folder.path)


def foreground_indices(channels: NDArray[Any], scheme: LabelScheme) -> tuple[NDArray[Any], dict[int, int]]:
    """Flat indices of the voxels of each structure, one structure after another, and the count of each."""
    flat = channels.reshape(-1)
    parts = [np.flatnonzero(flat == channel) for channel in range(1, scheme.n_channels)]
    kind = np.int32 if flat.size < 2**31 else np.int64
    counts = {channel: int(part.size) for channel, part in enumerate(parts, start=1)}
    return np.concatenate(parts).astype(kind), counts
