"""A row of the index: the header of one instance, typed. Lengths in mm, times in ms, positions in LPS.

None means absent or unreadable. `patient` and `file` are pseudonyms; free text contains no name or ID of the patient.
A single-frame image is an image with one frame: geometry and everything else that may vary between frames is always in
`frames`.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import pyarrow as pa

VERSION = "gnomon/instances/3"
"""To be raised when the meaning of a column changes: an index of another version is rebuilt."""

Numbers = tuple[float, ...]
Texts = tuple[str, ...]


@dataclass(frozen=True)
class PrivateValue:
    """One private element that an adapter lists: `name` is the adapter's, `value` raw little-endian bytes."""

    creator: str
    name: str
    vr: str
    value: bytes


@dataclass(frozen=True)
class ValueMapping:
    """One item of a Real World Value Mapping (C.7.6.16.2.11): value = slope * stored + intercept.

    Slope and intercept are None if the item has a table instead.
    """

    slope: float | None
    intercept: float | None
    first: float
    last: float
    unit: str


@dataclass(frozen=True)
class FrameFacts:
    """Position and value mapping of one frame, and what distinguishes it from its neighbours.

    A slope or intercept that is present but not a number is NaN, not None: it must not be taken for absent.
    """

    position_mm: Numbers | None = None
    orientation: Numbers | None = None
    pixel_spacing_mm: Numbers | None = None
    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    mappings: tuple[ValueMapping, ...] = ()
    frame_type: Texts = ()
    kernel: Texts = ()
    stack: str = ""
    echo: str = ""
    inversion_time: str = ""
    b_value: str = ""
    complex_part: str = ""
    contrast: str = ""
    gradient: Numbers | None = None
    temporal_position: float | None = None
    cardiac_phase: float | None = None
    trigger_time_ms: float | None = None
    acquired_ms: float | None = None
    index_values: Numbers | None = None


@dataclass(frozen=True)
class Declared:
    """What one file declares about its acquisition. Texts as written, empty if absent; lengths in mm, times in ms.

    `identifiers` are keywords; `site`, `station` and `birth` are keyed digests in the index; free text (`texts`, each
    `Keyword: text`) contains no name or ID of the patient.
    """

    image_laterality: str = ""
    series_laterality: str = ""
    frame_laterality: str = ""
    view_position: str = ""
    view_codes: Texts = ()
    view_modifiers: Texts = ()
    patient_orientation: Texts = ()
    horizontal_flip: str = ""
    posture_codes: Texts = ()
    intent: str = ""
    partial_view: str = ""
    spacing_calibration: str = ""
    magnification: float | None = None
    source_detector_mm: float | None = None
    source_patient_mm: float | None = None
    nominal_spacing_mm: Numbers | None = None
    voi_function: str = ""
    has_voi_lut: bool = False
    lossy_method: str = ""
    has_source: bool = False
    conversion_type: str = ""
    recognizable: str = ""
    overlays: bool = False
    scan_options: Texts = ()
    contrast_start_ms: float | None = None
    contrast_phase: str = ""
    acquisition_time_ms: float | None = None
    rr_interval_ms: float | None = None
    nominal_phase: float | None = None
    trigger_time_ms: float | None = None
    beat_rejection: str = ""
    cardiac_technique: str = ""
    respiratory_technique: str = ""
    multienergy: str = ""
    kernel_group: str = ""
    reconstruction_algorithm: str = ""
    exposure_mas: float | None = None
    decay_correction: str = ""
    has_dose: bool = False
    has_weight: bool = False
    has_injection_time: bool = False
    identity_removed: str = ""
    longitudinal: str = ""
    identifiers: Texts = ()
    site: str = ""
    station: str = ""
    birth: str = ""
    sex: str = ""
    texts: Texts = ()
    private_orphans: int = 0
    charset: Texts = ()
    referenced_series: Texts = ()
    referenced_frame_of_reference: Texts = ()
    referenced_sops: Texts = ()


