"""Which files make a volume, and whether they all are there (P04, P05, P06; found while the files are read)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import said
from gnomon.audit.rule import Asked, Decision, Rule, Scope
from gnomon.rules.finding import Severity


def _read(
    id: str,
    title: str,
    pitfall: str,
    standard: str,
    why: str,
    remedy: str,
    expected: str,
    severity: Severity = Severity.ERROR,
    decision: Decision | None = None,
) -> Rule:
    return Rule(
        id=id,
        title=title,
        scope=Scope.VOLUME,
        pitfall=pitfall,
        standard=standard,
        why=why,
        remedy=remedy,
        expected=expected,
        severity=severity,
        decision=decision,
    )


def _series_of_studies(volumes: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Studies with more than one series, a row each."""
    known = volumes.filter(said("study_uid") & said("series_uid"))
    counted = known.group_by("study_uid").agg(series=pl.col("series_uid").n_unique(), volume=pl.col("volume_id").min())
    several = counted.filter(pl.col("series") > 1).sort("study_uid")
    return several.select(
        subject=pl.format("the study of volume {}", "volume"), observed=pl.format("{} series", "series")
    )


_W, _I = Severity.WARNING, Severity.INFO
NOT_DICOM = _read(
    "DCM001",
    "A file that is not DICOM",
    "1.2",
    "PS3.10 7.1",
    "None, unless an image was meant.",
    "Nothing to do if it does not belong to the study.",
    "DICOM files",
    _I,
)
CUT_SHORT = _read(
    "DCM002",
    "Pixel data that are cut short or damaged",
    "1.2",
    "PS3.5 8",
    "Readers return whatever bytes follow, as anatomy.",
    "Export the series again.",
    "as many bytes as the header says",
)
UNREADABLE = _read(
    "DCM003",
    "A header or archive that cannot be read",
    "1.2",
    "PS3.5 7",
    "A slice is missing without a word.",
    "Export the file again.",
    "a whole DICOM header",
)
NO_META = _read(
    "DCM004",
    "No file meta group that fits",
    "1.2",
    "PS3.10 7.1",
    "Readers guess the byte order.",
    "Nothing to do if the image looks right.",
    "file meta information",
    _I,
)
UNLISTED = _read(
    "DCM005",
    "Files that a DICOMDIR lists and that are not there",
    "1.2",
    "PS3.3 F",
    "The study is not whole.",
    "Copy the whole medium again.",
    "every listed file",
    _W,
)
DECODER_STOPPED = _read(
    "DCM006",
    "A frame on which the decoder crashed or took too long",
    "1.2",
    "-",
    "The frame is lost.",
    "Export the series again.",
    "a frame that can be decoded",
)
NO_PLACE = _read(
    "DCM007",
    "An image class whose frames have no place in the patient",
    "P06",
    "PS3.3 A.8",
    "Nothing says where, or how large, anything is.",
    "Ask the archive for the original CT, MR or PET series.",
    "CT, MR, PET, 3D X-ray or a parametric map",
)
COLOUR = _read(
    "DCM008",
    "Colour",
    "P26",
    "PS3.3 C.7.6.3.1.2",
    "Painted pixels are no measurement.",
    "Export the original series, not a colour rendering of it.",
    "grey values",
)
NO_SERIES = _read(
    "DCM009",
    "No SeriesInstanceUID",
    "P04",
    "PS3.3 C.7.3.1",
    "What belongs together is a guess.",
    "Check that the slices belong together.",
    "one, Type 1 in every image",
    _W,
)
COPIES = _read(
    "DCM010",
    "Slices that are copies of another",
    "P05",
    "PS3.3 C.12.1",
    "Readers stack both: the volume is too long.",
    "Nothing to do: one of each is used.",
    "each slice once",
    _W,
    Decision.REPAIR,
)
ONE_UID_TWO_CONTENTS = _read(
    "DCM011",
    "One SOPInstanceUID with several contents",
    "1.2",
    "PS3.5 9",
    "Which of the two is meant cannot be known.",
    "Decide which is meant and remove the other.",
    "a UID of one content",
)
BAD_FORMAT = _read(
    "DCM012",
    "A pixel format that cannot be",
    "P03",
    "PS3.3 C.7.6.3",
    "Readers decode something.",
    "Export the series again.",
    "8, 16 or 32 allocated bits, no more than that stored",
)
TABLE_AND_RESCALE = _read(
    "DCM117",
    "A Modality LUT Sequence and a rescale, or a table in some slices only",
    "P02",
    "PS3.3 C.11.1",
    "Values of two units in one volume.",
    "Export the series again.",
    "one way to real-world values",
)
MAPPINGS = _read(
    "DCM118",
    "Several Real World Value Mappings, or one with a table",
    "P02",
    "PS3.3 C.7.6.16.2.11",
    "The unit is not one.",
    "Decide which mapping is meant.",
    "one linear mapping",
)
NOT_FINITE = _read(
    "DCM119",
    "Values that are NaN or infinite",
    "1.2",
    "PS3.3 C.7.6.24",
    "One NaN makes the loss NaN.",
    "Ask what they stand for.",
    "finite values",
)
SEVERAL_SERIES = Rule(
    id="DCM201",
    title="A study of several series",
    scope=Scope.STUDY,
    pitfall="P04",
    standard="PS3.3 A.1.2",
    why="Readers that take a folder for a volume take the first series, or all of them.",
    remedy="Nothing to do: each series is a volume of its own.",
    expected="-",
    search=_series_of_studies,
    columns=("study_uid", "series_uid"),
    severity=_I,
)
SEVERAL_VOLUMES = _read(
    "DCM202",
    "One series that holds several volumes",
    "P04",
    "PS3.3 C.7.3.1",
    "Readers mix them into one.",
    "Check that the volume you label is the one you mean.",
    "one volume a series",
    _W,
)
LOCALIZER = _read(
    "DCM203",
    "A localizer (scout)",
    "P27",
    "PS3.3 C.8.2.1.1.1",
    "A scout inside a series changes its spacing, silently.",
    "Nothing to do: a scout is not a volume.",
    "slices",
)
DERIVED_AMONG = _read(
    "DCM204",
    "Derived images in a series with original ones",
    "P04",
    "PS3.3 C.7.6.1.1.2",
    "Reformatted slices are smoother and elsewhere.",
    "Check that you want the derived volume.",
    "a series of one or the other",
    _W,
)
NOT_TOLD_APART = _read(
    "DCM205",
    "Several passes over the same places that nothing tells apart",
    "P05",
    "PS3.3 C.7.6.2",
    "Times or phases are shuffled into one volume.",
    "Decide which slices belong to the volume and remove the others.",
    "one slice a place",
)
SHARED_SERIES = _read(
    "DCM206",
    "A SeriesInstanceUID in several studies or patients",
    "P04",
    "PS3.5 9",
    "Two patients become one volume.",
    "Find out whether two patients were merged or a de-identifier reused UIDs.",
    "a UID of one series",
)
NUMBERS_ASTRAY = _read(
    "DCM210",
    "InstanceNumber in another order than the places",
    "P05",
    "PS3.3 C.7.6.1",
    "Readers that sort by number shuffle or drop slices.",
    "Nothing to do: slices are sorted by place.",
    "one order",
    _I,
)
MISSING_SLICES = _read(
    "DCM211",
    "Missing slices",
    "P05",
    "PS3.3 C.7.6.2.1.1",
    "The anatomy is squeezed; volumes come out too small.",
    "Fetch them from the archive. To interpolate: conversion.missing=resample.",
    "even distances",
)
UNEVEN = _read(
    "DCM212",
    "Uneven slice distances",
    "P05",
    "PS3.3 C.7.6.2.1.1",
    "One spacing for all is wrong for some.",
    "Resampled at even places. To refuse: conversion.uneven=refuse.",
    "even distances",
    Severity.ERROR,
    Decision.REPAIR,
)
TILTED = _read(
    "DCM213",
    "A leaning stack, as a tilted gantry makes",
    "1.2",
    "PS3.3 C.7.6.2.1.1",
    "Readers straighten nothing: organs are sheared.",
    "Kept as a sheared grid. To straighten: conversion.tilt=straighten.",
    "slices above each other",
    _W,
    Decision.REPAIR,
)
CROOKED = _read(
    "DCM214",
    "Direction cosines that are not orthonormal",
    "P05",
    "PS3.3 C.7.6.2.1.1",
    "Angles and lengths in the image are wrong.",
    "Export the original series.",
    "orthonormal within 1e-4",
)
ONE_PLACE_TWICE = _read(
    "DCM215",
    "Several slices at one place",
    "P05",
    "PS3.3 C.7.6.2",
    "Both enter the volume.",
    "Decide which slices belong to the volume and remove the others.",
    "one slice a place",
)
NO_POSITION = _read(
    "DCM216",
    "Orientation, position or spacing missing or not finite",
    "P12",
    "PS3.3 C.7.6.2",
    "Nothing says where a slice lies.",
    "Export the original series; a place cannot be guessed.",
    "finite numbers in every slice",
)
SPACING_CHANGES = _read(
    "DCM217",
    "A PixelSpacing that changes within one even stack",
    "P12",
    "PS3.3 C.7.6.2",
    "Half of the volume has another size than it says.",
    "Export the original series.",
    "one PixelSpacing a stack",
)
SINGLE = _read(
    "DCM218",
    "A single slice",
    "P04",
    "PS3.3 C.7.6.2",
    "It has no thickness in the third axis.",
    "Look for the rest of the series.",
    "at least two slices",
)
FRAME_OF_REFERENCE = _read(
    "DCM219",
    "No FrameOfReferenceUID, or several in a series",
    "1.2",
    "PS3.3 C.7.4.1",
    "A label of another frame may be laid over it.",
    "Compare places with other series of the patient with care.",
    "one a series",
    _W,
)
SURPLUS = _read(
    "DCM220",
    "More pixel data than the frames need",
    "P06",
    "PS3.5 8",
    "A wrong number of frames looks like this too.",
    "Nothing to do if the surplus is padding at the end.",
    "as many bytes as the frames need",
    _W,
)
FRAMES_ASTRAY = _read(
    "DCM221",
    "Frames in another order than the places",
    "P06",
    "PS3.3 C.7.6.16.2.2",
    "Readers that stack frames as they come shuffle the patient.",
    "Nothing to do: frames are sorted by place.",
    "one order",
    _I,
)
NO_GROUPS = _read(
    "DCM222",
    "An enhanced image without functional groups",
    "P06",
    "PS3.3 C.7.6.16",
    "Frames have no place.",
    "Export the original object again.",
    "shared or per-frame functional groups",
)
MOSAIC = _read(
    "DCM223",
    "A mosaic without its vendor's header",
    "P06",
    "vendor",
    "Slices lie side by side in one picture.",
    "Export the series without removing private elements.",
    "a mosaic with its private header",
)
TIME_STANDS = _read(
    "DCM224",
    "Frames at the same places whose temporal position stands still",
    "P06",
    "PS3.3 C.7.6.16.2.2.2",
    "A reader that sorts by it shuffles the passes of a dynamic scan.",
    "Check the split: another attribute has told the passes apart, or none.",
    "an index that counts the passes",
    _W,
)
PARTS_MISSING = _read(
    "DCM225",
    "A concatenation with parts missing",
    "P06",
    "PS3.3 C.7.6.16.2.2.4",
    "The volume ends too early.",
    "Fetch the whole object.",
    "every part",
)
KERNELS_IN_SERIES = _read(
    "DCM303",
    "Several kernels in a series",
    "P07",
    "PS3.3 C.8.2.1",
    "Half of the slices are sharper than the rest.",
    "Split by kernel; check which one you want.",
    "one kernel a series",
    _W,
)
SPACING_TAG = _read(
    "DCM334",
    "SpacingBetweenSlices other than the distance of the positions",
    "P13",
    "PS3.3 C.7.6.2.1.1",
    "A reader that believes the tag scales the patient.",
    "Nothing to do: positions decide.",
    "the distance of the positions",
    _W,
)
NOT_POSITIVE = _read(
    "DCM405",
    "A spacing that is not positive",
    "P11",
    "PS3.3 10.7",
    "Sizes cannot be measured.",
    "Export the original series.",
    "positive millimetres",
)
NO_DECODER = _read(
    "DCM604",
    "A transfer syntax without decoder",
    "P25",
    "PS3.5 10",
    "The series is lost to training.",
    "Export the series uncompressed.",
    "a syntax that can be decoded",
)
SYNTAXES = _read(
    "DCM605",
    "Several transfer syntaxes in one volume",
    "P25",
    "PS3.5 10",
    "Some slices may be lossy and others not.",
    "Nothing to do if the archive compressed only some slices.",
    "one transfer syntax",
    _W,
)
CAPTURE = _read(
    "DCM701",
    "A secondary capture",
    "P26",
    "PS3.3 A.8",
    "A screenshot: values and geometry prove nothing.",
    "Export the original series.",
    "an image made by the scanner",
)
NOT_AN_IMAGE = _read(
    "DCM706",
    "An object that is not an image of the patient",
    "P26",
    "PS3.3 A",
    "Reports and plans are not data to train on.",
    "Nothing to do.",
    "CT, MR or PET images",
)
