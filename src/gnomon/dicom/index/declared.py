"""What a header declares about how an image came to be: nothing that reads it needs this, the audit does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydicom.dataset import Dataset

from gnomon.dicom.index.elements import Elements
from gnomon.dicom.index.functional_groups import milliseconds
from gnomon.dicom.index.identity import identifiers, name_words, remove_names
from gnomon.dicom.index.instances import Declared, Texts
from gnomon.dicom.index.tags import TAG

_TEXT = {
    "image_laterality": "ImageLaterality",
    "series_laterality": "Laterality",
    "view_position": "ViewPosition",
    "horizontal_flip": "FieldOfViewHorizontalFlip",
    "intent": "PresentationIntentType",
    "partial_view": "PartialView",
    "spacing_calibration": "PixelSpacingCalibrationType",
    "voi_function": "VOILUTFunction",
    "lossy_method": "LossyImageCompressionMethod",
    "conversion_type": "ConversionType",
    "recognizable": "RecognizableVisualFeatures",
    "beat_rejection": "BeatRejectionFlag",
    "cardiac_technique": "CardiacSynchronizationTechnique",
    "respiratory_technique": "RespiratoryMotionCompensationTechnique",
    "multienergy": "MultienergyCTAcquisition",
    "reconstruction_algorithm": "ReconstructionAlgorithm",
    "decay_correction": "DecayCorrection",
    "identity_removed": "PatientIdentityRemoved",
    "longitudinal": "LongitudinalTemporalInformationModified",
    "site": "InstitutionName",
    "station": "DeviceSerialNumber",
    "birth": "PatientBirthDate",
    "sex": "PatientSex",
}
_TEXTS = {
    "patient_orientation": "PatientOrientation",
    "scan_options": "ScanOptions",
    "charset": "SpecificCharacterSet",
}
_NUMBER = {
    "magnification": "EstimatedRadiographicMagnificationFactor",
    "source_detector_mm": "DistanceSourceToDetector",
    "source_patient_mm": "DistanceSourceToPatient",
    "rr_interval_ms": "NominalInterval",
    "nominal_phase": "NominalPercentageOfCardiacPhase",
    "trigger_time_ms": "TriggerTime",
    "exposure_mas": "Exposure",
}
_CODES = {
    "view_codes": "ViewCodeSequence",
    "posture_codes": "PatientOrientationCodeSequence",
}
_FREE = (
    "StudyDescription",
    "RequestedProcedureDescription",
    "ReasonForStudy",
    "AdmittingDiagnosesDescription",
    "ImageComments",
    "PatientComments",
    "AdditionalPatientHistory",
    "DerivationDescription",
)
_SOURCES = ("DerivationCodeSequence", "SourceImageSequence", "DerivationDescription")
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_REFERENCES_LIMIT = 100_000


def read_declared(found: Elements) -> Declared:
    """What the header declares."""
    text, number, words = found.text, found.number, name_words(found)
    values: dict[str, Any] = {name: text(TAG[keyword]) for name, keyword in _TEXT.items()}
    values |= {name: found.texts(TAG[keyword]) for name, keyword in _TEXTS.items()}
    values |= {name: number(TAG[keyword]) for name, keyword in _NUMBER.items()}
    values |= {name: tuple(_codes(found.sequence(TAG[keyword]))) for name, keyword in _CODES.items()}
    values |= {
        "view_modifiers": tuple(
            code
            for view in found.sequence(TAG["ViewCodeSequence"])
            for code in _codes(view.get("ViewModifierCodeSequence") or ())
        ),
        "frame_laterality": _frame_laterality(found),
        "nominal_spacing_mm": found.numbers(TAG["NominalScannedPixelSpacing"], 2),
        "has_voi_lut": TAG["VOILUTSequence"] in found,
        "has_source": any(TAG[keyword] in found for keyword in _SOURCES),
        "overlays": any(group << 16 | 0x3000 in found for group in _OVERLAY_GROUPS) or _in_pixels(found),
        "contrast_start_ms": milliseconds(text(TAG["ContrastBolusStartTime"])),
        "contrast_phase": _contrast_phase(found),
        "acquisition_time_ms": milliseconds(text(TAG["AcquisitionTime"]) or text(TAG["SeriesTime"])),
        "kernel_group": _kernel_group(found),
        "identifiers": identifiers(found),
        "texts": tuple(f"{keyword}: {remove_names(said, words)}" for keyword in _FREE if (said := text(TAG[keyword]))),
        "private_orphans": _orphans(found),
        **_tracer(found),
        **_references(found),
    }
    return Declared(**values)


def _codes(items: Sequence[Dataset]) -> Iterator[str]:
    """`value meaning` of each code."""
    for item in items:
        yield f"{item.get('CodeValue', '')} {item.get('CodeMeaning', '')}".strip()


def _first_item(found: Elements, *keywords: str) -> Dataset | None:
    items: Sequence[Dataset] = found.sequence(TAG[keywords[0]]) if TAG[keywords[0]] in found else ()
    for keyword in keywords[1:]:
        items = (items[0].get(keyword) or ()) if items else ()
    return items[0] if items else None


def _functional_group(found: Elements, keyword: str) -> Dataset | None:
    """The one item of a functional group, shared or of the first frame."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if (item := _first_item(found, groups, keyword)) is not None:
            return item
    return None


