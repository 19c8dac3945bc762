"""For every rule a defect to plant: a clean study goes in, one that breaks the rule comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from tests.audit.clean import Study

Draw = np.random.Generator
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Plant:
    """One defect.

    Attributes:
        base: the kind of clean study it is planted in.
        change: changes the study, or returns another list of files.
        decision: what must become of a volume of it.
    """

    base: str
    change: Callable[[Study, Draw], Study | None]
    decision: str = "accept"


PLANTS: dict[str, Plant] = {}


def plant(rule: str, base: str = "CT", decision: str = "accept") -> Callable[[Any], Any]:
    def keep(change: Any) -> Any:
        PLANTS[rule] = Plant(base, change, decision)
        return change

    return keep


def setting(rule: str, base: str = "CT", decision: str = "accept", **elements: Any) -> None:
    """A plant that sets elements in every file; None deletes one, a tuple is drawn from."""

    def change(study: Study, draw: Draw) -> None:
        chosen = {
            key: value[draw.integers(len(value))] if isinstance(value, tuple) else value
            for key, value in elements.items()
        }
        for data in study:
            put(data, **chosen)

    PLANTS[rule] = Plant(base, change, decision)


def put(data: FileDataset, **elements: Any) -> None:
    for keyword, value in elements.items():
        if value is None:
            if keyword in data:
                delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    if "SOPClassUID" in elements:
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID


def stored(data: FileDataset) -> np.ndarray:
    return (
        np.frombuffer(data.PixelData, "<i2" if data.PixelRepresentation else "<u2")
        .reshape(data.Rows, data.Columns)
        .copy()
    )


def store(data: FileDataset, values: np.ndarray) -> None:
    data.PixelData = np.rint(values).astype("<i2" if data.PixelRepresentation else "<u2").tobytes()


def each_picture(change: Callable[[np.ndarray], np.ndarray], study: Study) -> None:
    for data in study:
        store(data, change(stored(data)))


def one_of(draw: Draw, study: Study) -> FileDataset:
    """A slice that is neither the first nor the last."""
    return study[int(draw.integers(1, len(study) - 1))]


def twice(study: Study, draw: Draw) -> Study:
    """Every slice a second time with other pixels."""
    twins = []
    for data in study:
        twin = copy.deepcopy(data)
        twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        store(twin, stored(twin) + 7)
        twins.append(twin)
    return twins
