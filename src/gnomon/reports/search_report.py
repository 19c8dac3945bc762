"""Report of a rule search: rules adopted and rejected, with reasons, and the parts that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gnomon.io.artifacts import write_text
from gnomon.io.folders import SearchFolder
from gnomon.postprocess import CaseParts, RuleDecision, RuleSearch
from gnomon.reports.figures import parts_scatter
from gnomon.reports.finding_table import finding_table
from gnomon.reports.page import Heading, Paragraph, Part, Picture, Table, html

_MOST_DRAWN = 4000  # parts in a figure


def write_search_report(folder: SearchFolder, result: RuleSearch) -> None:
    """Write report.html."""
    adopted = [one for one in result.decisions if one.adopted]
    lead = "; ".join(f"{one.structure}: {one.setting}" for one in adopted) or "No rule: predictions stay unchanged."
    sections: list[Part] = [
        Heading("Postprocessing rules", 1),
        Paragraph(lead, "lead"),
        Paragraph(
            "A limit is chosen on some patients and evaluated on the others. It is adopted where the lower bound of "
            "the held-out gain in mean Dice is above 0 and the lesions seen show that at most the margin is lost.",
            "quiet",
        ),
        Heading("Rules tried"),
        _decisions(result.decisions),
    ]
    for structure, cases in result.parts.items():
        if any(len(np.setdiff1d(np.arange(len(case.voxels)), case.hits[:, 0])) for case in cases):
            limit = next((one for one in adopted if one.structure == structure), None)
            sections += [Heading(structure), _picture(structure, cases, limit)]
    if result.findings:
        sections += [
            Heading("Findings"),
            finding_table(result.findings, ("where", "found", "expected")),
        ]
    write_text(folder.report, html("Gnomon: postprocessing rules", sections))


def _decisions(decisions: Sequence[RuleDecision]) -> Table:
    """One row per kind of rule; a single row for a structure where none was tried, all for one reason."""
    rows, listed = [], set[tuple[str, str]]()
    for one in decisions:
        counts = one.counts
        if (
            not counts
            and not one.adopted
            and sum((other.structure, other.reason) == (one.structure, one.reason) for other in decisions) > 1
        ):
            if (one.structure, one.reason) not in listed:
                rows.append([one.structure, "any", "rejected", one.reason, None, None, None, None])
            listed.add((one.structure, one.reason))
            continue
        rows.append(
            [
                one.structure,
                one.setting,
                "adopted" if one.adopted else "rejected",
                one.reason,
                counts.get("dice_before"),
                counts.get("dice_after"),
                _of(counts, "lesions_left", "lesions_found"),
                _of(counts, "false_removed", "false"),
            ]
        )
    columns = [
        "structure",
        "rule",
        "result",
        "reason",
        "Dice before",
        "Dice after",
        "lesions kept",
        "false parts removed",
    ]
    return Table(columns, rows)


def _of(counts: Mapping[str, int], part: str, whole: str) -> str | None:
    return f"{counts[part]} of {counts[whole]}" if part in counts else None


def _picture(structure: str, cases: Sequence[CaseParts], adopted: RuleDecision | None) -> Picture:
    mm3 = np.concatenate([case.mm3 for case in cases])[:_MOST_DRAWN]
    mean = np.concatenate([case.mean for case in cases])[:_MOST_DRAWN]
    true = np.concatenate([np.isin(np.arange(len(case.voxels)), case.hits[:, 0]) for case in cases])[:_MOST_DRAWN]
    lines = {} if adopted is None or adopted.limit is None else {adopted.kind: adopted.limit}
    what = "mean probability" if np.isfinite(mean).any() else "rank in the case"
    if what != "mean probability":
        mean = np.concatenate([case.rank + 1.0 for case in cases])[:_MOST_DRAWN]
    caption = f"Predicted parts of {structure}: filled where they hit a reference lesion, hollow where they do not."
    return Picture(parts_scatter(mm3, mean, true, what, lines), caption)
