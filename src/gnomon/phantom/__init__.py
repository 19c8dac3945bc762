"""A synthetic CT cohort as DICOM, with truths in closed form and defects that must be found."""

from gnomon.phantom.studies import write_phantom

__all__ = ["write_phantom"]
