"""Corrections of a CT whose values contradict its header: undeclared padding, a lost rescale intercept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.dicom.pixels.plausible import constant_frame, frame_mask, hu_peaks, lost_intercept_hu
from gnomon.dicom.volumes.slices import Slice
from gnomon.rules.catalogue.encoding import LOST_INTERCEPT
from gnomon.rules.catalogue.padding import UNDECLARED_PADDING
from gnomon.rules.finding import Finding

VALUE_REPAIRS = (UNDECLARED_PADDING.id, LOST_INTERCEPT.id)


@dataclass(frozen=True, eq=False)
class CorrectedValues:
    """Values (slices, rows, columns) in real-world units with their padding mask, findings and records of repairs."""

    voxels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    findings: tuple[Finding, ...] = ()
    records: tuple[dict[str, float | str], ...] = ()


def correct_values(
    voxels: NDArray[np.float32],
    padding: NDArray[np.bool_] | None,
    slices: Sequence[Slice],
    repair: Collection[str] = VALUE_REPAIRS,
) -> CorrectedValues:
    """Mask padding that no header declares and restore a lost rescale intercept (CT only).

    Args:
        voxels, padding: as decoded; neither is modified.
        slices: the slices they were decoded from.
        repair: rules whose repair is applied; the others are only reported.
    """
    first = slices[0].instance
    if first.modality != "CT" or "LOCALIZER" in first.image_type or slices[0].facts.rescale_type not in ("", "HU"):
        return CorrectedValues(voxels, padding)
    findings, records = list[Finding](), list[dict[str, float | str]]()
    frame, mask = constant_frame(voxels) if padding is None else None, padding
    if frame is not None and frame.outside_hu_range:
        findings.append(
            UNDECLARED_PADDING.at("", found=f"an undeclared frame of {frame.value:g}, {frame.share:.1%} of the voxels")
        )
        mask = frame_mask(voxels, frame.value)
        if UNDECLARED_PADDING.id in repair:
            padding = mask
            records.append({"repair": "mask_padding", "value": frame.value, "share": round(float(mask.mean()), 6)})
    air, tissue = hu_peaks(voxels, mask)
    added_hu = lost_intercept_hu(air, tissue, {slice_.facts.intercept for slice_ in slices})
    if added_hu is not None:
        findings.append(
            LOST_INTERCEPT.at(
                "",
                found=f"air at {air:.0f} and soft tissue at {tissue:.0f} HU",
                expected=f"air near -1000 and soft tissue near 40 HU, as with {added_hu:+g} added to the intercept",
            )
        )
        if LOST_INTERCEPT.id in repair:
            voxels = voxels + np.float32(added_hu)
            records.append({"repair": "restore_intercept", "added_hu": added_hu})
    return CorrectedValues(voxels, padding, tuple(findings), tuple(records))
