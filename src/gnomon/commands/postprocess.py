"""gnomon postprocess: find rules that remove false parts and lose no true ones, or apply rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.commands.sections import PostprocessCommand
from gnomon.commands.settings import folder_from, required_path, scheme_from
from gnomon.io.console import print_findings, say
from gnomon.io.folders import SearchFolder
from gnomon.io.images import images_in_folder
from gnomon.postprocess import RuleDecision, apply_to_folder, read_rule_set, search_rules
from gnomon.reports import write_search_report
from gnomon.rules.catalogue.usage import INVALID_LABEL_NAMES
from gnomon.rules.finding import Severity


def run(config: PostprocessCommand) -> int:
    """Fit or apply; exit code 3 where a case could not be processed."""
    return {"fit": _fit, "apply": _apply}[config.verb](config)


def _apply(config: PostprocessCommand) -> int:
    spec = read_rule_set(required_path(PostprocessCommand, "rules", config.rules), scheme_from(config.label_names))
    output = Path(config.output)
    findings, rows = apply_to_folder(spec, Path(config.predictions), output, folder_from(config.probabilities))
    print_findings(findings)
    for structure in dict.fromkeys(rule.structure for rule in spec.rules):
        for done in ("removed", "filled"):
            mine = [row for row in rows if (row["structure"], row["done"]) == (structure, done)]
            if mine:
                mm3, cases = sum(row["mm3"] for row in mine), len({row["case"] for row in mine})
                say(f"  {structure}: {done} {len(mine)} part(s) of {mm3:.4g} mm3 in all, in {cases} case(s)")
    say(f"predictions: {output}; what was changed: {output / 'changes.csv'}")
    return UNPROCESSED if findings else DONE


def _fit(config: PostprocessCommand) -> int:
    labels = scheme_from(config.label_names)
    if labels is None:
        raise INVALID_LABEL_NAMES.refusal("label_names", found="no value")
    predictions, references = (
        Path(config.predictions),
        required_path(PostprocessCommand, "references", config.references),
    )
    folder = SearchFolder(Path(config.output))
    result = search_rules(
        predictions,
        references,
        labels,
        folder.path,
        config.search,
        folder_from(config.probabilities),
        folder_from(config.splits),
        _patients(predictions, config.patient_pattern),
    )
    write_search_report(folder, result)
    print_findings(result.findings)
    for line in _lines(result.decisions):
        say(line)
    say(f"rules: {folder.rules}; report: {folder.report}")
    return UNPROCESSED if any(one.severity is Severity.ERROR for one in result.findings) else DONE


def _lines(decisions: Sequence[RuleDecision]) -> list[str]:
    """One line per kind of rule; one for all kinds of a structure where the reason is the same."""
    lines = []
    for structure in dict.fromkeys(one.structure for one in decisions):
        mine = [one for one in decisions if one.structure == structure]
        if len({one.reason for one in mine}) == 1:
            lines.append(f"  {structure}: left as it is: {mine[0].reason}")
            continue
        for one in mine:
            lines.append(f"  {structure}: {'adopted' if one.adopted else 'rejected'} {one.setting}: {one.reason}")
    return lines


def _patients(predictions: Path, pattern: str | None) -> dict[str, str]:
    """The patient of each case whose name the pattern matches."""
    if pattern is None:
        return {}
    found = {name: re.search(pattern, name) for name in images_in_folder(predictions)}
    return {name: match.group(0) for name, match in found.items() if match}
