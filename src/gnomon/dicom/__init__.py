"""DICOM files -> volumes in real-world values, each converted exactly or refused with the reason."""

from gnomon.dicom.conversion import Converted, convert_studies
from gnomon.dicom.grouping import group_volumes
from gnomon.dicom.index import IndexSettings, Instance, Source, StudyIndex, index_studies
from gnomon.dicom.index.private import private_cardiac_phase
from gnomon.dicom.measures import MEASURES
from gnomon.dicom.pixels.codecs import missing_decoder
from gnomon.dicom.pixels.plausible import FRAME_GAP
from gnomon.dicom.policy import Verdict, apply_repair_policy, leaves_unrepaired
from gnomon.dicom.pseudonyms import PseudonymMap
from gnomon.dicom.read import LabelMap, Reading, Staging, read_volumes
from gnomon.dicom.volumes import Slice, Volume
from gnomon.dicom.volumes.checks import image_kind
from gnomon.dicom.volumes.stack import stack_grid

__all__ = [
    "FRAME_GAP",
    "MEASURES",
    "Converted",
    "IndexSettings",
    "Instance",
    "LabelMap",
    "PseudonymMap",
    "Reading",
    "Slice",
    "Source",
    "Staging",
    "StudyIndex",
    "Verdict",
    "Volume",
    "apply_repair_policy",
    "convert_studies",
    "group_volumes",
    "image_kind",
    "index_studies",
    "leaves_unrepaired",
    "missing_decoder",
    "private_cardiac_phase",
    "read_volumes",
    "stack_grid",
]
