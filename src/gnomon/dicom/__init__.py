"""DICOM files -> volumes in real-world values, each exactly right or refused with the reason."""

from gnomon.dicom.convert import Converted, convert_studies, indexed_volumes, sources_of
from gnomon.dicom.index import IndexSettings, Instance, Source, StudyIndex, index_studies
from gnomon.dicom.index.private import private_numbers
from gnomon.dicom.pixels.codecs import missing_decoder
from gnomon.dicom.pixels.frames import FrameReader
from gnomon.dicom.pixels.plausible import FRAME_GAP, constant_frame, hu_peaks, reaching_border
from gnomon.dicom.policy import Verdict, judged, left_alone
from gnomon.dicom.pseudonyms import PseudonymMap
from gnomon.dicom.volumes import Slice, Volume
from gnomon.dicom.volumes.checks import image_kind
from gnomon.dicom.volumes.values import put_right
from gnomon.dicom.write import decoded, stack_grid

__all__ = [
    "FRAME_GAP",
    "Converted",
    "FrameReader",
    "IndexSettings",
    "Instance",
    "PseudonymMap",
    "Slice",
    "Source",
    "StudyIndex",
    "Verdict",
    "Volume",
    "constant_frame",
    "convert_studies",
    "decoded",
    "hu_peaks",
    "image_kind",
    "index_studies",
    "indexed_volumes",
    "judged",
    "left_alone",
    "missing_decoder",
    "private_numbers",
    "put_right",
    "reaching_border",
    "sources_of",
    "stack_grid",
]
