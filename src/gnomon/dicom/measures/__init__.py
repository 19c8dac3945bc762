"""Measures of decoded volumes: numbers that the audit compares with headers. Pure functions over arrays."""

from gnomon.dicom.measures.thumbnails import write_thumbnail
from gnomon.dicom.measures.volume import MEASURES, VolumeMeasures, measure_volume

__all__ = ["MEASURES", "VolumeMeasures", "measure_volume", "write_thumbnail"]
