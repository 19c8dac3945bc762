"""What a header declares about the acquisition and the patient: used by the audit, not needed to decode pixels."""

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
_FREE_TEXT = (
    "StudyDescription",
    "RequestedProcedureDescription",
    "ReasonForStudy",
    "AdmittingDiagnosesDescription",
    "ImageComments",
    "PatientComments",
    "AdditionalPatientHistory",
    "DerivationDescription",
)
_DERIVATION = ("DerivationCodeSequence", "SourceImageSequence", "DerivationDescription")
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_REFERENCES_LIMIT = 100_000


def read_declared(elements: Elements) -> Declared:
    """The `Declared` columns of one header."""
    text, number, words = elements.text, elements.number, name_words(elements)
    values: dict[str, Any] = {name: text(TAG[keyword]) for name, keyword in _TEXT.items()}
    values |= {name: elements.texts(TAG[keyword]) for name, keyword in _TEXTS.items()}
    values |= {name: number(TAG[keyword]) for name, keyword in _NUMBER.items()}
    values |= {name: tuple(_codes(elements.sequence(TAG[keyword]))) for name, keyword in _CODES.items()}
    values |= {
        "view_modifiers": tuple(
            code
            for view in elements.sequence(TAG["ViewCodeSequence"])
            for code in _codes(view.get("ViewModifierCodeSequence") or ())
        ),
        "frame_laterality": _frame_laterality(elements),
        "nominal_spacing_mm": elements.numbers(TAG["NominalScannedPixelSpacing"], 2),
        "has_voi_lut": TAG["VOILUTSequence"] in elements,
        "has_source": any(TAG[keyword] in elements for keyword in _DERIVATION),
        "overlays": any(group << 16 | 0x3000 in elements for group in _OVERLAY_GROUPS)
        or _has_embedded_overlay(elements),
        "contrast_start_ms": milliseconds(text(TAG["ContrastBolusStartTime"])),
        "contrast_phase": _contrast_phase(elements),
        "acquisition_time_ms": milliseconds(text(TAG["AcquisitionTime"]) or text(TAG["SeriesTime"])),
        "kernel_group": _kernel_group(elements),
        "identifiers": identifiers(elements),
        "texts": tuple(
            f"{keyword}: {remove_names(value, words)}" for keyword in _FREE_TEXT if (value := text(TAG[keyword]))
        ),
        "private_orphans": _count_private_orphans(elements),
        **_radiopharmaceutical(elements),
        **_references(elements),
    }
    return Declared(**values)


def _codes(items: Sequence[Dataset]) -> Iterator[str]:
    """CodeValue and CodeMeaning of each item, separated by a space."""
    for item in items:
        yield f"{item.get('CodeValue', '')} {item.get('CodeMeaning', '')}".strip()


def _first_item(elements: Elements, *keywords: str) -> Dataset | None:
    items: Sequence[Dataset] = elements.sequence(TAG[keywords[0]]) if TAG[keywords[0]] in elements else ()
    for keyword in keywords[1:]:
        items = (items[0].get(keyword) or ()) if items else ()
    return items[0] if items else None


def _functional_group(elements: Elements, keyword: str) -> Dataset | None:
    """The item of a functional group macro: the shared one, else that of the first frame."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if (item := _first_item(elements, groups, keyword)) is not None:
            return item
    return None


def _frame_laterality(elements: Elements) -> str:
    anatomy = _functional_group(elements, "FrameAnatomySequence")
    return str(anatomy.get("FrameLaterality", "")) if anatomy is not None else ""


def _kernel_group(elements: Elements) -> str:
    reconstruction = _functional_group(elements, "CTReconstructionSequence")
    return str(reconstruction.get("ConvolutionKernelGroup", "")) if reconstruction is not None else ""


def _contrast_phase(elements: Elements) -> str:
    usage = _first_item(elements, "ContrastBolusUsageSequence") or _functional_group(
        elements, "ContrastBolusUsageSequence"
    )
    if usage is None:
        return ""
    return (
        str(usage.get("ContrastBolusAgentPhase", ""))
        if usage.get("ContrastBolusAgentAdministered") != "NO"
        else "PRE_CONTRAST"
    )


def _has_embedded_overlay(elements: Elements) -> bool:
    """Whether a retired overlay is embedded in unused bits of the pixels (60xx,0102 above 0)."""
    return any(
        (elements.number(group << 16 | 0x0102) or 0) > 0
        for group in _OVERLAY_GROUPS
        if group << 16 | 0x0102 in elements
    )


def _radiopharmaceutical(elements: Elements) -> dict[str, bool]:
    """Whether the header has what a standardised uptake value requires (PET: C.8.9.2)."""
    item = _first_item(elements, "RadiopharmaceuticalInformationSequence")
    return {
        "has_dose": item is not None and bool(item.get("RadionuclideTotalDose")),
        "has_injection_time": item is not None
        and bool(item.get("RadiopharmaceuticalStartTime") or item.get("RadiopharmaceuticalStartDateTime")),
        "has_weight": bool(elements.number(TAG["PatientWeight"])),
    }


def _count_private_orphans(elements: Elements) -> int:
    """Number of private elements in a block that no creator reserves (PS3.5 section 7.8.1)."""
    tags = elements.private_tags()
    reserved = {(tag >> 16, tag & 0xFF) for tag in tags if 0x10 <= tag & 0xFFFF <= 0xFF}
    return sum((tag >> 16, tag >> 8 & 0xFF) not in reserved for tag in tags if tag & 0xFFFF > 0xFF)


def _references(elements: Elements) -> dict[str, Texts]:
    """Series, frames of reference and images that a segmentation or structure set refers to."""
    series, frames_of_reference, sops = set[str](), set[str](), set[str]()
    for item in (
        elements.sequence(TAG["ReferencedSeriesSequence"]) if TAG["ReferencedSeriesSequence"] in elements else ()
    ):
        series.add(str(item.get("SeriesInstanceUID", "")))
        sops.update(
            str(image.get("ReferencedSOPInstanceUID", "")) for image in item.get("ReferencedInstanceSequence") or ()
        )
    keyword = "ReferencedFrameOfReferenceSequence"
    for frame in elements.sequence(TAG[keyword]) if TAG[keyword] in elements else ():
        frames_of_reference.add(str(frame.get("FrameOfReferenceUID", "")))
        for study in frame.get("RTReferencedStudySequence") or ():
            for item in study.get("RTReferencedSeriesSequence") or ():
                series.add(str(item.get("SeriesInstanceUID", "")))
                images = item.get("ContourImageSequence") or ()
                sops.update(str(image.get("ReferencedSOPInstanceUID", "")) for image in images)
    references = {
        "referenced_series": series,
        "referenced_frame_of_reference": frames_of_reference,
        "referenced_sops": sops,
    }
    return {name: tuple(sorted(values - {""})[:_REFERENCES_LIMIT]) for name, values in references.items()}
