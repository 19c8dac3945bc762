"""How it was scanned and reconstructed: kernel, contrast, gating (P07, P16, P17)."""

from __future__ import annotations

import polars as pl

from gnomon.audit.expressions import CT, ORIGINAL, TEXTS, greatest, lacks, said, shown, told
from gnomon.audit.rule import Needs, Rule, Scope
from gnomon.findings import Severity

NO_KERNEL = Rule(
    "DCM301", "No reconstruction kernel", Scope.VOLUME, "P07", "PS3.3 C.8.2.1, (0018,1210)",
    "The kernel decides noise and sharpness: emphysema measured with B50f is three times that with B30f.",
    "Ask the site, or use the measured sharpness.", "ConvolutionKernel",
    when=lambda asked: CT & ORIGINAL & lacks("kernel") & lacks("kernel_group"), observed=pl.lit("no ConvolutionKernel"),
)  # fmt: skip
UNKNOWN_KERNEL = Rule(
    "DCM302", "A kernel that is not known", Scope.VOLUME, "P07", "vendors' manuals",
    "It cannot be compared with others.", "Use the measured sharpness.", "a known kernel",
    when=lambda asked: CT & said("kernel") & (pl.col("kernel_class") == "unknown"),
    observed=told("{} ({})", "kernel", "vendor"), severity=Severity.INFO,
)  # fmt: skip
ITERATIVE = Rule(
    "DCM305", "An iterative or learned reconstruction", Scope.VOLUME, "P07", "vendor",
    "Texture is smoother than the kernel's name says.", "Keep them apart, or train on both.", "-",
    when=lambda asked: CT & (pl.col("iterative") != "none"),
    observed=told("{} {}", "iterative", "kernel"), severity=Severity.INFO,
)  # fmt: skip
KERNEL_CONTRADICTS = Rule(
    "DCM306", "A kernel whose name contradicts the measured sharpness", Scope.VOLUME, "P07",
    "noise power spectrum, IEC 61223-3-5",
    "The header was copied from another reconstruction.", "Trust the pixels; ask for the right header.",
    "the noise of a soft kernel at low frequencies, of a sharp one at high ones",
    when=lambda asked: CT & pl.col("kernel_sure") & (
        (pl.col("kernel_class").is_in(["very_soft", "soft"]) & (pl.col("noise_frequency_per_mm") > asked.tolerance))
        | (pl.col("kernel_class").is_in(["sharp",
        "very_sharp"]) & (pl.col("noise_frequency_per_mm") < asked.tolerance / 2))
    ),
    observed=told("{} ({}), noise of {} per mm", "kernel", "kernel_class", pl.col("noise_frequency_per_mm").round(3)),
    tolerance=0.45, unit="1/mm", needs=Needs.PIXELS,
)  # fmt: skip
KERNEL_NOT_ACCEPTED = Rule(
    "DCM307", "A kernel that the policy does not accept", Scope.VOLUME, "P07", "policy",
    "The task was defined on another sharpness.", "Ask for the accepted reconstruction of the same scan.",
    "one of the policy's kernels",
    when=lambda asked: CT & pl.col("kernel_sure") & pl.lit(bool(asked.policy.kernels))
    & ~pl.col("kernel_class").is_in(list(asked.policy.kernels)),
    observed=told("{} ({})", "kernel", "kernel_class"), severity=Severity.ERROR,
)  # fmt: skip
PHASE_UNKNOWN = Rule(
    "DCM310", "A contrast phase that cannot be told", Scope.VOLUME, "P16", "PS3.3 C.7.6.4b",
    "Organs look different in every phase.", "Nothing to do if the task takes any.", "a phase from two sources",
    when=lambda asked: CT & pl.col("stacked").fill_null(False) & (pl.col("phase") == "unknown")
    & ~pl.col("phase_disagree"),
    observed=pl.lit("neither attribute, timing, text nor labelled organs tell the phase"), severity=Severity.INFO,
)  # fmt: skip
PHASE_DISAGREES = Rule(
    "DCM311", "Sources of the contrast phase that disagree", Scope.VOLUME, "P16", "PS3.3 C.7.6.4",
    "A phase taken from one of them is wrong half of the time.", "Look at the aorta and the kidneys.",
    "sources that agree",
    when=lambda asked: CT & pl.col("phase_disagree"), observed=pl.col("phase_sources"),
)  # fmt: skip
PHASE_NOT_ACCEPTED = Rule(
    "DCM316", "A contrast phase that the policy does not accept", Scope.VOLUME, "P16", "policy",
    "The task was defined on another phase.", "Choose the right series of the study.", "one of the policy's phases",
    when=lambda asked: CT & pl.lit(bool(asked.policy.phases)) & (pl.col("phase") != "unknown")
    & ~pl.col("phase").is_in(list(asked.policy.phases)),
    observed=told("{} ({})", "phase", "phase_sources"), severity=Severity.ERROR,
)  # fmt: skip
_HEART = TEXTS.str.contains(r"cardiac|coronar|\bheart|\bcor\b|calcium score|\becg|\bekg|gated")
_CARDIAC = pl.col("body_part").fill_null("").str.contains("HEART|CARDIAC|CORONARY") | _HEART
_TEXT_PHASE = TEXTS.str.extract(r"(\d{1,3})(?:\.\d+)? ?%").cast(pl.Float64, strict=False)
_TRIGGERED = 100 * pl.col("trigger_time_ms") / pl.col("rr_interval_ms")
_PHASES_PCT = [pl.col("nominal_phase"), pl.col("private_phase"), _TRIGGERED, _TEXT_PHASE]
UNGATED = Rule(
    "DCM320", "A heart that was scanned without gating", Scope.VOLUME, "P17", "PS3.3 C.7.6.18.1",
    "Motion blurs what is to be measured.", "Leave it out of a set for cardiac measures.", "a cardiac phase",
    when=lambda asked: CT & _CARDIAC & pl.all_horizontal([each.is_null() for each in _PHASES_PCT])
    & (lacks("cardiac_technique") | (pl.col("cardiac_technique") == "NONE")),
    observed=pl.lit("no phase, trigger or technique"), severity=Severity.INFO,
)  # fmt: skip
SEVERAL_PHASES = Rule(
    "DCM321", "Several cardiac phases in a series", Scope.STUDY, "P17", "PS3.3 C.7.6.16.2.7",
    "The same heart in two shapes: volumes must not be mixed.", "Split; choose the phase that the task wants.",
    "one phase a series",
    when=lambda asked: said("series_uid") & pl.col("cardiac_phase").is_not_null()
    & (pl.col("cardiac_phase").n_unique().over("study_uid", "series_uid") > 1),
    observed=told("{} % of the cycle, in a series of several", pl.col("cardiac_phase").round(1)),
)  # fmt: skip
PHASE_NOT_TOLD = Rule(
    "DCM322", "Volumes of one heart whose phases are not told", Scope.STUDY, "P17", "PS3.3 C.7.6.16.2.7",
    "Systole and diastole cannot be told apart.", "Export with private elements, or as enhanced CT.", "a phase in each",
    when=lambda asked: said("series_uid") & _CARDIAC & pl.col("stacked").fill_null(False)
    & pl.all_horizontal([each.is_null() for each in _PHASES_PCT])
    & (pl.col("volume_id").n_unique().over("study_uid", "series_uid") > 1),
    observed=pl.lit("several volumes of a series, and no cardiac phase"),
)  # fmt: skip
PHASES_DIFFER = Rule(
    "DCM323", "Sources of the cardiac phase that differ", Scope.VOLUME, "P17", "PS3.3 C.7.6.18.1",
    "The phase may be the wrong one.", "Ask the site which is true.", "sources within the tolerance",
    when=lambda asked: _CARDIAC & (pl.max_horizontal(_PHASES_PCT) - pl.min_horizontal(_PHASES_PCT) > asked.tolerance),
    observed=told("{} to {} % of the cycle", pl.min_horizontal(_PHASES_PCT).round(1),
    pl.max_horizontal(_PHASES_PCT).round(1)),
    tolerance=5.0, unit="% of the cycle",
)  # fmt: skip
FAST_HEART = Rule(
    "DCM324", "A fast heart, or beats that were rejected", Scope.VOLUME, "P17", "PS3.3 C.7.6.18.1",
    "Blur and steps between slabs.", "Look at it.", "at most the tolerance, and no rejected beats",
    when=lambda asked: _CARDIAC & ((greatest("heart_rate") > asked.tolerance) | (pl.col("beat_rejection") == "Y")),
    observed=told("{} beats a minute, BeatRejectionFlag {}", pl.col("heart_rate_max"),
    pl.col("beat_rejection").fill_null("absent")),
    tolerance=90.0, unit="1/min",
)  # fmt: skip
BREATHING = Rule(
    "DCM325", "A scan at a respiratory phase", Scope.VOLUME, "P17", "PS3.3 C.7.6.16.2.17",
    "Organs of one patient lie at other places in every phase.", "Keep one phase a patient.", "-",
    when=lambda asked: ~pl.col("respiratory_technique").fill_null("").is_in(["", "NONE"])
    | pl.col("scan_options").fill_null("").str.contains("RG|RESP"),
    observed=pl.concat_str([pl.lit("respiratory technique "), pl.col("respiratory_technique").fill_null("")]),
    severity=Severity.INFO,
)  # fmt: skip
TIMES_IMPOSSIBLE = Rule(
    "DCM737", "Contrast medium that was given hours before the scan, or after it", Scope.VOLUME, "1.2", "PS3.3 C.7.6.4",
    "Shifted dates or an operator's clock: timing tells nothing about the phase.", "Do not use timing for this series.",
    "a start of at most 30 minutes before the scan",
    when=lambda asked: CT
    & ((pl.col("acquisition_time_ms") - pl.col("contrast_start_ms")) % 86_400_000.0 > asked.tolerance * 60e3),
    observed=told("{} minutes from bolus to scan",
    (((pl.col("acquisition_time_ms") - pl.col("contrast_start_ms")) % 86_400_000.0) / 60e3).round(0)),
    tolerance=30.0, unit="minute", severity=Severity.INFO,
)  # fmt: skip
COMPLEX_PARTS = Rule(
    "DCM735", "Magnitude and phase, or real and imaginary images in one series", Scope.STUDY, "1.2", "PS3.3 C.8.13.3.1",
    "A phase image is no anatomy: it wraps at pi.", "Take the magnitude.", "one part a series",
    when=lambda asked: said("series_uid") & said("complex_part")
    & (pl.col("complex_part").n_unique().over("study_uid", "series_uid") > 1),
    observed=shown("complex_part", "ComplexImageComponent"),
)  # fmt: skip
PHILIPS_SCALING = Rule(
    "DCM730", "Philips MR whose values are display values", Scope.VOLUME, "1.2", "vendor: FP = DV / (RS x SS)",
    "Display values change with every reconstruction: intensities of two scans cannot be compared.",
    "Normalise each image; do not compare raw intensities.", "-",
    when=lambda asked: (pl.col("kind") == "MR") & (pl.col("vendor") == "Philips")
    & ~pl.col("private_names").fill_null("").str.contains("scale_slope"),
    observed=pl.lit("no private scale slope (2005,xx0E)"), severity=Severity.INFO,
)  # fmt: skip
SUV = Rule(
    "DCM731", "A PET that cannot be turned into standardised uptake values", Scope.VOLUME, "1.2",
    "PS3.3 C.8.9.1, QIBA FDG-PET",
    "Counts depend on dose, weight and time: two patients cannot be compared.", "Ask for the tracer's record.",
    "BQML, decay correction, dose, injection time and weight",
    when=lambda asked: (pl.col("kind") == "PT") & (
        ~pl.col("units").is_in(["BQML", "GML"]) | ~pl.col("decay_correction").is_in(["START", "ADMIN"])
        | ~pl.col("has_dose") | ~pl.col("has_weight") | ~pl.col("has_injection_time")
    ),
    observed=told("Units {}, DecayCorrection {}, dose {}, injection time {}, weight {}", pl.col("units").fill_null(""),
                       pl.col("decay_correction").fill_null(""), "has_dose", "has_injection_time", "has_weight"),
)  # fmt: skip
