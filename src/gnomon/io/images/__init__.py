"""Images in and out: one interface for every file format. What is written is NIfTI."""

from gnomon.io.images.image import Image
from gnomon.io.images.nifti import NIFTI_ENDINGS, smallest_type, write_image, write_like, write_probabilities
from gnomon.io.images.reader import Reader
from gnomon.io.images.reading import image_stem, images_in_folder, read_grid, read_image, read_label
from gnomon.io.images.spool import ImageSpool

__all__ = [
    "NIFTI_ENDINGS",
    "Image",
    "ImageSpool",
    "Reader",
    "image_stem",
    "images_in_folder",
    "read_grid",
    "read_image",
    "read_label",
    "smallest_type",
    "write_image",
    "write_like",
    "write_probabilities",
]
