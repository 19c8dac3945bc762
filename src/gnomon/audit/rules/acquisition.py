"""How it was scanned and reconstructed: kernel, contrast, gating (P07, P16, P17)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import CT, ORIGINAL, TEXTS, greatest, lacks, said, shown, told
from gnomon.audit.rule import Needs, Rule, Scope
from gnomon.rules.finding import Severity

NO_KERNEL = Rule(
    id="DCM301",
    title="No reconstruction kernel",
    scope=Scope.VOLUME,
    pitfall="P07",
    standard="PS3.3 C.8.2.1, (0018,1210)",
    why="The kernel decides noise and sharpness: emphysema measured with B50f is three times that with B30f.",
    remedy="Ask the site, or use the measured sharpness.",
    expected="ConvolutionKernel",
    when=lambda asked: CT & ORIGINAL & lacks("kernel") & lacks("kernel_group"),
    observed=pl.lit("no ConvolutionKernel"),
)
UNKNOWN_KERNEL = Rule(
    id="DCM302",
    title="A kernel that is not known",
    scope=Scope.VOLUME,
    pitfall="P07",
    standard="vendors' manuals",
    why="It cannot be compared with others.",
    remedy="Use the measured sharpness.",
    expected="a known kernel",
    when=lambda asked: CT & said("kernel") & (pl.col("kernel_class") == "unknown"),
    observed=told("{} ({})", "kernel", "vendor"),
    severity=Severity.INFO,
)
ITERATIVE = Rule(
    id="DCM305",
    title="An iterative or learned reconstruction",
    scope=Scope.VOLUME,
    pitfall="P07",
    standard="vendor",
    why="Texture is smoother than the kernel's name says.",
    remedy="Keep them apart, or train on both.",
    expected="-",
    when=lambda asked: CT & (pl.col("iterative") != "none"),
    observed=told("{} {}", "iterative", "kernel"),
    severity=Severity.INFO,
)
KERNEL_CONTRADICTS = Rule(
    id="DCM306",
    title="A kernel whose name contradicts the measured sharpness",
    scope=Scope.VOLUME,
    pitfall="P07",
    standard="noise power spectrum, IEC 61223-3-5",
    why="The header was copied from another reconstruction.",
    remedy="Trust the pixels; ask for the right header.",
    expected="the noise of a soft kernel at low frequencies, of a sharp one at high ones",
    when=lambda asked: (
        CT
        & pl.col("kernel_sure")
        & (
            (pl.col("kernel_class").is_in(["very_soft", "soft"]) & (pl.col("noise_frequency_per_mm") > asked.tolerance))
            | (
                pl.col("kernel_class").is_in(["sharp", "very_sharp"])
                & (pl.col("noise_frequency_per_mm") < asked.tolerance / 2)
            )
        )
    ),
    observed=told("{} ({}), noise of {} per mm", "kernel", "kernel_class", pl.col("noise_frequency_per_mm").round(3)),
    tolerance=0.45,
    unit="1/mm",
    needs=Needs.PIXELS,
)
KERNEL_NOT_ACCEPTED = Rule(
    id="DCM307",
    title="A kernel that the policy does not accept",
    scope=Scope.VOLUME,
    pitfall="P07",
    standard="policy",
    why="The task was defined on another sharpness.",
    remedy="Ask for the accepted reconstruction of the same scan.",
    expected="one of the policy's kernels",
    when=lambda asked: (
        CT
        & pl.col("kernel_sure")
        & pl.lit(bool(asked.policy.kernels))
        & ~pl.col("kernel_class").is_in(list(asked.policy.kernels))
    ),
    observed=told("{} ({})", "kernel", "kernel_class"),
    severity=Severity.ERROR,
)
PHASE_UNKNOWN = Rule(
    id="DCM310",
    title="A contrast phase that cannot be told",
    scope=Scope.VOLUME,
    pitfall="P16",
    standard="PS3.3 C.7.6.4b",
    why="Organs look different in every phase.",
    remedy="Nothing to do if the task takes any.",
    expected="a phase from two sources",
    when=lambda asked: (
        CT & pl.col("stacked").fill_null(False) & (pl.col("phase") == "unknown") & ~pl.col("phase_disagree")
    ),
    observed=pl.lit("neither attribute, timing, text nor labelled organs tell the phase"),
    severity=Severity.INFO,
)
PHASE_DISAGREES = Rule(
    id="DCM311",
    title="Sources of the contrast phase that disagree",
    scope=Scope.VOLUME,
    pitfall="P16",
    standard="PS3.3 C.7.6.4",
    why="A phase taken from one of them is wrong half of the time.",
    remedy="Look at the aorta and the kidneys.",
    expected="sources that agree",
    when=lambda asked: CT & pl.col("phase_disagree"),
    observed=pl.col("phase_sources"),
)
PHASE_NOT_ACCEPTED = Rule(
    id="DCM316",
    title="A contrast phase that the policy does not accept",
    scope=Scope.VOLUME,
    pitfall="P16",
    standard="policy",
    why="The task was defined on another phase.",
    remedy="Choose the right series of the study.",
    expected="one of the policy's phases",
    when=lambda asked: (
        CT
        & pl.lit(bool(asked.policy.phases))
        & (pl.col("phase") != "unknown")
        & ~pl.col("phase").is_in(list(asked.policy.phases))
    ),
    observed=told("{} ({})", "phase", "phase_sources"),
    severity=Severity.ERROR,
)
_HEART = TEXTS.str.contains(r"cardiac|coronar|\bheart|\bcor\b|calcium score|\becg|\bekg|gated")
_CARDIAC = pl.col("body_part").fill_null("").str.contains("HEART|CARDIAC|CORONARY") | _HEART
_TEXT_PHASE = TEXTS.str.extract(r"(\d{1,3})(?:\.\d+)? ?%").cast(pl.Float64, strict=False)
_TRIGGERED = 100 * pl.col("trigger_time_ms") / pl.col("rr_interval_ms")
_PHASES_PCT = [pl.col("nominal_phase"), pl.col("private_phase"), _TRIGGERED, _TEXT_PHASE]
UNGATED = Rule(
    id="DCM320",
    title="A heart that was scanned without gating",
    scope=Scope.VOLUME,
    pitfall="P17",
    standard="PS3.3 C.7.6.18.1",
    why="Motion blurs what is to be measured.",
    remedy="Leave it out of a set for cardiac measures.",
    expected="a cardiac phase",
    when=lambda asked: (
        CT
        & _CARDIAC
        & pl.all_horizontal([each.is_null() for each in _PHASES_PCT])
        & (lacks("cardiac_technique") | (pl.col("cardiac_technique") == "NONE"))
    ),
    observed=pl.lit("no phase, trigger or technique"),
    severity=Severity.INFO,
)
SEVERAL_PHASES = Rule(
    id="DCM321",
    title="Several cardiac phases in a series",
    scope=Scope.STUDY,
    pitfall="P17",
    standard="PS3.3 C.7.6.16.2.7",
    why="The same heart in two shapes: volumes must not be mixed.",
    remedy="Split; choose the phase that the task wants.",
    expected="one phase a series",
    when=lambda asked: (
        said("series_uid")
        & pl.col("cardiac_phase").is_not_null()
        & (pl.col("cardiac_phase").n_unique().over("study_uid", "series_uid") > 1)
    ),
    observed=told("{} % of the cycle, in a series of several", pl.col("cardiac_phase").round(1)),
)
PHASE_NOT_TOLD = Rule(
    id="DCM322",
    title="Volumes of one heart whose phases are not told",
    scope=Scope.STUDY,
    pitfall="P17",
    standard="PS3.3 C.7.6.16.2.7",
    why="Systole and diastole cannot be told apart.",
    remedy="Export with private elements, or as enhanced CT.",
    expected="a phase in each",
    when=lambda asked: (
        said("series_uid")
        & _CARDIAC
        & pl.col("stacked").fill_null(False)
        & pl.all_horizontal([each.is_null() for each in _PHASES_PCT])
        & (pl.col("volume_id").n_unique().over("study_uid", "series_uid") > 1)
    ),
    observed=pl.lit("several volumes of a series, and no cardiac phase"),
)
PHASES_DIFFER = Rule(
    id="DCM323",
    title="Sources of the cardiac phase that differ",
    scope=Scope.VOLUME,
    pitfall="P17",
    standard="PS3.3 C.7.6.18.1",
    why="The phase may be the wrong one.",
    remedy="Ask the site which is true.",
    expected="sources within the tolerance",
    when=lambda asked: _CARDIAC & (pl.max_horizontal(_PHASES_PCT) - pl.min_horizontal(_PHASES_PCT) > asked.tolerance),
    observed=told(
        "{} to {} % of the cycle", pl.min_horizontal(_PHASES_PCT).round(1), pl.max_horizontal(_PHASES_PCT).round(1)
    ),
    tolerance=5.0,
    unit="% of the cycle",
)
FAST_HEART = Rule(
    id="DCM324",
    title="A fast heart, or beats that were rejected",
    scope=Scope.VOLUME,
    pitfall="P17",
    standard="PS3.3 C.7.6.18.1",
    why="Blur and steps between slabs.",
    remedy="Look at it.",
    expected="at most the tolerance, and no rejected beats",
    when=lambda asked: _CARDIAC & ((greatest("heart_rate") > asked.tolerance) | (pl.col("beat_rejection") == "Y")),
    observed=told(
        "{} beats a minute, BeatRejectionFlag {}",
        pl.col("heart_rate_max"),
        pl.col("beat_rejection").fill_null("absent"),
    ),
    tolerance=90.0,
    unit="1/min",
)
BREATHING = Rule(
    id="DCM325",
    title="A scan at a respiratory phase",
    scope=Scope.VOLUME,
    pitfall="P17",
    standard="PS3.3 C.7.6.16.2.17",
    why="Organs of one patient lie at other places in every phase.",
    remedy="Keep one phase a patient.",
    expected="-",
    when=lambda asked: (
        ~pl.col("respiratory_technique").fill_null("").is_in(["", "NONE"])
        | pl.col("scan_options").fill_null("").str.contains("RG|RESP")
    ),
    observed=pl.concat_str([pl.lit("respiratory technique "), pl.col("respiratory_technique").fill_null("")]),
    severity=Severity.INFO,
)
TIMES_IMPOSSIBLE = Rule(
    id="DCM737",
    title="Contrast medium that was given hours before the scan, or after it",
    scope=Scope.VOLUME,
    pitfall="1.2",
    standard="PS3.3 C.7.6.4",
    why="Shifted dates or an operator's clock: timing tells nothing about the phase.",
    remedy="Do not use timing for this series.",
    expected="a start of at most 30 minutes before the scan",
    when=lambda asked: (
        CT & ((pl.col("acquisition_time_ms") - pl.col("contrast_start_ms")) % 86_400_000.0 > asked.tolerance * 60e3)
    ),
    observed=told(
        "{} minutes from bolus to scan",
        (((pl.col("acquisition_time_ms") - pl.col("contrast_start_ms")) % 86_400_000.0) / 60e3).round(0),
    ),
    tolerance=30.0,
    unit="minute",
    severity=Severity.INFO,
)
COMPLEX_PARTS = Rule(
    id="DCM735",
    title="Magnitude and phase, or real and imaginary images in one series",
    scope=Scope.STUDY,
    pitfall="1.2",
    standard="PS3.3 C.8.13.3.1",
    why="A phase image is no anatomy: it wraps at pi.",
    remedy="Take the magnitude.",
    expected="one part a series",
    when=lambda asked: (
        said("series_uid")
        & said("complex_part")
        & (pl.col("complex_part").n_unique().over("study_uid", "series_uid") > 1)
    ),
    observed=shown("complex_part", "ComplexImageComponent"),
)
PHILIPS_SCALING = Rule(
    id="DCM730",
    title="Philips MR whose values are display values",
    scope=Scope.VOLUME,
    pitfall="1.2",
    standard="vendor: FP = DV / (RS x SS)",
    why="Display values change with every reconstruction: intensities of two scans cannot be compared.",
    remedy="Normalise each image; do not compare raw intensities.",
    expected="-",
    when=lambda asked: (
        (pl.col("kind") == "MR")
        & (pl.col("vendor") == "Philips")
        & ~pl.col("private_names").fill_null("").str.contains("scale_slope")
    ),
    observed=pl.lit("no private scale slope (2005,xx0E)"),
    severity=Severity.INFO,
)
SUV = Rule(
    id="DCM731",
    title="A PET that cannot be turned into standardised uptake values",
    scope=Scope.VOLUME,
    pitfall="1.2",
    standard="PS3.3 C.8.9.1, QIBA FDG-PET",
    why="Counts depend on dose, weight and time: two patients cannot be compared.",
    remedy="Ask for the tracer's record.",
    expected="BQML, decay correction, dose, injection time and weight",
    when=lambda asked: (
        (pl.col("kind") == "PT")
        & (
            ~pl.col("units").is_in(["BQML", "GML"])
            | ~pl.col("decay_correction").is_in(["START", "ADMIN"])
            | ~pl.col("has_dose")
            | ~pl.col("has_weight")
            | ~pl.col("has_injection_time")
        )
    ),
    observed=told(
        "Units {}, DecayCorrection {}, dose {}, injection time {}, weight {}",
        pl.col("units").fill_null(""),
        pl.col("decay_correction").fill_null(""),
        "has_dose",
        "has_injection_time",
        "has_weight",
    ),
)
