"""Decoded frames on disk: those compared as possible duplicates are not decoded again for their volume."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from gnomon.dicom.pixels.modality import Frame
from gnomon.io.artifacts import finding_of, map_array, write_array, write_json
from gnomon.rules.finding import Finding


@dataclass(frozen=True)
class FrameSpool:
    """A folder of decoded frames; frames with equal values are stored once. It is deleted after reading."""

    folder: Path

    def keep(self, file: str, number: int, frame: Frame, findings: dict[str, Finding]) -> None:
        """Store a frame.

        Args:
            file: pseudonym of its file.
            number: of the frame in the file, from 0.
            frame: its values and padding.
            findings: the findings from decoding it.
        """
        padding = b"" if frame.padding is None else frame.padding.tobytes()
        name = hashlib.sha256(frame.values.tobytes() + padding).hexdigest()
        values, mask = self._arrays(name)
        if not values.is_file():
            if frame.padding is not None:
                write_array(mask, frame.padding)
            write_array(values, frame.values)
        rows = [finding.as_row() for finding in findings.values()]
        write_json(self._entry(file, number), {"name": name, "padding": frame.padding is not None, "findings": rows})

    def find(self, file: str, number: int) -> tuple[Frame, list[Finding]] | None:
        """A stored frame with its findings; None if it was not stored."""
        entry = self._entry(file, number)
        if not entry.is_file():
            return None
        record = json.loads(entry.read_text())
        values, mask = self._arrays(record["name"])
        frame = Frame(map_array(values), map_array(mask) if record["padding"] else None)
        return frame, [finding_of(row) for row in record["findings"]]

    def _arrays(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.npy", self.folder / f"{name}.padding.npy"

    def _entry(self, file: str, number: int) -> Path:
        return self.folder / f"{file}-{number}.json"
