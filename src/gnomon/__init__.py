"""Gnomon: from a hospital's DICOM export to a 3D segmentation model one can defend."""

__version__ = "0.1.0"
