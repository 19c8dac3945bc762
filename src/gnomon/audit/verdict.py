"""Reads the decisions of an audit for the stages that must follow them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from gnomon.dicom import Verdict
from gnomon.io.artifacts import read_json
from gnomon.io.folders import AuditFolder
from gnomon.rules.catalogue.usage import AUDIT_CHANGED


def read_verdict(audit: Path, waived: tuple[str, ...] = ()) -> Verdict:
    """The decisions in an audit folder.

    Args:
        audit: the folder.
        waived: ids of rules that the user declared known; they reject nothing.

    Raises:
        Refusal: ART101 or ART102, no audit or a broken one; USE130, findings that are not those of audit.json.
    """
    folder = AuditFolder(audit)
    facts = read_json(folder.index, "the audit")
    if not folder.lines.is_file() or hashlib.sha256(folder.lines.read_bytes()).hexdigest() != facts["findings_sha256"]:
        raise AUDIT_CHANGED.refusal(str(audit), found="findings that are not those of audit.json")
    volumes, findings = pl.read_parquet(folder.volumes), pl.read_parquet(folder.findings)
    rejecting = findings.filter((pl.col("decision") == "reject") & ~pl.col("rule").is_in(list(waived)))
    rules = rejecting.group_by("volume_id").agg(pl.col("rule").unique().sort().str.join(" ")).sort("volume_id")
    hashes = volumes["pixels_sha256"].fill_null("") if "pixels_sha256" in volumes.columns else [""] * len(volumes)
    return Verdict(
        facts["content_sha256"],
        {volume: ids for volume, ids in rules.rows() if volume},
        dict(zip(volumes["volume_id"], hashes)),
        folder,
    )
