"""Where pixels come from: compression, captures, modality, vendors' elements (P18, P25, P26, P27)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import (
    CAPTURES,
    CT,
    ORIGINAL,
    SECTIONAL,
    TEXTS,
    ULTRASOUND,
    flagged,
    greatest,
    lacks,
    said,
    shown,
    told,
)
from gnomon.audit.rule import Needs, Rule, Scope
from gnomon.rules.finding import Severity

_UID = "1.2.840.10008.1.2."
# Syntaxes that cannot be lossless (PS3.5 10): JPEG baseline and extended, retired DCT processes, MPEG, H.26x, JPEG XL.
ALWAYS_LOSSY = [
    *(f"{_UID}4.{n}" for n in (50, 51, 52, 53, 54, 55, 56, 59, 60, 61, 62, 63, 64, 112)),
    *(f"{_UID}4.{n}" for n in range(100, 109)),
    *(f"{_UID}4.{n}.1" for n in range(100, 107)),
]
NATIVE = ["1.2.840.10008.1.2", *(f"{_UID}{n}" for n in ("1", "1.99", "2", "8.1"))]
_STATED = (pl.col("lossy") == "01").fill_null(False) | (pl.col("lossy_ratio") > 1).fill_null(False)
_CODED = pl.col("coding").fill_null("")
_LOSES = pl.col("transfer_syntax").is_in(ALWAYS_LOSSY) | _CODED.str.contains("^(?:wavelet 9-7|DCT|NEAR [1-9])")
_NATIVE = pl.col("transfer_syntax").is_in(NATIVE) | (_CODED == "RLE")
_HISTORY = _STATED & ~_LOSES & (_NATIVE | _CODED.str.contains("^(?:prediction|NEAR 0)"))
_SAID = told(
    "LossyImageCompression {}, ratio {}, coding {}",
    "lossy",
    "lossy_ratio",
    pl.when(_CODED == "").then("transfer_syntax").otherwise(_CODED),
)
LOSSY = Rule(
    id="DCM601",
    title="Pixels compressed with loss",
    scope=Scope.INSTANCE,
    pitfall="P25",
    standard="PS3.3 C.7.6.1.1.5",
    why="Noise and small calcifications are smoothed away; texture features are those of the codec.",
    remedy="Ask for the original; measure on these with care.",
    expected="pixels as the scanner made them",
    when=lambda asked: _LOSES | (_STATED & ~_HISTORY),
    observed=_SAID,
)
LOSSY_UNDECLARED = Rule(
    id="DCM602",
    title="Pixels compressed with loss under a header that does not say so",
    scope=Scope.INSTANCE,
    pitfall="P25",
    standard="PS3.3 C.7.6.1.1.5",
    why="Texture is gone, and nobody knows.",
    remedy="Ask for the original; measure on these with care.",
    expected="LossyImageCompression 01",
    when=lambda asked: _LOSES & (pl.col("lossy") != "01").fill_null(True),
    observed=_SAID,
)
LOSSY_HISTORY = Rule(
    id="DCM603",
    title="Pixels that were lossy once and are stored without loss now",
    scope=Scope.INSTANCE,
    pitfall="P25",
    standard="PS3.3 C.7.6.1.1.5",
    why="The transfer syntax says lossless; the damage stays.",
    remedy="Ask for the original.",
    expected="no lossy compression in its history",
    when=lambda asked: _HISTORY,
    observed=_SAID,
)
BAD_RATIO = Rule(
    id="DCM606",
    title="A compression ratio that cannot be",
    scope=Scope.INSTANCE,
    pitfall="P25",
    standard="PS3.3 C.7.6.1.1.5.2",
    why="None by itself.",
    remedy="Nothing to do.",
    expected="a ratio above 1",
    when=lambda asked: pl.col("lossy_ratio") <= 1,
    observed=shown("lossy_ratio", "LossyImageCompressionRatio"),
    severity=Severity.INFO,
)
DOSE_OR_SCREEN = Rule(
    id="DCM702",
    title="A dose report, a screen save or a rendering under an image class",
    scope=Scope.INSTANCE,
    pitfall="P26",
    standard="PS3.3 C.7.6.1.1.2",
    why="Text and paint become anatomy.",
    remedy="Leave it out.",
    expected="slices of the patient",
    when=lambda asked: (
        ~pl.col("sop_class").str.starts_with(CAPTURES)
        & (
            flagged(
                "SCREEN SAVE",
                "SCREENSAVE",
                "DOSE INFO",
                "DOSE_INFO",
                "VOLREN",
                "POSDISP",
                "VXTL STATE",
                "CSAPARALLEL",
                "RENDERED",
            )
            | (SECTIONAL & TEXTS.str.contains(r"dose (?:report|info)|patient protocol|screen ?save"))
        )
    ),
    observed=told("ImageType {}, {}", "image_type", pl.col("series_description").fill_null("")),
    severity=Severity.ERROR,
)
BURNED_IN = Rule(
    id="DCM703",
    title="Annotation that is, or may be, burned into the pixels",
    scope=Scope.INSTANCE,
    pitfall="P26",
    standard="PS3.3 C.7.6.1.1.8, C.8.6",
    why="Text names the patient, and a net reads the marker instead of the organ.",
    remedy="Look at it; blank the text.",
    expected="BurnedInAnnotation NO",
    when=lambda asked: (
        (pl.col("burned_in") == "YES").fill_null(False)
        | (lacks("burned_in") & (pl.col("sop_class").str.starts_with(CAPTURES) | pl.col("sop_class").is_in(ULTRASOUND)))
    ),
    observed=shown("burned_in", "BurnedInAnnotation"),
)
OVERLAY = Rule(
    id="DCM704",
    title="Drawings over the pixels",
    scope=Scope.VOLUME,
    pitfall="P26",
    standard="PS3.3 C.9.2",
    why="A mark of a radiologist tells the net where to look.",
    remedy="Drop the overlay; look at what is in the pixels.",
    expected="no overlay and no text in the pixels",
    when=lambda asked: (
        greatest("overlays").fill_null(False)
        | (pl.col("stamped_parts") >= asked.tolerance).fill_null(False)
        | (pl.col("text_letters") >= asked.tolerance).fill_null(False)
    ),
    observed=pl.when(greatest("overlays").fill_null(False))
    .then(pl.lit("an overlay (60xx,3000)"))
    .when(pl.col("text_letters") > 0)
    .then(told("{} letters in lines of text", "text_letters"))
    .otherwise(told("{} separate bright strokes that are the same in every slice", "stamped_parts")),
    tolerance=3.0,
    unit="parts",
    needs=Needs.PIXELS,
    version=2,
)
SOURCE_UNSTATED = Rule(
    id="DCM705",
    title="A derived image that does not say from what",
    scope=Scope.INSTANCE,
    pitfall="P26",
    standard="PS3.3 C.7.6.1.1.3",
    why="Filters, averages and reformats look like scans.",
    remedy="Ask how it was made.",
    expected="DerivationCodeSequence, DerivationDescription or SourceImageSequence",
    when=lambda asked: SECTIONAL & ~ORIGINAL & ~pl.col("has_source"),
    observed=shown("image_type", "ImageType"),
)
_MODALITIES = {"CT": ["CT"], "MR": ["MR"], "PT": ["PT", "NM"]}
CLASS_CONTRADICTS = Rule(
    id="DCM340",
    title="A Modality that contradicts the object's class",
    scope=Scope.INSTANCE,
    pitfall="P27",
    standard="PS3.3 C.7.3.1.1.1",
    why="An MR among CTs is windowed in HU.",
    remedy="Ask the site.",
    expected="the modality of the class",
    when=lambda asked: pl.any_horizontal(
        [(pl.col("kind") == kind) & ~pl.col("modality").is_in(names) for kind, names in _MODALITIES.items()]
    ),
    observed=told("Modality {} in an object of class {}", "modality", "kind"),
    severity=Severity.ERROR,
)
SCOUT_LIKE = Rule(
    id="DCM341",
    title="A scout that does not call itself one",
    scope=Scope.VOLUME,
    pitfall="P27",
    standard="PS3.3 C.8.2.1.1.1",
    why="A projection among slices.",
    remedy="Leave it out.",
    expected="slices",
    when=lambda asked: (
        SECTIONAL
        & ~flagged("LOCALIZER")
        & (
            (pl.col("kernel_class") == "scout")
            | TEXTS.str.contains(r"\bscout|topogram|surview|scanogram|3-?plane loc|localizer")
        )
    ),
    observed=told("kernel {}, {}", pl.col("kernel").fill_null(""), pl.col("series_description").fill_null("")),
)
PIXELS_OF_OTHER_MODALITY = Rule(
    id="DCM342",
    title="Values that are not those of the modality",
    scope=Scope.VOLUME,
    pitfall="P27",
    standard="HU definition",
    why="An MR under a CT's header, or the other way.",
    remedy="Look at it.",
    expected="a CT with air near -1000 HU, an MR without negative values",
    when=lambda asked: (
        (CT & (pl.col("lowest") >= 0) & (pl.col("air_peak_hu").is_null() | (pl.col("air_peak_hu") > -200)))
        | (
            (pl.col("kind") == "MR")
            & ~flagged("P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "VELOCITY")
            & (pl.col("lowest") <= -900)
            & (pl.col("negative_share") > 0.1)
        )
    ),
    observed=told("{} with values {} to {}", "kind", "lowest", "highest"),
    needs=Needs.PIXELS,
)
ATTENUATION_CT = Rule(
    id="DCM343",
    title="A CT made for attenuation correction",
    scope=Scope.VOLUME,
    pitfall="P27",
    standard="PS3.3 C.8.9",
    why="Low dose, free breathing, thick slices: another image than a diagnostic CT.",
    remedy="Keep it apart.",
    expected="a diagnostic CT",
    when=lambda asked: (
        CT & TEXTS.str.contains(r"\bctac\b|\bac[ _-]ct|ct[ _-]ac\b|attenuation|\bct wb (?:low|ac)|low ?dose.*pet")
    ),
    observed=shown("series_description", "SeriesDescription"),
)
CONTRAST_NOT_ACCEPTED = Rule(
    id="DCM344",
    title="Contrast medium in a task without, or none in a task with",
    scope=Scope.VOLUME,
    pitfall="P27",
    standard="policy",
    why="Blood and contrast look alike in a head.",
    remedy="Choose the right series of the study.",
    expected="what the policy says",
    when=lambda asked: (
        CT
        & (
            (
                pl.lit(asked.policy.contrast == "none")
                & (
                    pl.col("phase").is_in(["arterial", "portal_venous", "delayed"])
                    | (said("contrast_agent") & (pl.col("phase") != "non_contrast"))
                )
            )
            | (
                pl.lit(asked.policy.contrast == "required")
                & ((pl.col("phase") == "non_contrast") | (lacks("contrast_agent") & (pl.col("phase") == "unknown")))
            )
        )
    ),
    observed=told("phase {}, agent {}", "phase", pl.col("contrast_agent").fill_null("")),
)
MODALITY_NOT_ACCEPTED = Rule(
    id="DCM345",
    title="A modality that the policy does not accept",
    scope=Scope.VOLUME,
    pitfall="P27",
    standard="policy",
    why="The task was defined on another modality.",
    remedy="Leave it out.",
    expected="one of the policy's modalities",
    when=lambda asked: (
        pl.lit(bool(asked.policy.modalities))
        & said("modality")
        & ~pl.col("modality").is_in(list(asked.policy.modalities))
    ),
    observed=shown("modality", "Modality"),
    severity=Severity.ERROR,
)
UNKNOWN_CREATOR = Rule(
    id="DCM720",
    title="Private elements of an unknown creator",
    scope=Scope.VOLUME,
    pitfall="P18",
    standard="PS3.5 7.8.1",
    why="They may hold what the image needs, or who the patient is.",
    remedy="Remove them before data leave the hospital.",
    expected="known creators",
    when=lambda asked: (
        said("creators")
        & ~pl.col("creators").str.contains(
            r"(?i)^(?:(?:gems|gehc|ge |siemens|philips|sectra|agfa|elscint|toshiba|canon|uih|image private "
            r"header|spi|mayo|ctp|dcm4che|acuson|hologic|lorad|fuji|hitachi|medcom|syngo|adac|picker|dicom|isg|kodak|camtronics|emageon|merge|viewforum|mitra|idexx|marconi|varian|brainlab|visus|osirix|horos|papyrus|astraia|mevis|terarecon|vital|amicas|vepro|carestream|shs|silhouette|mmcprivate|pmi|pmod|pmtf|applicare|archive|duke|facts|cardio-d|akg|dlx|hipaa|integris|kretz|mds|mrsc|samsung|neusoft|qca|qva|quasar|rtp|stentor|swissvision|thinkpath|tmdtk|v1|viewpoint|visage|voxel|2\.16\.).*(?:\\|$))+$"
        )
    ),
    observed=shown("creators", "creators"),
    severity=Severity.INFO,
)
ORPHANS = Rule(
    id="DCM721",
    title="Private elements without a creator",
    scope=Scope.INSTANCE,
    pitfall="P18",
    standard="PS3.5 7.8.1",
    why="Their meaning is lost: the same number means something else in another file.",
    remedy="Export with private creators.",
    expected="a Private Creator for every block",
    when=lambda asked: pl.col("private_orphans") > 0,
    observed=told("{} private elements", pl.col("private_orphans").cast(pl.Int64)),
)
VENDOR_VALUE_ABSENT = Rule(
    id="DCM722",
    title="A vendor's image without the private value that it needs",
    scope=Scope.VOLUME,
    pitfall="P18",
    standard="vendors' conformance statements",
    why="Diffusion weighting, scaling or phase cannot be known.",
    remedy="Export with private elements.",
    expected="the vendor's private block",
    when=lambda asked: (
        (pl.col("kind") == "MR")
        & (
            ((pl.col("vendor") == "Philips") & lacks("creators"))
            | (lacks("b_value") & TEXTS.str.contains(r"\bdwi\b|diffusion|\bdti\b|\badc\b") & lacks("creators"))
        )
    ),
    observed=told("{} MR without private elements", "vendor"),
)
