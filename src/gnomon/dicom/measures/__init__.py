"""Measures of decoded volumes, which the audit compares with their headers. Pure functions of arrays."""

from gnomon.dicom.measures.thumbnails import write_thumbnail
from gnomon.dicom.measures.volume import MEASURES, VolumeMeasures, measure_volume

__all__ = ["MEASURES", "VolumeMeasures", "measure_volume", "write_thumbnail"]
