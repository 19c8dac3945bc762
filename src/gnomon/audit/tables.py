"""Volumes -> the tables that checks look at: one row per slice, one row per volume.

Of a column that may vary within a volume, the row of the volume holds the minimum under the name of the column and the
maximum under `<name>_max`; both are the same for any order of the slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from gnomon.audit.kernels import parse_kernel
from gnomon.audit.phases import contrast_phase
from gnomon.audit.vendors import vendor_of
from gnomon.dicom import Instance, Slice, Volume, image_kind, private_cardiac_phase

SHOWN_SLICES = 20
MAXIMUM = "_max"

_TEXT_COLUMNS = (
    "patient",
    "study_uid",
    "series_uid",
    "sop_uid",
    "sop_class",
    "transfer_syntax",
    "modality",
    "manufacturer",
    "model",
    "software",
    "frame_of_reference",
    "series_description",
    "protocol_name",
    "body_part",
    "patient_position",
    "kvp",
    "contrast_agent",
    "lossy",
    "burned_in",
    "units",
    "photometric",
    "presentation",
)
_NUMBER_COLUMNS = (
    "series_number",
    "instance_number",
    "slice_thickness_mm",
    "slice_spacing_mm",
    "heart_rate",
    "rows",
    "columns",
    "number_of_frames",
    "samples",
    "bits_allocated",
    "bits_stored",
    "high_bit",
    "padding_value",
    "padding_limit",
)
_DECLARED_TEXT = (
    "image_laterality",
    "series_laterality",
    "frame_laterality",
    "view_position",
    "horizontal_flip",
    "intent",
    "partial_view",
    "spacing_calibration",
    "voi_function",
    "lossy_method",
    "conversion_type",
    "recognizable",
    "contrast_phase",
    "beat_rejection",
    "cardiac_technique",
    "respiratory_technique",
    "multienergy",
    "kernel_group",
    "reconstruction_algorithm",
    "decay_correction",
    "identity_removed",
    "longitudinal",
    "site",
    "station",
    "birth",
    "sex",
)
_DECLARED_TEXTS = (
    "view_codes",
    "view_modifiers",
    "patient_orientation",
    "posture_codes",
    "scan_options",
    "identifiers",
    "charset",
    "texts",
)
_DECLARED_NUMBERS = (
    "magnification",
    "source_detector_mm",
    "source_patient_mm",
    "contrast_start_ms",
    "acquisition_time_ms",
    "rr_interval_ms",
    "nominal_phase",
    "trigger_time_ms",
    "exposure_mas",
    "private_orphans",
)
_DECLARED_FLAGS = ("has_voi_lut", "has_source", "overlays", "has_dose", "has_weight", "has_injection_time")
_FACT_TEXT = ("rescale_type", "echo", "inversion_time", "b_value", "complex_part", "contrast", "stack")
_FACT_NUMBERS = ("slope", "intercept", "temporal_position", "cardiac_phase")


def _join(values: Sequence[str]) -> str:
    return "\\".join(values)


def _nth(values: Sequence[float] | None, place: int) -> float | None:
    return None if values is None or len(values) <= place else float(values[place])


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _annotation(one: Instance) -> str:
    """A vendor's private text about the reconstruction of a CT."""
    names = ("iterative_annotation", "noise_filter", "filter", "reconstruction")
    return " ".join(
        v.value.decode("ascii", "replace").strip("\0 ") for v in one.private if v.name in names and v.vr != "FL"
    )


def _obliquity_deg(one: Slice) -> float | None:
    cosines = one.facts.orientation
    if cosines is None:
        return None
    normal = np.abs(np.cross(cosines[:3], cosines[3:]))
    return float(np.degrees(np.arccos(min(1.0, normal.max() / max(1e-9, float(np.linalg.norm(normal)))))))


Getter = Callable[[Slice], Any]


def _from_instance(one: Slice, name: str) -> Any:
    return getattr(one.instance, name)


def _from_declared(one: Slice, name: str) -> Any:
    return getattr(one.instance.declared, name)


def _join_declared(one: Slice, name: str) -> str:
    return _join(getattr(one.instance.declared, name))


def _from_facts(one: Slice, name: str) -> Any:
    return getattr(one.facts, name)


def _finite_from_facts(one: Slice, name: str) -> float | None:
    return _finite(getattr(one.facts, name))


