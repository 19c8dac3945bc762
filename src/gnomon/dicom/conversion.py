"""studies/ -> volumes/: every accepted volume as NIfTI with a sidecar, every refused volume listed with the reason."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnomon.core.provenance import sha256_of_values
from gnomon.dicom.grouping import frame_spool, group_volumes
from gnomon.dicom.index import IndexSettings, index_studies
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.pixels.spool import FrameSpool
from gnomon.dicom.policy import Verdict
from gnomon.dicom.pseudonyms import PseudonymMap
from gnomon.dicom.read import run_in_chunks, sources_of
from gnomon.dicom.write import SCHEMA, VolumeJob, convert_volume
from gnomon.io.artifacts import atomic_replacement, finding_of, write_findings, write_json, write_rows
from gnomon.io.console import say, show_progress
from gnomon.io.folders import VolumesFolder
from gnomon.rules.catalogue.usage import NO_DICOM_FILES
from gnomon.rules.finding import Finding
from gnomon.settings import ConvertSettings

_COLUMNS = (
    "volume_id",
    "decision",
    "reasons",
    "patient",
    "modality",
    "slices",
    "shape",
    "spacing_mm",
    "orientation",
    "kernel",
    "padding",
    "repairs",
)
_VOLUME_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Converted:
    """The result of a conversion: one row per volume, and all findings."""

    rows: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]

    @property
    def n_refused(self) -> int:
        """Number of volumes that were not converted."""
        return sum(row["decision"] == "reject" for row in self.rows)


def convert_studies(
    studies: Path,
    output: Path,
    settings: ConvertSettings,
    verdict: Verdict | None = None,
    *,
    verify: bool = False,
) -> Converted:
    """Read every DICOM file in `studies` (a folder, an archive, a DICOMDIR) and write a volumes folder.

    A volume that an audit (`verdict`) rejected, did not include, or read with other pixels is refused. Headers already
    indexed are not read again; volumes that an audit has staged, or whose files are unchanged (by size and modification
    time; with `verify` by the bytes of their pixels), are not decoded again.

    Raises:
        Refusal: `studies` does not exist, or holds no DICOM file.
    """
    folder, fresh = VolumesFolder(output), not output.exists()
    if verdict is not None:
        _adopt_audit_files(verdict, folder)
    names = PseudonymMap.open(folder.pseudonyms, settings.pseudonym_key)
    index = index_studies(studies, folder.instances, names, IndexSettings(settings.workers, verify), folder.spool)
    volumes = group_volumes(index, folder.digests, folder.spool, verify=verify)
    if not volumes:
        if fresh:
            shutil.rmtree(output, ignore_errors=True)
        raise NO_DICOM_FILES.refusal(
            str(studies), found=f"{len(index.sources)} file(s), none of them a readable DICOM object"
        )
    for volume in volumes:
        folders = sorted({index.sources[slice_.instance.file].name.rpartition("/")[0] for slice_ in volume.slices})
        names.link("volumes", volume.volume_id, ", ".join(name or "." for name in folders))
    names.save()
    jobs = [VolumeJob(volume, sources_of(volume, index), folder, settings, verdict, verify) for volume in volumes]
    run = run_in_chunks(_convert_chunk, jobs, settings.workers, spool=frame_spool(folder.spool))
    rows = list(show_progress(run, len(jobs), "converting volumes"))
    findings = [*index.findings, *(finding_of(finding) for row in rows for finding in row["findings"])]
    _write_tables(folder, rows, findings, verdict)
    _remove_stale_volumes(folder, {row["volume_id"] for row in rows if row["decision"] != "reject"})
    for leftover in (folder.spool, folder.staging.path):
        shutil.rmtree(leftover, ignore_errors=True)
    return Converted(tuple(rows), tuple(findings))


def _adopt_audit_files(verdict: Verdict, folder: VolumesFolder) -> None:
    """Copy the audit's index, digests and pseudonyms, unless the folder has a different key."""
    if verdict.audit is None or not (verdict.audit.instances.is_file() and verdict.audit.pseudonyms.is_file()):
        return
    audited = PseudonymMap.open(verdict.audit.pseudonyms, None)
    if folder.pseudonyms.is_file() and PseudonymMap.open(folder.pseudonyms, None).key != audited.key:
        return
    for target, source in ((folder.instances, verdict.audit.instances), (folder.digests, verdict.audit.digests)):
        if source.is_file():
            with atomic_replacement(target) as temporary:
                shutil.copyfile(source, temporary)
    if not folder.pseudonyms.is_file():
        PseudonymMap(folder.pseudonyms, audited.key, audited.identities).save()


def _convert_chunk(jobs: Sequence[VolumeJob], spool: FrameSpool) -> list[dict[str, Any]]:
    with FrameReader(spool) as reader:
        return [convert_volume(job, reader) for job in jobs]


def _write_tables(
    folder: VolumesFolder, rows: list[dict[str, Any]], findings: list[Finding], verdict: Verdict | None
) -> None:
    write_findings(folder.findings, findings)
    write_rows(folder.table, [_as_table_row(row) for row in rows], _COLUMNS)
    accepted = {row["volume_id"]: row["image_sha256"] for row in rows if row["decision"] != "reject"}
    write_json(
        folder.index,
        {
            "schema": SCHEMA,
            "content_sha256": sha256_of_values(accepted),
            "audit_sha256": None if verdict is None else verdict.content_sha256,
            "decisions": dict(sorted(Counter(row["decision"] for row in rows).items())),
            "volumes": rows,
        },
    )


def _remove_stale_volumes(folder: VolumesFolder, accepted: set[str]) -> None:
    """Remove volumes that an earlier run accepted and this one does not, so that no later stage uses them."""
    present = [path.stem for path in folder.path.glob("*.json") if _VOLUME_ID.fullmatch(path.stem)]
    stale = sorted(set(present) - accepted)
    for volume_id in stale:
        files = (folder.image(volume_id), folder.padding(volume_id), folder.sidecar(volume_id), folder.state(volume_id))
        for path in files:
            path.unlink(missing_ok=True)
    if stale:
        say(f"removed {len(stale)} volume(s) of an earlier run that this one does not accept: {', '.join(stale)}")


def _as_table_row(row: dict[str, Any]) -> dict[str, Any]:
    lists = ("reasons", "kernel", "shape", "spacing_mm", "repairs")
    return row | {key: " ".join(map(str, row[key])) for key in lists if key in row}
