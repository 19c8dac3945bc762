"""How the patient lies, how slices are cut (P08, P12, P13)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import CT, PROJECTION, SECTIONAL, TEXTS, greatest, lacks, said, shown, told, varies
from gnomon.audit.rule import Needs, Rule, Scope
from gnomon.rules.finding import Severity

_POSITIONS = [
    "HFS",
    "HFP",
    "HFDR",
    "HFDL",
    "FFS",
    "FFP",
    "FFDR",
    "FFDL",
    "LFP",
    "LFS",
    "RFP",
    "RFS",
    "AFDR",
    "AFDL",
    "PFDR",
    "PFDL",
]
NO_PATIENT_POSITION = Rule(
    id="DCM230",
    title="PatientPosition missing, mixed or unknown",
    scope=Scope.VOLUME,
    pitfall="P08",
    standard="PS3.3 C.7.3.1.1.2",
    why="Geometry does not need it; a wrongly entered position, which turns the anatomy, can then not be noticed.",
    remedy="Look at the three planes.",
    expected="one of HFS, HFP, FFS, FFP, HFDR ...",
    when=lambda asked: (
        SECTIONAL
        & pl.col("stacked").fill_null(False)
        & (~pl.col("patient_position").is_in(_POSITIONS) | varies("patient_position"))
    ),
    observed=pl.concat_str(
        [
            pl.lit("PatientPosition "),
            pl.when(lacks("patient_position")).then(pl.lit("absent")).otherwise("patient_position"),
        ]
    ),
)
GRAVITY = Rule(
    id="DCM231",
    title="A patient who lies on the other side than the header says",
    scope=Scope.VOLUME,
    pitfall="P08",
    standard="PS3.3 C.7.3.1.1.2",
    why="A wrongly entered position turns front and back, or left and right, of all geometry.",
    remedy="Look at the three planes; ask the site which is true.",
    expected="the table behind a supine patient, before a prone one",
    when=lambda asked: (
        CT
        & said("table_side")
        & (
            (pl.col("patient_position").str.ends_with("S") & (pl.col("table_side") == "A"))
            | (pl.col("patient_position").str.ends_with("P") & (pl.col("table_side") == "P"))
        )
    ),
    observed=told("{} and a table on the {} side", "patient_position", "table_side"),
    needs=Needs.PIXELS,
)
_HEAD = pl.concat_str([TEXTS, pl.col("body_part").fill_null("")]).str.contains(
    "(?i)head|brain|skull|neck|kopf|cran|schädel|face|sinus|tête|testa|cabeza"
)
SPINE_ASTRAY = Rule(
    id="DCM232",
    title="Bones where they cannot be: front and back may be exchanged",
    scope=Scope.VOLUME,
    pitfall="P08",
    standard="anatomy: the spine is posterior",
    why="A net learns organs at two places, and a surgeon is shown the wrong one.",
    remedy="Look at the three planes; do not train on it before that.",
    expected="the spine behind the middle of the body",
    when=lambda asked: CT & ~_HEAD & (pl.col("spine_anterior_share") > asked.tolerance),
    observed=told("{} of the bone along the body lies in its front half", pl.col("spine_anterior_share").round(2)),
    tolerance=0.8,
    unit="share",
    needs=Needs.PIXELS,
)
SIDES_EXCHANGED = Rule(
    id="DCM235",
    title="Structures on the wrong side: left and right are exchanged",
    scope=Scope.VOLUME,
    pitfall="P08",
    standard="anatomy: sides are the patient's",
    why="A net learns that either side may be the left one; a surgeon operates on the wrong one.",
    remedy="Compare image and label with the original: one of them, or both, are mirrored. In situs inversus it is so:"
    " then declare it in known_findings.",
    expected="each left structure on the left of its partner, the liver on the right",
    when=lambda asked: said("sides_exchanged"),
    observed=pl.col("sides_exchanged"),
    needs=Needs.LABELS,
    severity=Severity.ERROR,
)
POSTURE = Rule(
    id="DCM240",
    title="A standing or four-footed patient",
    scope=Scope.INSTANCE,
    pitfall="P12",
    standard="PS3.3 C.7.6.30",
    why="Organs sink when a patient stands, and animals have other axes.",
    remedy="Decide whether the task takes them.",
    expected="a lying human",
    when=lambda asked: (
        SECTIONAL & pl.col("posture_codes").str.to_lowercase().str.contains("erect|standing|quadruped|sitting")
    ),
    observed=shown("posture_codes", "posture"),
)
OBLIQUE = Rule(
    id="DCM241",
    title="An oblique stack",
    scope=Scope.VOLUME,
    pitfall="P12",
    standard="PS3.3 C.7.6.2.1.1",
    why="Code that reads three spacings and ignores the axes turns the anatomy.",
    remedy="Nothing to do: the affine holds it.",
    expected="slices along an axis of the patient",
    when=lambda asked: SECTIONAL & (greatest("obliquity_deg") > asked.tolerance),
    observed=told("{} degrees from the nearest axis", pl.col("obliquity_deg_max").round(1)),
    tolerance=5.0,
    unit="degree",
    severity=Severity.INFO,
)
NO_SIDE = Rule(
    id="DCM242",
    title="A projection image that says neither side nor orientation",
    scope=Scope.INSTANCE,
    pitfall="P12",
    standard="PS3.3 C.7.6.1.1.1",
    why="Left and right cannot be known from the picture.",
    remedy="Ask the site; reject for tasks with sides.",
    expected="PatientOrientation, or a laterality",
    when=lambda asked: (
        PROJECTION
        & lacks("patient_orientation")
        & lacks("image_laterality")
        & lacks("series_laterality")
        & lacks("frame_laterality")
    ),
    observed=pl.lit("no PatientOrientation and no laterality"),
    severity=Severity.ERROR,
)
ORIENTATION_CONTRADICTS = Rule(
    id="DCM243",
    title="PatientOrientation that contradicts the direction cosines",
    scope=Scope.INSTANCE,
    pitfall="P12",
    standard="PS3.3 C.7.6.1.1.1",
    why="One of the two is wrong, and left may be right.",
    remedy="Look at the three planes.",
    expected="the same directions in both",
    when=lambda asked: (
        SECTIONAL
        & pl.col("patient_orientation").str.contains(r"^[LRPAHF]+\\[LRPAHF]+$")
        & said("orientation_row")
        & (
            (pl.col("patient_orientation").str.slice(0, 1) != pl.col("orientation_row"))
            | (pl.col("patient_orientation").str.extract(r"\\([LRPAHF])") != pl.col("orientation_column"))
        )
    ),
    observed=told(
        "PatientOrientation {}, cosines towards {} and {}",
        "patient_orientation",
        "orientation_row",
        "orientation_column",
    ),
)
OVERLAP_OR_GAP = Rule(
    id="DCM330",
    title="Slices thicker or thinner than their distance",
    scope=Scope.VOLUME,
    pitfall="P13",
    standard="PS3.3 C.7.6.2.1.1",
    why="Overlap blurs along the axis; gaps hide lesions. Volumes from such slices differ.",
    remedy="Know it; compare like with like.",
    expected="thickness within 10 % of the distance",
    when=lambda asked: (
        SECTIONAL
        & (pl.col("step_mm") > 0)
        & (greatest("slice_thickness_mm") > 0)
        & ((greatest("slice_thickness_mm") / pl.col("step_mm") - 1).abs() > asked.tolerance)
    ),
    observed=told("{} mm thick slices {} mm apart", "slice_thickness_mm_max", pl.col("step_mm").round(4)),
    tolerance=0.1,
    unit="share",
)
ANISOTROPIC = Rule(
    id="DCM331",
    title="Voxels much longer than wide",
    scope=Scope.VOLUME,
    pitfall="P13",
    standard="-",
    why="Isotropic kernels look far along z and hardly across it.",
    remedy="Nothing to do where the plan is made from the spacing.",
    expected="a spacing ratio up to the tolerance",
    when=lambda asked: SECTIONAL & (pl.col("step_mm") / pl.min_horizontal("row_mm", "column_mm") > asked.tolerance),
    observed=told(
        "{} times as far between slices as between pixels",
        (pl.col("step_mm") / pl.min_horizontal("row_mm", "column_mm")).round(2),
    ),
    tolerance=3.0,
    unit="ratio",
)
THICKNESS_VARIES = Rule(
    id="DCM333",
    title="A SliceThickness that changes within a volume",
    scope=Scope.VOLUME,
    pitfall="P13",
    standard="PS3.3 C.7.6.2.1.1",
    why="Resolution changes on the way; two scans were joined.",
    remedy="Split it, or ask for the original series.",
    expected="one SliceThickness",
    when=lambda asked: SECTIONAL & (greatest("slice_thickness_mm") - pl.col("slice_thickness_mm") > asked.tolerance),
    observed=told("{} to {} mm", "slice_thickness_mm", "slice_thickness_mm_max"),
    tolerance=0.01,
    unit="mm",
    severity=Severity.ERROR,
)
