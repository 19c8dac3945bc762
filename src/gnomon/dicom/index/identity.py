"""What in a header names a patient: found to be left out of every text, and counted by keyword alone."""

from __future__ import annotations

import re

from gnomon.dicom.index.elements import Elements
from gnomon.dicom.index.tags import TAG

# Emptied or removed by the Basic Profile (PS3.15 table E.1-1).
_REMOVED = (
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientMotherBirthName",
    "OtherPatientIDs",
    "OtherPatientNames",
    "AccessionNumber",
    "InstitutionName",
    "InstitutionAddress",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "RequestingPhysician",
    "OperatorsName",
    "PatientComments",
    "AdmissionID",
    "ResponsiblePerson",
)
_DUMMY = re.compile(r"(?i)anon|de-?id|removed|none|unknown|xxx|redact|pseudo|subject|case|patient|test|phantom|\d")
_PERSON = re.compile(r"[^\W\d_]{2,}[\^ ,]+[^\W\d_]{2,}")


def name_words(found: Elements) -> tuple[str, ...]:
    """Words that name the patient: parts of the name, the number and the birth date, two characters and longer."""
    words = (found.text(TAG[keyword]) for keyword in ("PatientName", "PatientID", "PatientBirthDate"))
    return tuple(word for text in words for word in re.split(r"[\s^=,;]+", text) if len(word) >= 2)


def remove_names(text: str, words: tuple[str, ...]) -> str:
    """Free text without the words that name the patient."""
    if not text or not words:
        return text
    # A long word anywhere, as in 'DOEJANE_CHEST'; a short one where it stands alone.
    forms = (re.escape(word) if len(word) > 2 else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)
    return re.sub("|".join(forms), "[removed]", text, flags=re.IGNORECASE)


def identifiers(found: Elements) -> tuple[str, ...]:
    """Keywords of the elements that identify a person and hold more than a dummy; never their values."""
    held = [keyword for keyword in _REMOVED if (text := found.text(TAG[keyword])) and not _DUMMY.fullmatch(text)]
    name = found.text(TAG["PatientName"])
    if _PERSON.search(name) and not _DUMMY.search(name):
        held.append("PatientName")
    return tuple(sorted(held))
