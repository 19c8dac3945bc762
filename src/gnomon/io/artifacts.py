"""Atomic writes of artifacts: a killed process leaves no partial file.

Every file is written under a temporary name in the same folder and then renamed, so a reader sees the old artifact or
the new one. JSON is strict: no NaN, no Infinity.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnomon.rules.catalogue.artifacts import BROKEN_ARTIFACT, MISSING_ARTIFACT
from gnomon.rules.finding import Finding, Severity

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def atomic_replacement(path: Path) -> Iterator[Path]:
    """A temporary path for the caller to write, a file or a folder; it replaces `path` if the block raises nothing.

    Its name keeps the suffixes, because libraries choose the format by them. What an earlier, killed writer of the
    same path left behind is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".part-*-{path.name}"):
        remove(leftover)
    temporary = path.parent / f".part-{os.getpid()}-{path.name}"
    try:
        yield temporary
        if temporary.is_dir():
            remove(path)
        elif temporary.is_file():
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file completely or not at all."""
    with atomic_replacement(path) as temporary:
        temporary.write_bytes(content)


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a Parquet table completely or not at all; a full disk raises OSError, which polars alone would not."""
    content = io.BytesIO()
    table.write_parquet(content, compression="zstd")
    write_bytes(path, content.getbuffer())


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, values: Any) -> None:
    """Write strict, indented JSON; a NaN raises ValueError."""
    write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Read JSON, or refuse in the user's words; `what` names the artifact, as 'the data set'."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise MISSING_ARTIFACT.refusal(str(path), found="no such file", expected=f"the {path.name} of {what}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BROKEN_ARTIFACT.refusal(
            str(path), found=f"a file that cannot be read ({error})", expected=f"the {path.name} of {what}, in JSON"
        ) from None


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write a CSV table; None becomes an empty cell, floats keep every digit."""
    names = list(columns or (rows[0] if rows else ()))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(row.get(name)) for name in names} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return repr(float(value)) if isinstance(value, (float, np.floating)) else value


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as .npy, which can be memory-mapped."""
    whole = np.ascontiguousarray(array)
    with atomic_replacement(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(whole))
        stream.write(whole.reshape(-1).view(np.uint8).data)  # np.save hides the reason of a failed write


def map_array(path: Path) -> NDArray[Any]:
    """Memory-map an .npy file: pages are read when they are accessed."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    """Write findings as JSON lines, in the order given."""
    write_text(path, "".join(json.dumps(finding.as_row()) + "\n" for finding in findings))


def read_findings(path: Path) -> list[Finding]:
    """The findings that `write_findings` wrote; none where the file is absent."""
    if not path.is_file():
        return []
    return [finding_of(json.loads(line)) for line in path.read_text().splitlines()]


def finding_of(row: Mapping[str, Any]) -> Finding:
    """The finding that `Finding.as_row` made a row of, read back from JSON."""
    return Finding(**{**row, "severity": Severity(row["severity"])})
