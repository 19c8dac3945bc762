"""DICOM files -> volumes in real-world values, each exactly right or refused with the reason."""

from isocenter.dicom.convert import Converted, convert_studies
from isocenter.dicom.pixels.codecs import missing_decoder
from isocenter.dicom.policy import ConvertSettings

__all__ = ["ConvertSettings", "Converted", "convert_studies", "missing_decoder"]
