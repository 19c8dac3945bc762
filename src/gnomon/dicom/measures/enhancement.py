"""Contrast phase of a CT, from the enhancement of segmented vessels and urine."""

from __future__ import annotations

from collections.abc import Mapping


def enhancement_phase(medians_hu: Mapping[str, float]) -> str:
    """Contrast phase from the enhancement of vessels; empty where the medians are ambiguous.

    Without contrast medium the aorta has 30 to 60 HU; in the arterial phase 200 to 400 HU, with a much darker portal
    vein; in the portal venous phase 110 to 200 HU, with a portal vein as bright. Excreted contrast medium in the
    urinary tract is brighter than any vessel.

    Args:
        medians_hu: median HU of structures by name; matched by words (aorta, portal, pelvis, ureter).
    """
    aorta, portal, urine = (_median_of(medians_hu, words) for words in _STRUCTURE_WORDS)
    if urine is not None and urine > _URINE_HU:
        return "delayed"
    if aorta is None:
        return ""
    if aorta < _NON_CONTRAST_HU:
        return "non_contrast" if portal is None or portal < _NON_CONTRAST_HU + 15 else ""
    if aorta > _ARTERIAL_HU and (portal is None or portal < aorta - _LAG_HU):
        return "arterial"
    bright = portal is not None and portal > _VENOUS_HU
    return "portal_venous" if bright and aorta < _ARTERIAL_HU + 20 and abs(aorta - (portal or 0)) < _LAG_HU else ""


_STRUCTURE_WORDS = (("aorta",), ("portal",), ("pelvis", "ureter"))
_URINE_HU, _NON_CONTRAST_HU, _ARTERIAL_HU, _VENOUS_HU, _LAG_HU = 250.0, 75.0, 200.0, 110.0, 60.0


def _median_of(medians_hu: Mapping[str, float], words: tuple[str, ...]) -> float | None:
    """Highest median of the structures whose names contain one of the words."""
    found = [value for name, value in medians_hu.items() if any(word in name.lower() for word in words)]
    return max(found) if found else None
