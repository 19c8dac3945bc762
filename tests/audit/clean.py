"""Clean series that no rule may say a word of warning about: a body on a table, as five vendors' scanners write it.

The anatomy is a function of the place in the patient, so that every position and orientation shows the same body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

from tests.dicom.ramp import CT, MR, PET, bare, ds, item

Study = list[FileDataset]
MAMMOGRAM, RADIOGRAPH, COMPUTED_RADIOGRAPH = (f"1.2.840.10008.5.1.4.1.1.{suffix}" for suffix in ("1.2", "1.1", "1"))
EDGE, SLICES = 96, 8
KERNELS = {
    "SIEMENS": ("B30f", "Br40d", "I31f"),
    "GE MEDICAL SYSTEMS": ("STANDARD", "SOFT", "DETAIL"),
    "Philips": ("A", "B"),
    "TOSHIBA": ("FC08", "FC13"),
    "Canon Medical Systems": ("FC18",),
}
CT_VENDORS = tuple(KERNELS)
# PatientPosition -> row and column cosines of axial slices (LPS).
POSITIONS = {
    "HFS": ((1, 0, 0), (0, 1, 0)),
    "FFS": ((-1, 0, 0), (0, 1, 0)),
    "HFP": ((-1, 0, 0), (0, -1, 0)),
    "FFP": ((1, 0, 0), (0, -1, 0)),
}
PLANES = (((0, 1, 0), (0, 0, -1)), ((1, 0, 0), (0, 0, -1)))
_WORDS = ("ABD NATIVE", "Abdomen portal venous", "THORAX ARTERIAL", "Becken venoes 1.0")


def hounsfield(points: np.ndarray, *, prone: bool) -> np.ndarray:
    """HU at places (..., 3) in LPS mm: air, an oval body with a spine behind, a table under it."""
    x, y, _ = np.moveaxis(points, -1, 0)
    hu = np.full(x.shape, -1000.0)
    body = (x / 30) ** 2 + (y / 22) ** 2 < 1
    hu[body] = 45.0
    hu[body & ((x - 12) ** 2 + (y + 3) ** 2 < 64)] = 70.0
    hu[body & ((x + 10) ** 2 + (y + 5) ** 2 < 25)] = -60.0
    spine = body & (x**2 + (y - 12) ** 2 < 81)  # posterior is +y
    hu[spine] = (480 + 200 * np.sin(1.3 * x) * np.cos(1.1 * y))[spine]
    down = -1 if prone else 1
    hu[(np.abs(x) < 33) & (np.abs(y - down * 29) < 1.6)] = -150.0
    return hu


def grain(rng: np.random.Generator, shape: tuple[int, int], sigma: float, spread: float) -> np.ndarray:
    """Noise of a coarser (soft kernel) or finer (sharp kernel) grain."""
    noise = rng.normal(0, 1, shape)
    if sigma:
        noise = ndimage.gaussian_filter(noise, sigma)
    return noise * spread / noise.std()


def header(rng: np.random.Generator, sop_class: str, modality: str, vendor: str, study: dict[str, Any]) -> FileDataset:
    data = bare(sop_class, ExplicitVRLittleEndian)
    data.Modality, data.Manufacturer, data.ManufacturerModelName = modality, vendor, "M1"
    for keyword, value in study.items():
        setattr(data, keyword, value)
    data.ImageType, data.SamplesPerPixel, data.PhotometricInterpretation = (
        ["ORIGINAL", "PRIMARY", "AXIAL"],
        1,
        "MONOCHROME2",
    )
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
    data.BurnedInAnnotation, data.SpecificCharacterSet = "NO", "ISO_IR 100"
    data.WindowCenter, data.WindowWidth = "40", "400"
    return data


def study_elements(rng: np.random.Generator, words: str = "") -> dict[str, Any]:
    return {
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
        "PatientID": f"ID-{rng.integers(1 << 40)}",
        "PatientName": "Zyxwvut^Jane",
        "PatientSex": str(rng.choice(["M", "F"])),
        "StudyDate": "20200101",
        "StudyTime": "120000",
        "AcquisitionTime": "120100",
        "SeriesNumber": 1,
        "SeriesDescription": words or str(rng.choice(_WORDS)),
        "ProtocolName": "P1",
        "BodyPartExamined": "ABDOMEN",
    }


def sectional(
    rng: np.random.Generator,
    values: Callable[[np.ndarray, bool], np.ndarray],
    make: Callable[[], FileDataset],
    *,
    axial: bool = False,
) -> Study:
    """Slices of a function of the place, in a random position and plane, all of them as `make` makes a header."""
    position = str(rng.choice(list(POSITIONS)))
    row, column = POSITIONS[position]
    if not axial and rng.random() < 0.3:
        row, column = PLANES[rng.integers(2)]
    row, column = np.asarray(row, float), np.asarray(column, float)
    turn = np.deg2rad(rng.uniform(-3, 3))
    row, column = row * np.cos(turn) + column * np.sin(turn), column * np.cos(turn) - row * np.sin(turn)
    normal = np.cross(row, column)
    pixel_mm, step_mm = round(float(rng.uniform(0.7, 0.85)), 3), round(float(rng.uniform(1.0, 2.0)), 2)
    corner = -(EDGE - 1) / 2 * pixel_mm * (row + column) - (SLICES - 1) / 2 * step_mm * normal + rng.uniform(-2, 2, 3)
    study = []
    for k in range(SLICES):
        data = make()
        place = corner + k * step_mm * normal
        data.InstanceNumber, data.PatientPosition, data.Rows, data.Columns = k + 1, position, EDGE, EDGE
        data.ImagePositionPatient = [ds(value) for value in place]
        data.ImageOrientationPatient = [ds(value) for value in (*row, *column)]
        data.PixelSpacing, data.SliceThickness = [str(pixel_mm)] * 2, str(step_mm)
        j, i = np.mgrid[:EDGE, :EDGE]
        points = place + i[..., None] * pixel_mm * row + j[..., None] * pixel_mm * column
        stored = np.rint(values(points, position.endswith("P")) - float(data.get("RescaleIntercept", 0) or 0))
        data.PixelData = stored.astype("<i2").tobytes()
        study.append(data)
    return study


def ct(rng: np.random.Generator, vendor: str = "", *, axial: bool = False, **changes: Any) -> Study:
    """A CT of a body."""
    vendor = vendor or str(rng.choice(CT_VENDORS))
    elements = study_elements(rng)
    kernel = str(rng.choice(KERNELS[vendor]))
    spread = float(rng.uniform(8, 20))

    def make() -> FileDataset:
        data = header(rng, CT, "CT", vendor, elements)
        data.ConvolutionKernel, data.KVP, data.RescaleSlope, data.RescaleIntercept = kernel, "120", "1", "-1024"
        for keyword, value in changes.items():
            setattr(data, keyword, value)
        return data

    return sectional(
        rng, lambda p, prone: hounsfield(p, prone=prone) + grain(rng, p.shape[:2], 1.3, spread), make, axial=axial
    )


def mr(rng: np.random.Generator, vendor: str = "SIEMENS") -> Study:
    """An MR: no negative value, no unit."""
    elements = study_elements(rng, "T1 TSE")

    def make() -> FileDataset:
        data = header(rng, MR, "MR", vendor, elements)
        data.EchoTime, data.RepetitionTime, data.MagneticFieldStrength = "12", "500", "3"
        return data

    scale = float(rng.uniform(0.5, 2))
    return sectional(
        rng, lambda p, prone: np.abs(scale * (hounsfield(p, prone=prone) + 1000) + rng.normal(0, 9, p.shape[:2])), make
    )


def pet(rng: np.random.Generator) -> Study:
    """A PET with all that an uptake value needs."""
    elements = study_elements(rng, "PET WB")

    def make() -> FileDataset:
        data = header(rng, PET, "PT", "SIEMENS", elements)
        data.Units, data.DecayCorrection, data.PatientWeight = "BQML", "START", "70"
        data.RescaleSlope, data.RescaleIntercept, data.CorrectedImage = "1", "0", ["DECY", "ATTN"]
        data.RadiopharmaceuticalInformationSequence = item(
            RadionuclideTotalDose="3e8", RadiopharmaceuticalStartTime="110000"
        )
        return data

    return sectional(
        rng, lambda p, prone: np.maximum(0, hounsfield(p, prone=prone) + 1000 + rng.normal(0, 30, p.shape[:2])), make
    )


def mammography(rng: np.random.Generator) -> Study:
    """A screening examination: four views."""
    elements = study_elements(rng, "MG SCREENING")
    vendor = str(rng.choice(["HOLOGIC, Inc.", "GE MEDICAL SYSTEMS", "SIEMENS"]))
    study = []
    for number, (side, view) in enumerate((s, v) for s in "LR" for v in ("CC", "MLO")):
        data = header(
            rng,
            MAMMOGRAM,
            "MG",
            vendor,
            {**elements, "SeriesInstanceUID": generate_uid(), "SeriesDescription": f"{side} {view}"},
        )
        data.InstanceNumber, data.ImageLaterality, data.ViewPosition = number + 1, side, view
        data.ViewCodeSequence = item(CodeValue={"CC": "R-10242", "MLO": "R-10226"}[view], CodeMeaning=view)
        data.PatientOrientation = ["A", "R" if side == "R" else "L"] if side == "L" else ["P", "L"]
        data.ImagerPixelSpacing, data.PixelSpacing = ["0.07", "0.07"], ["0.065", "0.065"]
        data.PixelSpacingCalibrationType, data.EstimatedRadiographicMagnificationFactor = "GEOMETRY", "1.077"
        data.PresentationIntentType, data.PresentationLUTShape = "FOR PRESENTATION", "IDENTITY"
        picture(data, rng, "left" if side == "L" else "right", muscle=view == "MLO")
        study.append(data)
    return study


def radiograph(rng: np.random.Generator) -> Study:
    """One chest radiograph with a calibrated pixel."""
    data = header(
        rng,
        RADIOGRAPH,
        "DX",
        str(rng.choice(["Agfa", "FUJIFILM Corporation", "Carestream"])),
        study_elements(rng, "CHEST PA"),
    )
    data.PatientOrientation, data.ImagerPixelSpacing, data.PixelSpacing = ["L", "F"], ["0.2", "0.2"], ["0.18", "0.18"]
    data.PixelSpacingCalibrationType, data.PresentationIntentType = "GEOMETRY", "FOR PRESENTATION"
    data.PresentationLUTShape, data.InstanceNumber = "IDENTITY", 1
    picture(data, rng, "middle")
    return [data]


def picture(data: FileDataset, rng: np.random.Generator, side: str, *, muscle: bool = False) -> None:
    """A bright half disc at one side, or a disc in the middle, over a dark background; a muscle in the upper corner."""
    data.Rows, data.Columns, data.BitsStored, data.HighBit, data.PixelRepresentation = 80, 64, 12, 11, 0
    j, i = np.mgrid[:80, :64]
    centre = {"left": 0, "right": 63, "middle": 32}[side]
    stored = 60 + rng.normal(0, 8, (80, 64))
    stored[((i - centre) / 26) ** 2 + ((j - 40) / 32) ** 2 < 1] += 2200
    if muscle:
        corner = np.abs(i - centre) / 20 + j / 40 < 1
        stored[corner] = 2600 + rng.normal(0, 8, int(corner.sum()))
    data.PixelData = np.clip(stored, 0, 4095).astype("<u2").tobytes()
    data.WindowCenter, data.WindowWidth = "2048", "4096"


def seg_of(study: Study, frame: str = "", series: str = "") -> FileDataset:
    """A segmentation that names a study's series."""
    first = study[0]
    data = bare("1.2.840.10008.5.1.4.1.1.66.4", ExplicitVRLittleEndian)
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "StudyTime", "PatientSex"):
        setattr(data, keyword, first[keyword].value)
    data.SeriesInstanceUID, data.Modality, data.InstanceNumber = generate_uid(), "SEG", 1
    data.FrameOfReferenceUID = frame or first.FrameOfReferenceUID
    reference = Dataset()
    reference.SeriesInstanceUID = series or first.SeriesInstanceUID
    reference.ReferencedInstanceSequence = item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=first.SOPInstanceUID)
    data.ReferencedSeriesSequence = Sequence([reference])
    return data


CLEAN: dict[str, Callable[[np.random.Generator], Study]] = {
    "CT": ct,
    "MR": mr,
    "PT": pet,
    "MG": mammography,
    "DX": radiograph,
}
BASES = {**CLEAN, "CT axial": lambda rng: ct(rng, axial=True)}
"""What defects are planted in."""
