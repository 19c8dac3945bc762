"""What the decoded values of a volume show to be wrong with its header, and how they are put right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnomon.dicom.pixels.plausible import constant_frame, frame_mask, hu_peaks, lost_intercept_hu
from gnomon.dicom.volumes.slices import Slice
from gnomon.rules.finding import Finding, Severity

UNDECLARED_PADDING, LOST_INTERCEPT = "DCM131", "DCM125"
_ALL = (UNDECLARED_PADDING, LOST_INTERCEPT)


@dataclass(frozen=True, eq=False)
class PutRight:
    """Values (slices, rows, columns) in real-world units with their padding, what was found, and what was done."""

    voxels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None
    findings: tuple[Finding, ...] = ()
    records: tuple[dict[str, float | str], ...] = ()


def put_right(
    voxels: NDArray[np.float32],
    padding: NDArray[np.bool_] | None,
    slices: Sequence[Slice],
    repair: Collection[str] = _ALL,
) -> PutRight:
    """Mask padding that no header declares, and give back a rescale intercept that was lost; in a CT only.

    Args:
        voxels, padding: as decoded; `voxels` may be changed in place.
        slices: what they come from.
        repair: rules whose repair is made; the others are only found.
    """
    first = slices[0].instance
    if first.modality != "CT" or "LOCALIZER" in first.image_type or slices[0].facts.rescale_type not in ("", "HU"):
        return PutRight(voxels, padding)
    findings, records = list[Finding](), list[dict[str, float | str]]()
    frame, mask = constant_frame(voxels) if padding is None else None, padding
    if frame is not None and frame.no_hounsfield:
        findings.append(
            Finding(
                rule=UNDECLARED_PADDING,
                where="",
                found=f"a frame of {frame.value:g}, {frame.share:.1%} of the voxels, undeclared",
                expected="PixelPaddingValue where there is padding",
                remedy="Nothing to do: it is masked.",
                severity=Severity.WARNING,
            )
        )
        mask = frame_mask(voxels, frame.value)
        if UNDECLARED_PADDING in repair:
            padding = mask
            records.append({"repair": "mask_padding", "value": frame.value, "share": round(float(mask.mean()), 6)})
    air, tissue = hu_peaks(voxels, mask)
    added_hu = lost_intercept_hu(air, tissue, {one.facts.intercept for one in slices})
    if added_hu is not None:
        findings.append(
            Finding(
                rule=LOST_INTERCEPT,
                where="",
                found=f"air at {air:.0f} and soft tissue at {tissue:.0f} HU",
                expected=f"-1000 and 40 HU, as with an intercept {added_hu:+g} from the header's",
                remedy="Nothing to do: the intercept is put back. Ask the source why it was lost.",
                severity=Severity.WARNING,
            )
        )
        if LOST_INTERCEPT in repair:
            voxels += np.float32(added_hu)
            records.append({"repair": "restore_intercept", "added_hu": added_hu})
    return PutRight(voxels, padding, tuple(findings), tuple(records))
