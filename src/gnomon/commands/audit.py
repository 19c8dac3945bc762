"""gnomon audit: DICOM studies -> findings, decisions and the reasons, a page to read them on."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from gnomon.audit import Cohort, audit_studies
from gnomon.commands.launch import DONE, FOUND
from gnomon.core.labels import LabelScheme
from gnomon.core.settings import settings_from
from gnomon.io.console import say
from gnomon.reports import write_audit_report
from gnomon.rules.catalogue.usage import INVALID_VALUE, UNKNOWN_SETTING
from gnomon.rules.finding import Severity
from gnomon.settings import AuditSettings, ConvertSettings
from gnomon.settings.policy import Policy

_LEVELS = {
    "error": (Severity.ERROR,),
    "warning": (Severity.ERROR, Severity.WARNING),
    "info": tuple(Severity),
    "never": (),
}
_SHOWN = 20
_WANTED = "the name of each structure with its value in the label maps"
_EXAMPLE = "For example structures='{liver: 1, spleen: 2}'."


def run(config: DictConfig) -> int:
    """Audit; exit code 1 where a finding is at or above `fail_on`."""
    if config.fail_on not in _LEVELS:
        raise INVALID_VALUE.refusal(
            "fail_on",
            found=repr(config.fail_on),
            expected=f"one of {', '.join(_LEVELS)}",
            remedy="Set fail_on to one of these.",
        )
    output = Path(config.output)
    done = audit_studies(
        Path(config.input),
        output,
        settings_from(AuditSettings, config.reading, "reading"),
        settings_from(Policy, config.audit, "audit"),
        settings_from(ConvertSettings, config.conversion, "conversion"),
        Cohort(_path(config.cases), _path(config.labels), _structures(config)),
    )
    write_audit_report(output)
    for row in done.findings.filter(done.findings["severity"] != "info").head(_SHOWN).iter_rows(named=True):
        say(
            f"  {row['severity']}: {row['rule']} {row['subject']}: found {row['observed']}; expected {row['expected']}."
        )
    counts = {severity: done.count(severity) for severity in Severity}
    if (more := counts[Severity.ERROR] + counts[Severity.WARNING] - _SHOWN) > 0:
        say(f"  and {more} more")
    decided = dict(done.volumes.group_by("decision").len().rows())
    say(
        f"{len(done.volumes)} volume(s): {decided.get('accept', 0)} accepted, {decided.get('repair', 0)} to repair, "
        f"{decided.get('reject', 0)} rejected; {counts[Severity.ERROR]} error(s), {counts[Severity.WARNING]} "
        f"warning(s), "
        f"{counts[Severity.INFO]} for information: {output / 'report.html'}"
    )
    return FOUND if any(counts[severity] for severity in _LEVELS[config.fail_on]) else DONE


def _structures(config: DictConfig) -> LabelScheme | None:
    """What the values of the label maps mean, where the user says it."""
    structures = config.structures
    if structures is None:
        return None
    if config.labels is None:
        raise UNKNOWN_SETTING.refusal(
            "structures",
            found="no label maps to apply it to",
            expected="labels=FOLDER beside it",
            remedy="Set labels=FOLDER, or remove structures=.",
        )
    if not isinstance(structures, DictConfig):
        raise UNKNOWN_SETTING.refusal("structures", found=repr(structures), expected=_WANTED, remedy=_EXAMPLE)
    try:
        return LabelScheme.from_names(structures)
    except (ValueError, TypeError) as error:
        raise UNKNOWN_SETTING.refusal("structures", found=str(error), expected=_WANTED, remedy=_EXAMPLE) from None


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
