"""Grouping of instances into volumes: split series, sort slices, check the geometry, or refuse with a rule."""

from gnomon.dicom.volumes.assemble import Volume, volumes_of
from gnomon.dicom.volumes.slices import Slice

__all__ = ["Slice", "Volume", "volumes_of"]
