"""Instances -> volumes: split a series, sort along the normal, check, place. Or refuse by name."""

from gnomon.dicom.volumes.assemble import Volume, volumes_of
from gnomon.dicom.volumes.slices import Slice

__all__ = ["Slice", "Volume", "volumes_of"]
