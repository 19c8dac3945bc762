"""Instances -> volumes: split a series, sort along the normal, check, place. Or refuse by name.

Rules and tolerances: `dicom.md` P02 to P06 of the reference, which quotes DICOM PS3.3. One
SeriesInstanceUID is not one volume.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from isocenter.dicom.pixels import decodable
from isocenter.dicom.scan import Instance
from isocenter.findings import Finding, Severity

_SINGLE_FRAME = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_IMAGES = "1.2.840.10008.5.1.4.1.1."

_COSINE_TOLERANCE = 1e-4
_SAME_ORIENTATION = 1e-3
_SAME_PLACE_MM = 1e-3
_IRREGULAR_FRACTION = 0.005
_SHEAR_FRACTION = 0.02


@dataclass(frozen=True)
class SortedVolume:
    """The instances of one volume along the slice normal, and what was found about them.

    Attributes:
        volume_id: 16 hex digits of the hash over the sorted SOPInstanceUIDs.
        instances: in order of `places_mm`; in file order where the volume is refused for its geometry.
        places_mm: distance along the normal, one an instance; empty where geometry is refused.
        findings: an error among them refuses the volume.
    """

    volume_id: str
    instances: tuple[Instance, ...]
    places_mm: tuple[float, ...]
    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        """Whether the volume may be converted."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def split_volumes(instances: Iterable[Instance]) -> list[SortedVolume]:
    """Every volume in the instances, accepted or refused, in order of volume_id."""
    groups: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
    series_groups: dict[str, int] = defaultdict(int)
    for instance in sorted(instances, key=lambda one: (one.sop_uid, one.path)):
        groups[_key(instance)].append(instance)
    parts = [part for group in groups.values() for part in _by_orientation(group)]
    for part in parts:
        series_groups[part[0].series_uid] += 1
    volumes = [_volume(part, series_groups[part[0].series_uid]) for part in parts]
    return sorted(volumes, key=lambda volume: volume.volume_id)


def _key(instance: Instance) -> tuple[object, ...]:
    """What must be equal for two instances to share a volume, orientation and place aside (P04)."""
    return (
        instance.patient, instance.study_uid, instance.series_uid, instance.frame_of_reference,
        instance.sop_class, instance.rows, instance.columns, instance.frames, instance.samples,
        instance.image_type[:3], "LOCALIZER" in instance.image_type, instance.pixel_spacing_mm,
        instance.kernel, instance.rescale_type, instance.discriminators,
    )  # fmt: skip


def _by_orientation(group: list[Instance]) -> list[list[Instance]]:
    """Parts of a group with one ImageOrientationPatient each, within a tolerance (no rounding edges)."""
    parts: list[list[Instance]] = []
    for instance in group:
        for part in parts:
            if _same_orientation(part[0], instance):
                part.append(instance)
                break
        else:
            parts.append([instance])
    return parts


def _same_orientation(one: Instance, other: Instance) -> bool:
    if one.orientation is None or other.orientation is None:
        return one.orientation == other.orientation
    return float(np.abs(np.subtract(one.orientation, other.orientation)).max()) <= _SAME_ORIENTATION


def _volume(instances: list[Instance], parts_of_series: int) -> SortedVolume:
    uids = "\n".join(sorted(instance.sop_uid for instance in instances))
    volume_id = hashlib.sha256(uids.encode()).hexdigest()[:16]
    where = f"volume {volume_id}"
    unsorted = SortedVolume(volume_id, tuple(instances), (), ())
    if finding := _class_finding(instances[0], where):
        return replace(unsorted, findings=(finding,))
    findings = [*_pixel_findings(instances, where), *_geometry_findings(instances, where)]
    if findings:
        return replace(unsorted, findings=tuple(findings))
    ordered, places_mm = _sorted_along_normal(instances)
    findings = _order_findings(ordered, places_mm, where)
    if parts_of_series > 1:
        findings.append(Finding(
            "DCM202", where, f"a series that holds {parts_of_series} volumes", "one volume a series",
            "Check that the volume you label is the one you mean.", Severity.INFO,
        ))  # fmt: skip
    if not ordered[0].series_uid:
        findings.append(Finding(
            "DCM009", where, "no SeriesInstanceUID", "one, Type 1 in every image",
            "Grouped by the rest of the header; check that the slices belong together.", Severity.WARNING,
        ))  # fmt: skip
    return SortedVolume(volume_id, tuple(ordered), tuple(places_mm), tuple(findings))