@dataclass(frozen=True)
class Instance:
    """One file: an image, a DICOMDIR, another DICOM object, or a file that could not be read.

    `rule` and `problem` say why a file could not be read; both are empty for a readable one.
    """

    file: str
    size_bytes: int
    modified_ns: int
    rule: str = ""
    problem: str = ""
    patient: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    sop_class: str = ""
    transfer_syntax: str = ""
    syntax_deduced: bool = False
    modality: str = ""
    manufacturer: str = ""
    model: str = ""
    software: str = ""
    image_type: Texts = ()
    frame_of_reference: str = ""
    series_number: int | None = None
    acquisition_number: int | None = None
    instance_number: int | None = None
    series_description: str = ""
    protocol_name: str = ""
    body_part: str = ""
    patient_position: str = ""
    laterality: str = ""
    kvp: str = ""
    reconstruction_diameter: str = ""
    contrast_agent: str = ""
    slice_thickness_mm: float | None = None
    slice_spacing_mm: float | None = None
    gantry_tilt_deg: float | None = None
    repetition_time_ms: float | None = None
    heart_rate: float | None = None
    imager_spacing_mm: Numbers | None = None
    window_center: Numbers | None = None
    window_width: Numbers | None = None
    lossy: str = ""
    lossy_ratio: Numbers | None = None
    burned_in: str = ""
    units: str = ""
    concatenation: str = ""
    concatenation_part: int | None = None
    concatenation_parts: int | None = None
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int = 1
    samples: int = 1
    photometric: str = ""
    presentation: str = ""
    bits_allocated: int | None = None
    bits_stored: int | None = None
    high_bit: int | None = None
    signed: bool = False
    padding_value: float | None = None
    padding_limit: float | None = None
    pixel_keyword: str = ""
    pixel_vr: str = ""
    pixel_offset: int = 0
    pixel_length: int | None = None
    coding: str = ""
    has_modality_lut: bool = False
    mosaic_tiles: int = 0
    mosaic_normal: Numbers | None = None
    frames: tuple[FrameFacts, ...] = ()
    references: Texts = ()
    private_creators: Texts = ()
    private: tuple[PrivateValue, ...] = ()
    declared: Declared = Declared()

    @property
    def readable(self) -> bool:
        """Whether the header could be read."""
        return not self.rule


@cache
def schema() -> pa.Schema:
    """The Parquet schema of the index: one column per field of `Instance`."""
    return pa.schema(list(_arrow_fields(Instance)), metadata={"gnomon": VERSION})


def _arrow_fields(kind: Any) -> typing.Iterator[pa.Field]:
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        yield pa.field(field.name, _arrow_type(hints[field.name]))


def _arrow_type(hint: Any) -> pa.DataType:
    scalars = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), bytes: pa.binary()}
    if hint in scalars:
        return scalars[hint]
    inner = [part for part in typing.get_args(hint) if part not in (type(None), Ellipsis)]
    if typing.get_origin(hint) is types.UnionType:
        return _arrow_type(inner[0])
    if typing.get_origin(hint) is tuple:
        return pa.list_(_arrow_type(inner[0]))
    return pa.struct(list(_arrow_fields(hint)))


def table_of(rows: list[Instance]) -> pa.Table:
    """Rows -> an Arrow table."""
    arrow_schema = schema()
    columns = [
        pa.array([_as_dicts(getattr(row, field.name)) for row in rows], field.type)
        if _is_nested(field)
        else pa.array([getattr(row, field.name) for row in rows], field.type)
        for field in arrow_schema
    ]
    return pa.Table.from_arrays(columns, schema=arrow_schema)


def _is_nested(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    return bool(pa.types.is_struct(kind))


def _as_dicts(items: Any) -> list[dict[str, Any]] | dict[str, Any]:
    if isinstance(items, Declared):
        return vars(items)
    dicts = []
    for item in items:
        values = dict(vars(item))
        if values.get("mappings"):
            values["mappings"] = [vars(mapping) for mapping in values["mappings"]]
        dicts.append(values)
    return dicts


def rows_of(table: pa.Table) -> list[Instance]:
    """An Arrow table -> rows; the inverse of `table_of`."""
    nested: dict[str, Any] = {"frames": _frame, "private": lambda value: PrivateValue(**value)}
    columns = []
    for field in table.schema:
        values = table.column(field.name).to_pylist()
        if (build := nested.get(field.name)) is not None:
            values = [tuple(build(item) for item in value) for value in values]
        elif field.name == "declared":
            values = [Declared(**_tuples(value)) for value in values]
        elif pa.types.is_list(field.type):
            values = [None if value is None else tuple(value) for value in values]
        columns.append(values)
    names = table.schema.names
    return [Instance(**dict(zip(names, row))) for row in zip(*columns)]


def _frame(values: dict[str, Any]) -> FrameFacts:
    mappings = tuple(ValueMapping(**mapping) for mapping in values["mappings"])
    return FrameFacts(**{**_tuples(values), "mappings": mappings})


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
