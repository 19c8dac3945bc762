"""One file's stored pixels -> real-world values in float32, and the mask of its padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder

from isocenter.dicom.scan import Instance, quiet_pydicom
from isocenter.findings import refuse


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice: values (rows, columns) in float32, and padding of the same shape or None."""

    values: NDArray[np.float32]
    padding: NDArray[np.bool_] | None


def decodable(transfer_syntax: str) -> bool:
    """Whether this installation can decode the transfer syntax."""
    uid = pydicom.uid.UID(transfer_syntax)
    if uid in pydicom.uid.AllTransferSyntaxes and not uid.is_encapsulated:
        return True
    try:
        return bool(get_decoder(uid).is_available)
    except NotImplementedError:
        return False


def read_frame(instance: Instance) -> Frame:
    """Decode a single-frame file and apply its modality rescale (C.7.6.16.2.9, C.11.1).

    Slope and intercept are applied in float64; an absent pair means stored values are the values (allowed
    for MR; a CT without them is refused before). MONOCHROME1 does not change a quantitative value.

    Raises:
        Refusal: DCM002 where the pixel data are short, damaged or of another shape than declared.
    """
    try:
        with quiet_pydicom():
            data = pydicom.dcmread(instance.path)
            stored = data.pixel_array
    except Exception as error:  # decoders raise many types: dicom.md 5.2
        raise refuse(
            "DCM002", instance.sop_uid, f"pixel data that cannot be decoded ({type(error).__name__})",
            f"{instance.rows} x {instance.columns} pixels of {instance.bits_allocated} bits",
            "Export the series again.",
        ) from None  # fmt: skip
    if stored.shape != (instance.rows, instance.columns):
        raise refuse(
            "DCM002", instance.sop_uid, f"pixel data of shape {stored.shape}",
            f"({instance.rows}, {instance.columns})", "Export the series again.",
        )  # fmt: skip
    slope = 1.0 if instance.slope is None else instance.slope
    intercept = 0.0 if instance.intercept is None else instance.intercept
    values = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    return Frame(values, _padding(data, stored, instance))


def _padding(data: Dataset, stored: NDArray[Any], instance: Instance) -> NDArray[np.bool_] | None:
    """Mask of PixelPaddingValue up to PixelPaddingRangeLimit, inclusive, in stored values (C.7.5.1.1.2)."""
    value = data.get("PixelPaddingValue")
    if not isinstance(value, (int, float)):
        return None
    limit = data.get("PixelPaddingRangeLimit")
    ends = [_as_stored(value, instance)]
    if isinstance(limit, (int, float)):
        ends.append(_as_stored(limit, instance))
    mask = (stored >= min(ends)) & (stored <= max(ends))
    return mask if mask.any() else None


def _as_stored(value: int | float, instance: Instance) -> int:
    """A padding value as stored pixels hold it: some writers give it the other sign's 16-bit pattern."""
    bits = instance.bits_allocated or 16
    number = int(value)
    if instance.signed and number >= 1 << (bits - 1):
        return number - (1 << bits)
    if not instance.signed and number < 0:
        return number + (1 << bits)
    return number
