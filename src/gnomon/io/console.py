"""Terminal output of a command: lines, and a progress bar with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from gnomon.rules.finding import Finding, Severity

Item = TypeVar("Item")
_PLAIN_INTERVAL_S = 10.0


def say(text: str) -> None:
    """Print one line on standard output at once."""
    print(text, flush=True)


def print_error(text: str) -> None:
    """Print one line on standard error at once."""
    print(text, file=sys.stderr, flush=True)


def show_progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Yield `items` and show progress: a bar on a terminal, a line every ten seconds elsewhere.

    Training shows its own (`training/progress_bar.py`): its total changes, and it displays the loss.
    """
    from rich.console import Console  # here, so that a message to the user does not wait for it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console()
    if not console.is_terminal:
        yield from _show_lines(items, total, label)
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task(label, total=total)
        for item in items:
            yield item
            progress.advance(task)


def _show_lines(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if done < total and now - last >= _PLAIN_INTERVAL_S:
            last = now
            left_s = (now - start) / done * (total - done)
            say(f"{label}: {done} of {total}, about {left_s:.0f} s left")
    say(f"{label}: {total} done in {time.monotonic() - start:.1f} s")


def print_findings(findings: Iterable[Finding], known: Iterable[str] = ()) -> None:
    """Print errors and warnings, one per line, and the number of findings that are information."""
    listed, accepted = list(findings), set(known)
    for finding in listed:
        if finding.severity is not Severity.INFO:
            note = " [known]" if finding.rule in accepted else ""
            say(f"  {finding.severity}{note}: {finding}")
    n_info = sum(finding.severity is Severity.INFO for finding in listed)
    if n_info:
        say(f"  and {n_info} for information, in findings.jsonl")
