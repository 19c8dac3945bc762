"""The contrast phase that enhanced vessels and urine show in a CT with segmented structures."""

from __future__ import annotations

from collections.abc import Mapping


def enhancement_phase(medians_hu: Mapping[str, float]) -> str:
    """Contrast phase from the enhancement of vessels; empty where the medians are ambiguous.

    An aorta without contrast medium has 30 to 60 HU, early after the bolus 200 to 400 with a portal vein far behind,
    in the portal venous phase 110 to 200 with a portal vein as bright; what the kidneys have excreted is brighter
    than any vessel.

    Args:
        medians_hu: median HU of structures by name; matched by words (aorta, portal, pelvis, ureter).
    """
    aorta, portal, urine = (_median_of(medians_hu, words) for words in _STRUCTURE_WORDS)
    if urine is not None and urine > _URINE_HU:
        return "delayed"
    if aorta is None:
        return ""
    if aorta < _NATIVE_HU:
        return "non_contrast" if portal is None or portal < _NATIVE_HU + 15 else ""
    if aorta > _ARTERIAL_HU and (portal is None or portal < aorta - _BEHIND_HU):
        return "arterial"
    bright = portal is not None and portal > _VENOUS_HU
    return "portal_venous" if bright and aorta < _ARTERIAL_HU + 20 and abs(aorta - (portal or 0)) < _BEHIND_HU else ""


_STRUCTURE_WORDS = (("aorta",), ("portal",), ("pelvis", "ureter"))
_URINE_HU, _NATIVE_HU, _ARTERIAL_HU, _VENOUS_HU, _BEHIND_HU = 250.0, 75.0, 200.0, 110.0, 60.0


def _median_of(medians_hu: Mapping[str, float], words: tuple[str, ...]) -> float | None:
    """Highest median of the structures whose names contain one of the words."""
    found = [value for name, value in medians_hu.items() if any(word in name.lower() for word in words)]
    return max(found) if found else None
