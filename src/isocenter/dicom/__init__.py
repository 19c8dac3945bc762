"""DICOM files -> volumes in real-world values, each exactly right or refused with the reason."""

from isocenter.dicom.convert import Converted, convert_studies, indexed_volumes, sources_of
from isocenter.dicom.index import IndexSettings, Instance, Source, StudyIndex, index_studies
from isocenter.dicom.index.private import private_numbers
from isocenter.dicom.pixels.codecs import missing_decoder
from isocenter.dicom.pixels.frames import FrameReader
from isocenter.dicom.policy import ConvertSettings, Verdict, judged, left_alone
from isocenter.dicom.pseudonyms import PseudonymMap
from isocenter.dicom.volumes import Slice, Volume
from isocenter.dicom.volumes.checks import image_kind
from isocenter.dicom.volumes.values import put_right
from isocenter.dicom.write import decoded, stack_grid

__all__ = [
    "ConvertSettings", "Converted", "FrameReader", "IndexSettings", "Instance", "PseudonymMap", "Slice", "Source",
    "StudyIndex", "Verdict", "Volume", "convert_studies", "decoded", "image_kind", "index_studies", "indexed_volumes",
    "judged", "left_alone", "missing_decoder", "private_numbers", "put_right", "sources_of", "stack_grid",
]  # fmt: skip
