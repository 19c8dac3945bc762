"""Instances -> volumes: split a series, sort along the normal, check, place. Or refuse by name."""

from isocenter.dicom.volumes.assemble import Volume, volumes_of
from isocenter.dicom.volumes.slices import Slice

__all__ = ["Slice", "Volume", "volumes_of"]
