"""gnomon audit: DICOM studies -> findings, decisions and their reasons, and a report."""

from __future__ import annotations

from pathlib import Path

from gnomon.audit import AuditResult, Cohort, audit_studies
from gnomon.commands.launch import DONE, FOUND
from gnomon.commands.sections import AuditCommand
from gnomon.commands.settings import folder_from, structures_from
from gnomon.io.console import say
from gnomon.reports import write_audit_report
from gnomon.rules.finding import Severity

_FAILING = {
    "error": (Severity.ERROR,),
    "warning": (Severity.ERROR, Severity.WARNING),
    "info": tuple(Severity),
    "never": (),
}
_MOST_LINES = 20


def run(config: AuditCommand) -> int:
    """Audit; exit code 1 where a finding has the severity `fail_on` or a higher one."""
    output = Path(config.output)
    cohort = Cohort(
        folder_from(config.cases), folder_from(config.labels), structures_from(config.structures, config.labels)
    )
    audited = audit_studies(Path(config.input), output, config.reading, config.audit, config.conversion, cohort)
    write_audit_report(output)
    _print_summary(audited, output / "report.html")
    return FOUND if any(audited.count(severity) for severity in _FAILING[config.fail_on]) else DONE


def _print_summary(audited: AuditResult, report: Path) -> None:
    for row in audited.findings.filter(audited.findings["severity"] != "info").head(_MOST_LINES).iter_rows(named=True):
        say(
            f"  {row['severity']}: {row['rule']} {row['subject']}: found {row['observed']}; expected {row['expected']}."
        )
    errors, warnings, infos = (audited.count(severity) for severity in Severity)
    if (more := errors + warnings - _MOST_LINES) > 0:
        say(f"  and {more} more")
    decided = dict(audited.volumes.group_by("decision").len().rows())
    say(
        f"{len(audited.volumes)} volume(s): {decided.get('accept', 0)} accepted, {decided.get('repair', 0)} to repair, "
        f"{decided.get('reject', 0)} rejected; {errors} error(s), {warnings} warning(s), {infos} for "
        f"information: {report}"
    )