def _frame_laterality(found: Elements) -> str:
    anatomy = _functional_group(found, "FrameAnatomySequence")
    return str(anatomy.get("FrameLaterality", "")) if anatomy is not None else ""


def _kernel_group(found: Elements) -> str:
    reconstruction = _functional_group(found, "CTReconstructionSequence")
    return str(reconstruction.get("ConvolutionKernelGroup", "")) if reconstruction is not None else ""


def _contrast_phase(found: Elements) -> str:
    usage = _first_item(found, "ContrastBolusUsageSequence") or _functional_group(found, "ContrastBolusUsageSequence")
    if usage is None:
        return ""
    return (
        str(usage.get("ContrastBolusAgentPhase", ""))
        if usage.get("ContrastBolusAgentAdministered") != "NO"
        else "PRE_CONTRAST"
    )


def _in_pixels(found: Elements) -> bool:
    """Whether an old overlay lies in unused bits of the pixels (60xx,0102 other than 0)."""
    return any(
        (found.number(group << 16 | 0x0102) or 0) > 0 for group in _OVERLAY_GROUPS if group << 16 | 0x0102 in found
    )


def _tracer(found: Elements) -> dict[str, bool]:
    """Whether what a standardised uptake value needs is there (PET: C.8.9.2)."""
    item = _first_item(found, "RadiopharmaceuticalInformationSequence")
    return {
        "has_dose": item is not None and bool(item.get("RadionuclideTotalDose")),
        "has_injection_time": item is not None
        and bool(item.get("RadiopharmaceuticalStartTime") or item.get("RadiopharmaceuticalStartDateTime")),
        "has_weight": bool(found.number(TAG["PatientWeight"])),
    }


def _orphans(found: Elements) -> int:
    """Private elements whose block nobody reserved (PS3.5 section 7.8.1)."""
    tags = found.private_tags()
    reserved = {(tag >> 16, tag & 0xFF) for tag in tags if 0x10 <= tag & 0xFFFF <= 0xFF}
    return sum((tag >> 16, tag >> 8 & 0xFF) not in reserved for tag in tags if tag & 0xFFFF > 0xFF)


def _references(found: Elements) -> dict[str, Texts]:
    """What a segmentation or a structure set was drawn on: series, frames of reference, images."""
    series, frames, sops = set[str](), set[str](), set[str]()
    for one in found.sequence(TAG["ReferencedSeriesSequence"]) if TAG["ReferencedSeriesSequence"] in found else ():
        series.add(str(one.get("SeriesInstanceUID", "")))
        sops.update(
            str(image.get("ReferencedSOPInstanceUID", "")) for image in one.get("ReferencedInstanceSequence") or ()
        )
    keyword = "ReferencedFrameOfReferenceSequence"
    for place in found.sequence(TAG[keyword]) if TAG[keyword] in found else ():
        frames.add(str(place.get("FrameOfReferenceUID", "")))
        for study in place.get("RTReferencedStudySequence") or ():
            for one in study.get("RTReferencedSeriesSequence") or ():
                series.add(str(one.get("SeriesInstanceUID", "")))
                images = one.get("ContourImageSequence") or ()
                sops.update(str(image.get("ReferencedSOPInstanceUID", "")) for image in images)
    named = {"referenced_series": series, "referenced_frame_of_reference": frames, "referenced_sops": sops}
    return {name: tuple(sorted(values - {""})[:_REFERENCES_LIMIT]) for name, values in named.items()}
