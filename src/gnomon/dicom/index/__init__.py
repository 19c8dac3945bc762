"""DICOM files -> one typed row per instance. Nothing is trusted, nothing is read twice, nothing is dropped."""

from gnomon.dicom.index.index import IndexSettings, StudyIndex, index_studies
from gnomon.dicom.index.instances import Declared, FrameFacts, Instance, PrivateValue
from gnomon.dicom.index.sources import Source, SourceReader

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
