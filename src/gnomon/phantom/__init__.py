"""A synthetic CT cohort as DICOM, with an analytical reference and planted defects."""

from gnomon.phantom.studies import write_phantom

__all__ = ["write_phantom"]
