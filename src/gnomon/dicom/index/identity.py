"""Header values that identify a patient: removed from every text, and reported by keyword only."""

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


def name_words(elements: Elements) -> tuple[str, ...]:
    """Words that identify the patient: parts of name, ID and birth date, of two characters or more."""
    texts = (elements.text(TAG[keyword]) for keyword in ("PatientName", "PatientID", "PatientBirthDate"))
    return tuple(word for text in texts for word in re.split(r"[\s^=,;]+", text) if len(word) >= 2)


def remove_names(text: str, words: tuple[str, ...]) -> str:
    """Free text with the words that identify the patient replaced by `[removed]`."""
    if not text or not words:
        return text
    # A long word anywhere, as in 'DOEJANE_CHEST'; a short one as a whole word only.
    patterns = (re.escape(word) if len(word) > 2 else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)
    return re.sub("|".join(patterns), "[removed]", text, flags=re.IGNORECASE)


def identifiers(elements: Elements) -> tuple[str, ...]:
    """Keywords of the elements that identify a person and hold more than a dummy value; never the values."""
    keywords = [keyword for keyword in _REMOVED if (text := elements.text(TAG[keyword])) and not _DUMMY.fullmatch(text)]
    name = elements.text(TAG["PatientName"])
    if _PERSON.search(name) and not _DUMMY.search(name):
        keywords.append("PatientName")
    return tuple(sorted(keywords))