def _each(kind: Any, names: Iterable[str], get: Callable[[Slice, str], Any]) -> dict[str, tuple[Any, Getter]]:
    """Columns of one type that are read in the same way."""
    return {name: (kind, partial(_of, get, name)) for name in names}


def _of(get: Callable[[Slice, str], Any], name: str, one: Slice) -> Any:
    return get(one, name)


_COLUMNS: dict[str, tuple[Any, Getter]] = {
    **_each(pl.String, _TEXT_COLUMNS, _from_instance),
    **_each(pl.Float64, _NUMBER_COLUMNS, _from_instance),
    **_each(pl.String, _DECLARED_TEXT, _from_declared),
    **_each(pl.String, _DECLARED_TEXTS, _join_declared),
    **_each(pl.Float64, _DECLARED_NUMBERS, _from_declared),
    **_each(pl.Boolean, _DECLARED_FLAGS, _from_declared),
    **_each(pl.String, _FACT_TEXT, _from_facts),
    **_each(pl.Float64, _FACT_NUMBERS, _finite_from_facts),
    "kind": (pl.String, lambda s: image_kind(s.instance)),
    "signed": (pl.Boolean, lambda s: s.instance.signed),
    "coding": (pl.String, lambda s: s.instance.coding),
    "padding_declared": (pl.Boolean, lambda s: s.instance.padding_value is not None),
    "image_type": (pl.String, lambda s: _join((*s.instance.image_type, *s.facts.frame_type))),
    "kernel": (pl.String, lambda s: _join(s.facts.kernel)),
    "annotation": (pl.String, lambda s: _annotation(s.instance)),
    "creators": (pl.String, lambda s: _join(s.instance.private_creators)),
    "private_names": (pl.String, lambda s: _join(tuple(v.name for v in s.instance.private))),
    "private_phase": (pl.Float64, lambda s: private_cardiac_phase(s.instance.private)),
    "orientation_row": (pl.String, lambda s: _axes(s)[0]),
    "orientation_column": (pl.String, lambda s: _axes(s)[1]),
    "obliquity_deg": (pl.Float64, _obliquity_deg),
    "row_mm": (pl.Float64, lambda s: _nth(s.facts.pixel_spacing_mm, 0)),
    "column_mm": (pl.Float64, lambda s: _nth(s.facts.pixel_spacing_mm, 1)),
    "imager_row_mm": (pl.Float64, lambda s: _nth(s.instance.imager_spacing_mm, 0)),
    "imager_column_mm": (pl.Float64, lambda s: _nth(s.instance.imager_spacing_mm, 1)),
    "nominal_row_mm": (pl.Float64, lambda s: _nth(s.instance.declared.nominal_spacing_mm, 0)),
    "window_center": (pl.Float64, lambda s: _nth(s.instance.window_center, 0)),
    "window_width": (pl.Float64, lambda s: _nth(s.instance.window_width, 0)),
    "windows": (pl.Float64, lambda s: len(s.instance.window_width or ())),
    "lossy_ratio": (pl.Float64, lambda s: max(s.instance.lossy_ratio or (math.nan,))),
    "referenced_series": (pl.String, lambda s: _join(s.instance.declared.referenced_series)),
    "referenced_frames": (pl.String, lambda s: _join(s.instance.declared.referenced_frame_of_reference)),
    "referenced_sops": (pl.List(pl.String), lambda s: list(s.instance.declared.referenced_sops)),
}


def _axes(one: Slice) -> tuple[str, str]:
    """Main anatomical direction (L, R, P, A, H or F) of rows, then of columns."""
    cosines = one.facts.orientation
    if cosines is None:
        return "", ""
    names = []
    for vector in (cosines[:3], cosines[3:]):
        axis = int(np.argmax(np.abs(vector)))
        names.append(("LPH", "RAF")[vector[axis] < 0][axis])
    return names[0], names[1]


def slice_table(volumes: Iterable[Volume]) -> pl.DataFrame:
    """One row per slice of every volume, including refused ones, in order of volume and name."""
    rows = [(volume.volume_id, one) for volume in volumes for one in volume.slices]
    rows.sort(key=lambda row: (row[0], row[1].name))
    columns: dict[str, pl.Series] = {
        "volume_id": pl.Series([volume_id for volume_id, _ in rows], dtype=pl.String),
        "name": pl.Series([one.name for _, one in rows], dtype=pl.String),
    }
    for name, (kind, get) in _COLUMNS.items():
        columns[name] = pl.Series([get(one) for _, one in rows], dtype=kind, strict=False)
    return pl.DataFrame(columns).with_columns(pl.col("lossy_ratio").fill_nan(None))