def _class_finding(instance: Instance, where: str) -> Finding | None:
    """Refusals by what kind of object it is, before any geometry is looked at."""
    sop = instance.sop_class
    if sop == _SECONDARY_CAPTURE or sop.startswith(_SECONDARY_CAPTURE + "."):
        return Finding(
            "DCM701", where, "a secondary capture", "an image made by the scanner",
            "Export the original series; a capture's values and geometry prove nothing.",
        )  # fmt: skip
    if "LOCALIZER" in instance.image_type:
        return Finding(
            "DCM203", where, "a localizer (scout)", "a series of axial, sagittal, coronal or oblique slices",
            "Nothing to do: a scout is not a volume.",
        )  # fmt: skip
    if not sop.startswith(_IMAGES) or instance.rows is None or instance.columns is None:
        return Finding(
            "DCM706", where, f"an object that is not an image (class {sop or 'unknown'})", "CT, MR or PET images",
            "Nothing to do if it is a report, a plan or a presentation state.",
        )  # fmt: skip
    if sop not in _SINGLE_FRAME or instance.frames > 1:
        return Finding(
            "DCM007", where, f"image class {sop} with {instance.frames} frame(s)",
            "single-frame CT, MR or PET, the classes this version reads exactly",
            "Ask the archive for the classic single-frame form of the series.",
        )  # fmt: skip
    return None


def _pixel_findings(instances: list[Instance], where: str) -> list[Finding]:
    """Refusals by how pixels are stored: whatever could come out wrong is not decoded."""
    findings = []
    first = instances[0]
    if first.samples != 1 or not all(one.photometric.startswith("MONOCHROME") for one in instances):
        findings.append(Finding(
            "DCM008", where, f"{first.samples} sample(s) a pixel, {first.photometric or 'unstated'}",
            "grey values, one sample a pixel", "Export the original series, not a colour rendering of it.",
        ))  # fmt: skip
    if missing := sorted({one.transfer_syntax for one in instances if not decodable(one.transfer_syntax)}):
        findings.append(Finding(
            "DCM604", where, f"transfer syntax {', '.join(missing)}", "one that this installation can decode",
            "Export the series uncompressed, or install a decoder for it.",
        ))  # fmt: skip
    if any(one.high_bit != (one.bits_stored or 0) - 1 for one in instances):
        findings.append(Finding(
            "DCM120", where, f"HighBit {first.high_bit} with BitsStored {first.bits_stored}",
            "HighBit = BitsStored - 1 (PS3.3 C.7.6.3)", "Have the archive rewrite the pixels: they decode wrongly.",
        ))  # fmt: skip
    if any(one.has_modality_lut for one in instances):
        findings.append(Finding(
            "DCM117", where, "a Modality LUT Sequence", "RescaleSlope and RescaleIntercept",
            "Ask for the series with a linear rescale; this version does not apply the table.",
        ))  # fmt: skip
    needs_rescale = _SINGLE_FRAME[first.sop_class] in ("CT", "PT")
    if needs_rescale and any(one.slope is None or one.intercept is None for one in instances):
        findings.append(Finding(
            "DCM110", where, "no readable RescaleSlope or RescaleIntercept",
            "both, Type 1 in CT and PET images (PS3.3 C.8.2.1)",
            "Export the series again; without them the values have no unit.",
        ))  # fmt: skip
    if any(one.slope == 0 for one in instances):
        findings.append(Finding(
            "DCM116", where, "RescaleSlope 0", "a slope other than 0", "Export the series again."
        ))  # fmt: skip
    return findings


def _geometry_findings(instances: list[Instance], where: str) -> list[Finding]:
    """Refusals where place, direction or spacing is missing or impossible (P05, P12)."""
    lacking = [
        name
        for name, values in (
            ("ImageOrientationPatient", [one.orientation for one in instances]),
            ("ImagePositionPatient", [one.position_mm for one in instances]),
            ("PixelSpacing", [one.pixel_spacing_mm for one in instances]),
        )
        if any(value is None for value in values)
    ]
    if lacking:
        return [Finding(
            "DCM216", where, f"no readable {' or '.join(lacking)} in some slice", "finite numbers in every slice",
            "Export the original series; a place cannot be guessed.",
        )]  # fmt: skip
    orientation = np.asarray(instances[0].orientation)
    row, column = orientation[:3], orientation[3:]
    worst = max(abs(np.linalg.norm(row) - 1), abs(np.linalg.norm(column) - 1), abs(row @ column))
    if worst > _COSINE_TOLERANCE:
        return [Finding(
            "DCM214", where, f"direction cosines off from orthonormal by {worst:.2g}",
            f"at most {_COSINE_TOLERANCE:g}", "Export the original series.",
        )]  # fmt: skip
    if min(instances[0].pixel_spacing_mm or (0.0,)) <= 0:
        return [Finding(
            "DCM405", where, f"PixelSpacing {instances[0].pixel_spacing_mm}", "positive millimetres",
            "Export the original series.",
        )]  # fmt: skip
    if len(instances) < 2:
        return [Finding(
            "DCM218", where, "a single slice", "at least two, so that their distance is known",
            "Look for the rest of the series.",
        )]  # fmt: skip
    return []


