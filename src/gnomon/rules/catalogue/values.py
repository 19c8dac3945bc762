"""What pixel values mean: units, plausibility, clipping."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Needs, Rule, Scope

NOT_HOUNSFIELD = Rule(
    id="DCM111",
    slug="values.not-hounsfield",
    title="CT whose values are not Hounsfield units",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="RescaleType HU, or none",
    remedy="Exclude it from a data set in Hounsfield units, unless the task needs this quantity.",
    harm="Maps of electron density or effective atomic number look like a CT but mean something else.",
    standard="PS3.3 C.11.1.1.2",
    pitfall="P02",
)
MULTI_ENERGY = Rule(
    id="DCM112",
    slug="values.multi-energy",
    title="Multi-energy CT, or a map derived from one",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="a single-energy CT",
    remedy="Decide which energies the task accepts, and keep the others apart.",
    harm=(
        "The same tissue has different HU at different energies: a virtual image at 40 keV shows three times "
        "the iodine."
    ),
    standard="PS3.3 C.8.2.2 (Sup 188)",
    pitfall="P02",
)
IMPLAUSIBLE_HOUNSFIELD = Rule(
    id="DCM114",
    slug="values.implausible-hounsfield",
    title="CT whose histogram does not fit Hounsfield units",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="air near -1000 HU (or lung above it) within {tolerance} HU, and soft tissue near 40 HU",
    remedy="Look at the histogram, and ask for the original series.",
    harm="A window selects the wrong tissue, and the network sees organs at wrong densities.",
    standard="HU definition: air -1000, water 0",
    pitfall="P02",
    needs=Needs.PIXELS,
    tolerance=50.0,
    unit="HU",
)
SATURATED = Rule(
    id="DCM115",
    slug="values.saturated",
    title="Saturated voxels",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a share of at most {tolerance} of the voxels at the upper end of the range",
    remedy="Ask for an extended CT scale, or mask these voxels.",
    harm=(
        "Metal and contrast above the scanner's ceiling share one value: densities and doses computed there are wrong."
    ),
    pitfall="P02",
    needs=Needs.PIXELS,
    tolerance=0.0001,
    unit="share",
)
NOT_FINITE = Rule(
    id="DCM119",
    slug="values.not-finite",
    title="NaN or infinite values",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="finite values",
    remedy="Ask the author of the map what these values stand for; they cannot be guessed.",
    harm="A single NaN makes the loss NaN.",
    standard="PS3.3 C.7.6.24",
)
VALUES_OF_OTHER_MODALITY = Rule(
    id="DCM342",
    slug="values.other-modality",
    title="Values that do not fit the modality",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a CT with air near -1000 HU, an MR without negative values",
    remedy="Look at the images.",
    harm="An MR under a CT's header, or the reverse.",
    standard="HU definition",
    pitfall="P27",
    needs=Needs.PIXELS,
)
WINDOWED_VALUES = Rule(
    id="DCM506",
    slug="values.windowed",
    title="CT windowed before it was stored",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="the full range of HU: extremes more than {tolerance} HU, taken together, from the limits of the window",
    remedy="Ask for the original series.",
    harm="Whatever lay outside the window is lost: lung and bone are one value each.",
    pitfall="P10",
    needs=Needs.PIXELS,
    tolerance=2.0,
    unit="HU",
)
CLIPPED_VALUES = Rule(
    id="DCM507",
    slug="values.clipped",
    title="Clipped values",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="a share of at most {tolerance} of the voxels at either end of the range",
    remedy="Ask for the original series, or clip all others alike.",
    harm="Values beyond both ends are lost, and the clipped voxels dominate a percentile normalisation.",
    pitfall="P15",
    needs=Needs.PIXELS,
    tolerance=0.01,
    unit="share",
)
NO_UPTAKE_VALUE = Rule(
    id="DCM731",
    slug="values.no-uptake-value",
    title="PET without the data for standardised uptake values",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="BQML, decay correction, dose, injection time and weight",
    remedy="Ask for the record of the tracer.",
    harm="Counts depend on dose, weight and time: two patients cannot be compared.",
    standard="PS3.3 C.8.9.1, QIBA FDG-PET",
)
