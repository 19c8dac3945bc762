"""report.html of a search for rules: what was adopted, what was refused and why, the parts it was decided on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gnomon.io.artifacts import write_text
from gnomon.io.folders import SearchFolder
from gnomon.postprocess import CaseParts, Fitted, Verdict
from gnomon.reports.figures import parts_scatter
from gnomon.reports.page import Heading, Paragraph, Part, Picture, Table, html

_DRAWN = 4000  # parts a picture


def write_search_report(folder: SearchFolder, fitted: Fitted) -> None:
    """Write report.html."""
    adopted = [one for one in fitted.verdicts if one.adopted]
    said = (
        "; ".join(f"{one.structure}: {one.setting}" for one in adopted) or "no rule: the predictions stay as they are"
    )
    sections: list[Part] = [
        Heading("Postprocessing rules", 1),
        Paragraph(said, "lead"),
        Paragraph(
            "A limit is chosen on some patients and judged on the others. It is adopted where the lower bound of the "
            "held-out gain in mean Dice is above 0 and the lesions seen show that no more than the margin is lost.",
            "quiet",
        ),
        Heading("What was tried"),
        _verdicts(fitted.verdicts),
    ]
    for structure, cases in fitted.parts.items():
        if any(len(np.setdiff1d(np.arange(len(case.voxels)), case.hits[:, 0])) for case in cases):
            limit = next((one for one in adopted if one.structure == structure), None)
            sections += [Heading(structure), _picture(structure, cases, limit)]
    if fitted.findings:
        sections += [
            Heading("Findings"),
            Table(
                ["rule", "where", "found", "expected"],
                [[one.rule, one.where, one.found, one.expected] for one in fitted.findings],
            ),
        ]
    write_text(folder.report, html("Gnomon: postprocessing rules", sections))


def _verdicts(verdicts: Sequence[Verdict]) -> Table:
    """A row a kind of rule; one for all of a structure's where none was tried, for one reason."""
    rows, told = [], set[tuple[str, str]]()
    for one in verdicts:
        counts = one.counts
        if (
            not counts
            and not one.adopted
            and sum((other.structure, other.reason) == (one.structure, one.reason) for other in verdicts) > 1
        ):
            if (one.structure, one.reason) not in told:
                rows.append([one.structure, "any", "refused", one.reason, None, None, None, None])
            told.add((one.structure, one.reason))
            continue
        rows.append(
            [
                one.structure,
                one.setting,
                "adopted" if one.adopted else "refused",
                one.reason,
                counts.get("dice_before"),
                counts.get("dice_after"),
                _of(counts, "lesions_left", "lesions_found"),
                _of(counts, "false_removed", "false"),
            ]
        )
    columns = ["structure", "rule", "", "why", "Dice before", "Dice after", "lesions left", "false parts removed"]
    return Table(columns, rows)


def _of(counts: Mapping[str, int], part: str, whole: str) -> str | None:
    return f"{counts[part]} of {counts[whole]}" if part in counts else None


def _picture(structure: str, cases: Sequence[CaseParts], adopted: Verdict | None) -> Picture:
    mm3 = np.concatenate([case.mm3 for case in cases])[:_DRAWN]
    mean = np.concatenate([case.mean for case in cases])[:_DRAWN]
    true = np.concatenate([np.isin(np.arange(len(case.voxels)), case.hits[:, 0]) for case in cases])[:_DRAWN]
    lines = {} if adopted is None or adopted.limit is None else {adopted.kind: adopted.limit}
    what = "mean probability" if np.isfinite(mean).any() else "rank in its case"
    if what != "mean probability":
        mean = np.concatenate([case.rank + 1.0 for case in cases])[:_DRAWN]
    caption = f"Every predicted part of {structure}: filled where it hits a lesion of the reference, hollow where not."
    return Picture(parts_scatter(mm3, mean, true, what, lines), caption)
