"""A synthetic CT cohort as DICOM, with truths in closed form and defects that must be found."""

from gnomon.phantom.studies import PhantomSettings, write_phantom

__all__ = ["PhantomSettings", "write_phantom"]
