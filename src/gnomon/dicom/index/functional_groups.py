"""Enhanced multi-frame objects -> one record per frame, the same as for a single-frame image (C.7.6.16).

A macro is in the shared or in the per-frame functional groups; the per-frame one takes precedence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from pydicom.dataset import Dataset

from gnomon.dicom.index.elements import Elements, quiet_pydicom
from gnomon.dicom.index.instances import FrameFacts, Numbers, ValueMapping

_MAPPINGS = "RealWorldValueMappingSequence"
_SHARED, _PER_FRAME = 0x52009229, 0x52009230


def frame_facts(elements: Elements, number_of_frames: int, defaults: FrameFacts) -> tuple[FrameFacts, ...]:
    """One record per frame; `defaults` are the values of the top level. Empty if there are no functional groups."""
    shared = elements.sequence(_SHARED)
    per_frame = elements.sequence(_PER_FRAME)
    if not per_frame and not shared:
        return ()
    with quiet_pydicom():
        common = shared[0] if shared else Dataset()
        groups = list(per_frame) + [Dataset()] * (number_of_frames - len(per_frame))
        return tuple(_facts(common, group, defaults) for group in groups[:number_of_frames])


def _facts(common: Dataset, own: Dataset, defaults: FrameFacts) -> FrameFacts:
    def macro(keyword: str) -> Dataset:
        for group in (own, common):
            items = group.get(keyword)
            if items:
                return cast(Dataset, items[0])
        return Dataset()

    content, measures, rescale = (
        macro("FrameContentSequence"),
        macro("PixelMeasuresSequence"),
        macro("PixelValueTransformationSequence"),
    )
    diffusion = macro("MRDiffusionSequence")
    direction = (diffusion.get("DiffusionGradientDirectionSequence") or [Dataset()])[0]
    frame = next((m for k in _FRAME_TYPES if (m := macro(k))), Dataset())
    cardiac, kernel = macro("CardiacSynchronizationSequence"), macro("CTReconstructionSequence")
    slope, intercept = _rescale(rescale, "RescaleSlope"), _rescale(rescale, "RescaleIntercept")
    return FrameFacts(
        position_mm=_numbers(macro("PlanePositionSequence"), "ImagePositionPatient", 3),
        orientation=_numbers(macro("PlaneOrientationSequence"), "ImageOrientationPatient", 6),
        pixel_spacing_mm=_numbers(measures, "PixelSpacing", 2),
        slope=defaults.slope if slope is None else slope,
        intercept=defaults.intercept if intercept is None else intercept,
        rescale_type=_text(rescale, "RescaleType") or defaults.rescale_type,
        mappings=value_mappings(own.get(_MAPPINGS) or common.get(_MAPPINGS) or ()),
        frame_type=_texts(frame, "FrameType"),
        kernel=_texts(kernel, "ConvolutionKernel") or defaults.kernel,
        stack=_text(content, "StackID"),
        echo=_text(macro("MREchoSequence"), "EffectiveEchoTime") or defaults.echo,
        inversion_time=_text(macro("MRModifierSequence"), "InversionTimes"),
        b_value=_text(diffusion, "DiffusionBValue"),
        complex_part=_text(frame, "ComplexImageComponent"),
        contrast=_text(macro("ContrastBolusUsageSequence"), "ContrastBolusAgentPhase"),
        gradient=_numbers(direction, "DiffusionGradientOrientation", 3),
        temporal_position=_number(content, "TemporalPositionIndex"),
        cardiac_phase=_number(cardiac, "NominalPercentageOfCardiacPhase"),
        trigger_time_ms=_number(cardiac, "NominalCardiacTriggerDelayTime"),
        acquired_ms=milliseconds(_text(content, "FrameAcquisitionDateTime")),
        index_values=_numbers(content, "DimensionIndexValues", None),
    )


def _rescale(data: Dataset, keyword: str) -> float | None:
    number = _number(data, keyword)
    return math.nan if number is None and _text(data, keyword) else number


_FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence",
    "XRay3DFrameTypeSequence",
    "ParametricMapFrameTypeSequence",
)


def value_mappings(items: Sequence[Dataset]) -> tuple[ValueMapping, ...]:
    """The items of a Real World Value Mapping Sequence that state their range of stored values."""
    mappings = []
    for item in items:
        units = item.get("MeasurementUnitsCodeSequence") or [Dataset()]
        first = _first_number(item, "RealWorldValueFirstValueMapped", "DoubleFloatRealWorldValueFirstValueMapped")
        last = _first_number(item, "RealWorldValueLastValueMapped", "DoubleFloatRealWorldValueLastValueMapped")
        slope, intercept = _number(item, "RealWorldValueSlope"), _number(item, "RealWorldValueIntercept")
        if first is None or last is None:
            continue
        mappings.append(ValueMapping(slope, intercept, first, last, _text(units[0], "CodeValue")))
    return tuple(mappings)


def _first_number(item: Dataset, keyword: str, alternative: str) -> float | None:
    number = _number(item, keyword)
    return _number(item, alternative) if number is None else number


def milliseconds(text: str) -> float | None:
    """A DICOM time (HHMMSS.FFFFFF) or date and time in ms; None if it is empty or invalid."""
    plain = text.split("+")[0].split("-")[0]
    try:
        if len(plain.split(".")[0]) == 14:
            day, plain = datetime.strptime(plain[:8], "%Y%m%d").toordinal(), plain[8:]
        else:
            day = 0
        hours, minutes, seconds = int(plain[:2]), int(plain[2:4]), float(plain[4:] or 0)
    except ValueError:
        return None
    return ((day * 24 + hours) * 60 + minutes) * 60e3 + round(seconds * 1e3, 3)


def _value(data: Dataset, keyword: str) -> Any:
    value = data.get(keyword)
    return None if value is None or value == "" else value


def _texts(data: Dataset, keyword: str) -> tuple[str, ...]:
    value = _value(data, keyword)
    if value is None:
        return ()
    items = [value] if isinstance(value, (str, int, float)) else list(value)
    return tuple(str(item).strip() for item in items)


def _text(data: Dataset, keyword: str) -> str:
    return "\\".join(_texts(data, keyword))


def _numbers(data: Dataset, keyword: str, count: int | None) -> Numbers | None:
    try:
        numbers = tuple(float(text) for text in _texts(data, keyword))
    except ValueError:
        return None
    usable = numbers and count in (None, len(numbers)) and all(abs(n) < float("inf") for n in numbers)
    return numbers if usable else None


def _number(data: Dataset, keyword: str) -> float | None:
    numbers = _numbers(data, keyword, 1)
    return numbers[0] if numbers else None