def stack_table(volumes: Iterable[Volume]) -> pl.DataFrame:
    """Slice distance of each volume along its normal, mm; null where there is no stack."""
    rows = []
    for volume in volumes:
        places = np.asarray(volume.stack.distances_mm) if volume.stack else np.zeros(0)
        step_mm = float(np.median(np.diff(places))) if len(places) > 1 else None
        rows.append({"volume_id": volume.volume_id, "step_mm": step_mm, "stacked": volume.stack is not None})
    return pl.DataFrame(rows, schema={"volume_id": pl.String, "step_mm": pl.Float64, "stacked": pl.Boolean})


def volume_table(slices: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """One row per volume: minimum and maximum of each of `columns`, and the number of slices."""
    schema = slices.collect_schema()
    names = [name for name in sorted(set(columns)) if name in schema and name != "volume_id"]
    scalar = [name for name in names if schema[name].base_type() is not pl.List]
    lists = [name for name in names if schema[name].base_type() is pl.List]
    return (
        slices.select("volume_id", *names)
        .group_by("volume_id")
        .agg(
            pl.len().alias("slices"),
            *(pl.col(name).min() for name in scalar),
            *(pl.col(name).max().alias(f"{name}{MAXIMUM}") for name in scalar),
            *(pl.col(name).first() for name in lists),
        )
        .sort("volume_id")
    )


KERNEL_INPUTS = ("kernel", "manufacturer", "kernel_group", "annotation")
PHASE_INPUTS = (
    "contrast_phase",
    "contrast_start_ms",
    "acquisition_time_ms",
    "series_description",
    "protocol_name",
    "texts",
    "contrast_agent",
    "contrast",
)
DERIVED = (
    "vendor",
    "kernel_class",
    "kernel_sure",
    "kernel_vendor",
    "iterative",
    "phase",
    "phase_confidence",
    "phase_sources",
    "phase_disagree",
)


def add_derived_columns(volumes: pl.DataFrame) -> pl.DataFrame:
    """Volumes with columns derived from several others: kernel and contrast phase (each combination once)."""
    kernels = volumes.select(KERNEL_INPUTS).unique()
    parsed = [
        parse_kernel((row[0] or "").split("\\"), row[1] or "", row[2] or "", row[3] or "") for row in kernels.rows()
    ]
    kernels = kernels.with_columns(
        pl.Series("kernel_class", [one.kind for one in parsed], dtype=pl.String),
        pl.Series("kernel_sure", [one.is_certain for one in parsed], dtype=pl.Boolean),
        pl.Series("kernel_vendor", [one.vendor for one in parsed], dtype=pl.String),
        pl.Series("iterative", [f"{one.iterative} {one.strength}".strip() for one in parsed], dtype=pl.String),
        pl.Series("vendor", [vendor_of(maker or "") for maker in kernels["manufacturer"]], dtype=pl.String),
    )
    inputs = [name for name in (*PHASE_INPUTS, "enhancement") if name in volumes.columns]  # where labels are known
    sources = volumes.select(inputs).unique()
    phases = [
        contrast_phase(
            standard=row["contrast_phase"] or "",
            started_ms=row["contrast_start_ms"],
            acquired_ms=row["acquisition_time_ms"],
            text=" ".join(filter(None, (row["series_description"], row["protocol_name"]))),
            enhancement=row.get("enhancement") or "",
        )
        for row in sources.iter_rows(named=True)
    ]
    sources = sources.with_columns(
        pl.Series("phase", [one.phase for one in phases], dtype=pl.String),
        pl.Series("phase_confidence", [one.confidence for one in phases], dtype=pl.String),
        pl.Series("phase_disagree", [one.disagree for one in phases], dtype=pl.Boolean),
        pl.Series(
            "phase_sources", [", ".join(f"{k} {v}" for k, v in one.sources.items()) for one in phases], dtype=pl.String
        ),
    )
    joined = volumes.join(kernels, on=KERNEL_INPUTS, how="left", nulls_equal=True)
    return joined.join(sources, on=inputs, how="left", nulls_equal=True).sort("volume_id")
