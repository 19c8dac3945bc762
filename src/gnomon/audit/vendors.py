"""Spellings of Manufacturer -> one name per vendor."""

from __future__ import annotations

_SPELLINGS = (
    ("GE", ("ge ", "ge-", "general electric")),
    ("Siemens", ("siemens",)),
    ("Philips", ("philips", "elscint", "marconi")),
    ("Canon", ("canon", "toshiba")),
    ("United Imaging", ("united imaging", "uih")),
    ("Fujifilm", ("fuji", "hitachi")),
    ("Neusoft", ("neusoft",)),
    ("Hologic", ("hologic", "lorad")),
    ("Agfa", ("agfa",)),
    ("Carestream", ("carestream", "kodak")),
)


def vendor_of(manufacturer: str) -> str:
    """Common name of the vendor; the text as written where it is unknown, empty where there is none."""
    text = manufacturer.strip()
    lower = text.lower()
    if lower in ("ge", "gems"):
        return "GE"
    for vendor, beginnings in _SPELLINGS:
        if any(beginning in lower for beginning in beginnings):
            return vendor
    return text
