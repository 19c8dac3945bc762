"""One process at a time in a folder: a second one waits, or is refused. A killed process holds no lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gnomon.io.console import say
from gnomon.rules.catalogue.usage import FOLDER_IN_USE


@contextmanager
def wait_for_turn(folder: Path, what: str) -> Iterator[None]:
    """Wait until no other process writes to `folder`; `what` names its contents for the user."""
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for another process that makes {what}: {folder}")
        lock.acquire()
    with _release_at_end(lock):
        yield


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Keep other processes out of `folder`.

    Raises:
        Refusal: USE132, another process is working there.
    """
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FOLDER_IN_USE.refusal(str(folder), found="another process that is working in it") from None
    with _release_at_end(lock):
        yield


def _lock(folder: Path) -> FileLock:
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock")


@contextmanager
def _release_at_end(lock: FileLock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()
