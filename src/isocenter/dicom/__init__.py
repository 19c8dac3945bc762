"""DICOM files -> volumes in real-world values, each exactly right or refused with the reason."""

from isocenter.dicom.convert import ConvertSettings, convert_studies
from isocenter.dicom.pixels import decodable

__all__ = ["ConvertSettings", "convert_studies", "decodable"]
