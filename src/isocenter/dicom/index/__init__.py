"""Files -> one typed row an instance: nothing is trusted, nothing is read twice, nothing is dropped."""

from isocenter.dicom.index.index import IndexSettings, StudyIndex, index_studies
from isocenter.dicom.index.instances import Declared, FrameFacts, Instance, PrivateValue
from isocenter.dicom.index.sources import Source, SourceReader

__all__ = [
    "Declared",
    "FrameFacts",
    "IndexSettings",
    "Instance",
    "PrivateValue",
    "Source",
    "SourceReader",
    "StudyIndex",
    "index_studies",
]