def _sorted_along_normal(instances: list[Instance]) -> tuple[list[Instance], list[float]]:
    orientation = np.mean([one.orientation or () for one in instances], axis=0)
    normal = np.cross(orientation[:3], orientation[3:])
    places = [float(normal @ np.asarray(one.position_mm)) for one in instances]
    order = np.argsort(places, kind="stable")
    return [instances[i] for i in order], [places[i] for i in order]


def _order_findings(ordered: list[Instance], places_mm: list[float], where: str) -> list[Finding]:
    """What the sorted places say: repeats, gaps, uneven steps, shear; then what is merely told."""
    steps = np.diff(places_mm)
    step_mm = float(np.median(steps))
    if repeats := int(np.count_nonzero(steps < _SAME_PLACE_MM)):
        return [Finding(
            "DCM215", where, f"{repeats} slice(s) at a place that is taken", "one slice a place",
            "Split the series by what tells the slices apart (time, echo, reconstruction).",
        )]  # fmt: skip
    off_mm = np.abs(steps - step_mm)
    if (off_mm > max(_SAME_PLACE_MM, _IRREGULAR_FRACTION * step_mm)).any():
        return [_spacing_finding(steps, step_mm, places_mm, where)]
    positions = np.asarray([one.position_mm for one in ordered])
    axis = (positions[-1] - positions[0]) / (len(ordered) - 1)
    pixel_mm = min(ordered[0].pixel_spacing_mm or (1.0,))
    line = positions[0] + np.arange(len(ordered))[:, None] * axis
    normal = np.cross(np.asarray(ordered[0].orientation)[:3], np.asarray(ordered[0].orientation)[3:])
    sideways_mm = float(np.linalg.norm(axis - (axis @ normal) * normal)) * (len(ordered) - 1)
    scatter_mm = float(np.linalg.norm(positions - line, axis=1).max())
    if max(sideways_mm, scatter_mm) > _SHEAR_FRACTION * pixel_mm * len(ordered):
        return [Finding(
            "DCM213", where, f"slices displaced sideways by up to {max(sideways_mm, scatter_mm):.3g} mm",
            "a straight stack (a tilted gantry shears it)",
            "Resample the series to a straight stack; this version refuses rather than bend it.",
        )]  # fmt: skip
    numbers = [one.instance_number for one in ordered]
    if None in numbers or numbers not in (sorted(numbers, key=_or_zero), sorted(numbers, key=_or_zero)[::-1]):
        return [Finding(
            "DCM210", where, "InstanceNumber in another order than the places", "either order along the normal",
            "Nothing to do: slices are sorted by place.", Severity.INFO,
        )]  # fmt: skip
    return []


def _or_zero(number: int | None) -> int:
    return number or 0


def _spacing_finding(steps: np.ndarray, step_mm: float, places_mm: list[float], where: str) -> Finding:
    multiples = steps / step_mm
    wide = np.flatnonzero(multiples > 1.5)
    if wide.size and np.abs(multiples - np.rint(multiples)).max() < 0.02:
        missing = int(np.rint(multiples - 1).sum())
        after = ", ".join(f"{places_mm[i]:.2f}" for i in wide[:5])
        return Finding(
            "DCM211", where, f"{missing} missing slice(s), after the place(s) {after} mm along the normal",
            f"a slice every {step_mm:.3f} mm", "Fetch the whole series from the archive.",
        )  # fmt: skip
    return Finding(
        "DCM212", where, f"slice distances from {steps.min():.3f} to {steps.max():.3f} mm",
        f"{step_mm:.3f} mm within {_IRREGULAR_FRACTION:.1%}",
        "Split the series where the distance changes, or ask for an even reconstruction.",
    )  # fmt: skip
