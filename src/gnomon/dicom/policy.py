"""The repair policy: each setting names one repair, and whether it is applied or the volume is refused."""

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
    """Decisions of an audit that the conversion follows.

    Attributes:
        content_sha256: hash of the audit, recorded with the volumes.
        rejected: volume_id -> the rules that rejected it.
        pixels_sha256: volume_id -> hash of the audited pixel data, for every audited volume.
        audit: the audit's folder, whose index, digests and pseudonyms the conversion reuses, so that both have the
            same key and no header is read twice.
    """

    content_sha256: str
    rejected: Mapping[str, str]
    pixels_sha256: Mapping[str, str]
    audit: AuditFolder | None = None

    def problem(self, volume_id: str, pixels_sha256: str | None = None) -> Finding | None:
        """Why a volume must not be converted: rejected by the audit, not part of it, or changed since; else None."""
        where = f"volume {volume_id}"
        if rules := self.rejected.get(volume_id):
            return REJECTED_VOLUME.at(where, found=f"a volume rejected for {rules}")
        audited = self.pixels_sha256.get(volume_id)
        if audited is None or (pixels_sha256 is not None and audited and audited != pixels_sha256):
            return CHANGED_SINCE_AUDIT.at(where, found="slices or pixels other than those audited")
        return None


_SETTINGS = {
    HIGH_BIT.id: "high_bit",
    DUPLICATE_SLICES.id: "duplicates",
    SHEARED_STACK.id: "tilt",
    UNDECLARED_PADDING.id: "undeclared_padding",
    LOST_INTERCEPT.id: "intercept",
}
_VALUE_REPAIRS = (UNDECLARED_PADDING.id, LOST_INTERCEPT.id)
_INTERPOLATION_SETTINGS = {MISSING_SLICES.id: "missing", UNEVEN_SLICES.id: "uneven"}


def value_repairs(settings: ConvertSettings) -> tuple[str, ...]:
    """Ids of the rules on pixel values whose repair the policy applies."""
    return tuple(rule for rule in _VALUE_REPAIRS if getattr(settings, _SETTINGS[rule]) in ("mask", "restore"))


def leaves_unrepaired(rule: str, settings: ConvertSettings) -> bool:
    """Whether the policy leaves what a rule found unrepaired (`keep`)."""
    return rule in _SETTINGS and getattr(settings, _SETTINGS[rule]) == "keep"


def apply_repair_policy(findings: Iterable[Finding], settings: ConvertSettings, *, repairable: bool) -> list[Finding]:
    """Findings with the severity that the policy gives them; an error refuses the volume.

    Args:
        findings: with the severity of their rules.
        settings: the policy.
        repairable: whether the slices can be interpolated at all (a straight stack without too large a gap).
    """
    return [_apply_policy(finding, settings, repairable) for finding in findings]


def _apply_policy(finding: Finding, settings: ConvertSettings, repairable: bool) -> Finding:
    rule = finding.rule
    if rule in _SETTINGS and getattr(settings, _SETTINGS[rule]) == "refuse":
        return replace(finding, severity=Severity.ERROR)
    if rule in _VALUE_REPAIRS and leaves_unrepaired(rule, settings):
        return replace(finding, remedy=f"Kept as it is, because conversion.{_SETTINGS[rule]}=keep.")
    error = finding.severity is Severity.ERROR
    if (
        rule in _INTERPOLATION_SETTINGS
        and error
        and repairable
        and getattr(settings, _INTERPOLATION_SETTINGS[rule]) == "resample"
    ):
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
