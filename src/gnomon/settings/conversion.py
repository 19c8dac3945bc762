"""Settings of the conversion of DICOM studies."""

from __future__ import annotations

from gnomon.core.settings import section, setting


@section
class ConvertSettings:
    """What may be repaired: each setting names one repair, and says whether it is made or the volume refused."""

    workers: int = setting(
        2, "Processes that read and decode; the result does not depend on their number.", bounds=(1, 256)
    )
    pseudonym_key: str | None = setting(
        None, "Key of the patients' pseudonyms; null keeps the key of the output folder, or draws one at random."
    )
    high_bit: str = setting(
        "decode", "HighBit other than BitsStored - 1: decode by the stated bits.", choices=("decode", "refuse")
    )
    duplicates: str = setting(
        "drop", "Slices that are byte-identical copies of another slice.", choices=("drop", "refuse")
    )
    uneven: str = setting(
        "resample",
        "Uneven slice distances: resample linearly from the true slice positions.",
        choices=("resample", "refuse"),
    )
    missing: str = setting("refuse", "Missing slices: interpolate across the gap.", choices=("resample", "refuse"))
    tilt: str = setting(
        "keep",
        "Sheared stack (gantry tilt): keep it, exact, on a sheared grid, or resample it to a straight one.",
        choices=("keep", "straighten", "refuse"),
    )
    undeclared_padding: str = setting(
        "mask",
        "CT border that can only be padding although no header declares it: mask it, or keep its values.",
        choices=("mask", "keep", "refuse"),
    )
    intercept: str = setting(
        "restore",
        "CT whose air and soft-tissue peaks are shifted by a usual RescaleIntercept: restore it, or keep the values.",
        choices=("restore", "keep", "refuse"),
    )
