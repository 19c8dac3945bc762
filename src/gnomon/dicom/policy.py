"""What may be repaired: each setting names one repair and says whether it is done or the volume refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gnomon.io.folders import AuditFolder
from gnomon.rules.catalogue.audit import CHANGED_SINCE_AUDIT, REJECTED_VOLUME
from gnomon.rules.catalogue.encoding import HIGH_BIT, LOST_INTERCEPT
from gnomon.rules.catalogue.geometry import SHEARED_STACK, UNEVEN_SLICES
from gnomon.rules.catalogue.padding import UNDECLARED_PADDING
from gnomon.rules.catalogue.series import DUPLICATE_SLICES, MISSING_SLICES
from gnomon.rules.finding import Finding, Severity
from gnomon.settings import ConvertSettings


@dataclass(frozen=True)
class Verdict:
    """What an audit decided, for the conversion to follow.

    Attributes:
        content_sha256: the audit's hash, which goes with the volumes.
        rejected: volume_id -> the rules that led to it.
        pixels_sha256: volume_id -> hash of the pixel data as they were audited; of every volume that was.
        audit: the audit's folder, whose index, digests and pseudonyms the conversion begins from: one key for both,
            and no header is read twice.
    """

    content_sha256: str
    rejected: Mapping[str, str]
    pixels_sha256: Mapping[str, str]
    audit: AuditFolder | None = None

    def problem(self, volume_id: str, pixels_sha256: str | None = None) -> Finding | None:
        """Why a volume must not be converted: rejected, unknown to the audit, or changed since."""
        where = f"volume {volume_id}"
        if rules := self.rejected.get(volume_id):
            return REJECTED_VOLUME.at(where, found=f"a volume rejected for {rules}")
        known = self.pixels_sha256.get(volume_id)
        if known is None or (pixels_sha256 is not None and known and known != pixels_sha256):
            return CHANGED_SINCE_AUDIT.at(where, found="slices or pixels other than those audited")
        return None


_GOVERNED = {
    HIGH_BIT.id: "high_bit",
    DUPLICATE_SLICES.id: "duplicates",
    SHEARED_STACK.id: "tilt",
    UNDECLARED_PADDING.id: "undeclared_padding",
    LOST_INTERCEPT.id: "intercept",
}
_VALUE_REPAIRS = (UNDECLARED_PADDING.id, LOST_INTERCEPT.id)
_INTERPOLATED = {MISSING_SLICES.id: "missing", UNEVEN_SLICES.id: "uneven"}


def value_repairs(settings: ConvertSettings) -> tuple[str, ...]:
    """Rules on values whose repair is made."""
    return tuple(rule for rule in _VALUE_REPAIRS if getattr(settings, _GOVERNED[rule]) in ("mask", "restore"))


def left_alone(rule: str, settings: ConvertSettings) -> bool:
    """Whether the policy keeps what a rule found as it is."""
    return rule in _GOVERNED and getattr(settings, _GOVERNED[rule]) == "keep"


def apply_repair_policy(findings: Iterable[Finding], settings: ConvertSettings, *, repairable: bool) -> list[Finding]:
    """Findings with the severity that the policy gives them: an error is what may not be repaired.

    Args:
        findings: as they were found.
        settings: the policy.
        repairable: whether the slices can be interpolated at all (straight, and no gap too wide).
    """
    return [_with_policy(finding, settings, repairable) for finding in findings]


def _with_policy(finding: Finding, settings: ConvertSettings, repairable: bool) -> Finding:
    rule = finding.rule
    if rule in _GOVERNED and getattr(settings, _GOVERNED[rule]) == "refuse":
        return replace(finding, severity=Severity.ERROR)
    if rule in _VALUE_REPAIRS and left_alone(rule, settings):
        return replace(finding, remedy=f"Kept as it is, because conversion.{_GOVERNED[rule]}=keep.")
    error = finding.severity is Severity.ERROR
    if rule in _INTERPOLATED and error and repairable and getattr(settings, _INTERPOLATED[rule]) == "resample":
        return replace(
            finding,
            severity=Severity.WARNING,
            remedy="Nothing to do: slices are resampled to even positions (linear interpolation).",
        )
    if rule == SHEARED_STACK.id and settings.tilt == "straighten":
        return replace(
            finding, remedy="Nothing to do: the volume is resampled to a grid with right angles (linear interpolation)."
        )
    return finding
