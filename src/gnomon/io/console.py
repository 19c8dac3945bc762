"""What a command says while it works: lines, and a progress bar with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from gnomon.rules.finding import Finding, Severity

Item = TypeVar("Item")
_PLAIN_INTERVAL_S = 10.0


def say(text: str) -> None:
    """One line for the user on standard output."""
    print(text, flush=True)


def print_error(text: str) -> None:
    """One line for the user on standard error."""
    print(text, file=sys.stderr, flush=True)


def show_progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Pass `items` on and show how far they are: a bar on a terminal, a line now and then elsewhere."""
    from rich.console import Console  # here, so that a message to the user does not wait for it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console()
    if not console.is_terminal:
        yield from _plainly(items, total, label)
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task(label, total=total)
        for item in items:
            yield item
            progress.advance(task)


def _plainly(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    began = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if done < total and now - said >= _PLAIN_INTERVAL_S:
            said = now
            left_s = (now - began) / done * (total - done)
            say(f"{label}: {done} of {total}, about {left_s:.0f} s left")
    say(f"{label}: {total} done in {time.monotonic() - began:.1f} s")


def print_findings(findings: Iterable[Finding], known: Iterable[str] = ()) -> None:
    """Print errors and warnings, one a line, and count what is only information."""
    listed, waived = list(findings), set(known)
    for finding in listed:
        if finding.severity is not Severity.INFO:
            note = " [known]" if finding.rule in waived else ""
            say(f"  {finding.severity}{note}: {finding}")
    told = sum(finding.severity is Severity.INFO for finding in listed)
    if told:
        say(f"  and {told} for information, in findings.jsonl")
