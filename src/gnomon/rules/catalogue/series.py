"""Which slices and frames form a volume, and whether all of them are present."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Decision, Rule, Scope

NO_SERIES_UID = Rule(
    id="DCM009",
    slug="series.no-uid",
    title="No SeriesInstanceUID",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a SeriesInstanceUID in every image (Type 1)",
    remedy="Check that the slices belong together: they were grouped by the rest of the header.",
    harm="Which slices belong together is a guess.",
    standard="PS3.3 C.7.3.1",
    pitfall="P04",
)
DUPLICATE_SLICES = Rule(
    id="DCM010",
    slug="series.duplicate-slices",
    title="Duplicate slices",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="each slice once",
    remedy="Nothing to do: one of each is used. To refuse such volumes, set conversion.duplicates=refuse.",
    harm="Readers stack the copies too, and the volume becomes too long.",
    standard="PS3.3 C.12.1",
    pitfall="P05",
    decision=Decision.REPAIR,
)
CONFLICTING_INSTANCES = Rule(
    id="DCM011",
    slug="series.conflicting-instances",
    title="One SOPInstanceUID with different contents",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="one content for each SOPInstanceUID",
    remedy="Find out which of the contents is meant and remove the others.",
    harm="It cannot be known which of them is meant.",
    standard="PS3.5 9",
)
STUDY_OF_SEVERAL_SERIES = Rule(
    id="DCM201",
    slug="series.several-in-study",
    title="Study with several series",
    severity=Severity.INFO,
    scope=Scope.STUDY,
    expected="nothing in particular: this is for information",
    remedy="Nothing to do: each series becomes a volume of its own.",
    harm="Readers that take a folder for a volume read the first series only, or mix all of them.",
    standard="PS3.3 A.1.2",
    pitfall="P04",
)
SEVERAL_VOLUMES = Rule(
    id="DCM202",
    slug="series.several-volumes",
    title="Series with several volumes",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="one volume per series",
    remedy="Check that the volume you label is the one you mean.",
    harm="Readers mix them into one volume.",
    standard="PS3.3 C.7.3.1",
    pitfall="P04",
)
DERIVED_AMONG_ORIGINAL = Rule(
    id="DCM204",
    slug="series.derived-among-original",
    title="Derived and original images in one series",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="either original or derived images in a series",
    remedy="Check that you want the derived volume.",
    harm="Reformatted slices are smoother, and lie elsewhere.",
    standard="PS3.3 C.7.6.1.1.2",
    pitfall="P04",
)
INDISTINCT_PASSES = Rule(
    id="DCM205",
    slug="series.indistinct-passes",
    title="Repeated passes that no attribute distinguishes",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected=(
        "one slice per position, or an attribute that distinguishes the passes (time, phase, direction, acquisition)"
    ),
    remedy="Decide which slices belong to the volume and remove the others.",
    harm="Time points or phases are shuffled into one volume.",
    standard="PS3.3 C.7.6.2",
    pitfall="P05",
)
REUSED_SERIES_UID = Rule(
    id="DCM206",
    slug="series.reused-uid",
    title="SeriesInstanceUID used in several studies or patients",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="a SeriesInstanceUID that belongs to one series",
    remedy="Find out whether two patients were merged, or a de-identifier reused UIDs.",
    harm="Two patients become one volume.",
    standard="PS3.5 9",
    pitfall="P04",
)
INSTANCE_ORDER = Rule(
    id="DCM210",
    slug="series.instance-order",
    title="InstanceNumber not in spatial order",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="InstanceNumber rising or falling along the normal",
    remedy="Nothing to do: slices are sorted by position.",
    harm="Readers that sort by InstanceNumber shuffle or drop slices.",
    standard="PS3.3 C.7.6.1",
    pitfall="P05",
)
MISSING_SLICES = Rule(
    id="DCM211",
    slug="series.missing-slices",
    title="Missing slices",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="evenly spaced slices",
    remedy=(
        "Fetch the missing slices from the archive. To interpolate across the gap (linear), set "
        "conversion.missing=resample."
    ),
    harm="The anatomy is compressed, and volumes come out too small.",
    standard="PS3.3 C.7.6.2.1.1",
    pitfall="P05",
)
SINGLE_SLICE = Rule(
    id="DCM218",
    slug="series.single-slice",
    title="Single slice",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="at least two slices, so that their distance is known",
    remedy="Look for the rest of the series.",
    harm="The volume has no extent along its third axis.",
    standard="PS3.3 C.7.6.2",
    pitfall="P04",
)
FRAME_ORDER = Rule(
    id="DCM221",
    slug="series.frame-order",
    title="Frames not in spatial order",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="frames in order along the normal, in either direction",
    remedy="Nothing to do: frames are sorted by position.",
    harm="Readers that stack frames in file order shuffle the anatomy.",
    standard="PS3.3 C.7.6.16.2.2",
    pitfall="P06",
)
CONSTANT_TEMPORAL_INDEX = Rule(
    id="DCM224",
    slug="series.constant-temporal-index",
    title="TemporalPositionIndex that does not count the passes",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a TemporalPositionIndex that counts the passes",
    remedy="Check the split: the passes were distinguished by another attribute, or not at all.",
    harm="A reader that sorts by it shuffles the passes of a dynamic scan.",
    standard="PS3.3 C.7.6.16.2.2.2",
    pitfall="P06",
)
INCOMPLETE_CONCATENATION = Rule(
    id="DCM225",
    slug="series.incomplete-concatenation",
    title="Incomplete concatenation",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="every part of the concatenation",
    remedy="Fetch the whole object from the archive.",
    harm="The volume ends too early.",
    standard="PS3.3 C.7.6.16.2.2.4",
    pitfall="P06",
)
MIXED_COMPLEX_COMPONENTS = Rule(
    id="DCM735",
    slug="series.mixed-complex-components",
    title="Magnitude and phase, or real and imaginary images, in one series",
    severity=Severity.WARNING,
    scope=Scope.STUDY,
    expected="one component per series",
    remedy="Use the magnitude.",
    harm="A phase image is not anatomy: it wraps at pi.",
    standard="PS3.3 C.8.13.3.1",
)
