from __future__ import annotations

import pytest

from gnomon.audit.phases import contrast_phase


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("Abdomen portal venous 3.0", "portal_venous"),
        ("ABD NATIV", "non_contrast"),
        ("CT Thorax ohne KM", "non_contrast"),
        ("Scanner sans injection", "non_contrast"),
        ("TC sin contraste", "non_contrast"),
        ("TC senza mdc", "non_contrast"),
        ("CTA Aorta", "arterial"),
        ("arterielle Phase", "arterial"),
        ("Spätphase", "delayed"),
        ("fase tardiva", "delayed"),
        ("temps veineux", "portal_venous"),
        ("Abdomen w/o and with", "unknown"),
        ("Leber 1.0", "unknown"),
        ("", "unknown"),
        ("HEAD W/O", "non_contrast"),
        ("arterial and venous", "unknown"),
        ("with contrast", "unknown"),
    ],
)
def test_words_of_five_languages_name_a_phase_or_none(text, phase):
    assert contrast_phase(text=text).phase == phase


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [
        (5, "non_contrast"),
        (25, "arterial"),
        (45, "arterial"),
        (75, "portal_venous"),
        (150, "unknown"),
        (300, "delayed"),
        (7200, "unknown"),
    ],
)
def test_the_time_after_the_bolus_gives_a_phase_where_phases_do_not_overlap(seconds, phase):
    assert contrast_phase(started_ms=1e7, acquired_ms=1e7 + 1e3 * seconds).phase == phase


def test_a_bolus_before_midnight_counts_from_the_day_before():
    assert contrast_phase(started_ms=86_380_000.0, acquired_ms=50_000.0).phase == "portal_venous"


def test_two_sources_that_agree_are_sure_and_two_that_do_not_are_unknown():
    agreed = contrast_phase(text="portal venous", started_ms=0, acquired_ms=70e3)
    assert (agreed.phase, agreed.confidence, agreed.disagree) == ("portal_venous", "high", False)
    torn = contrast_phase(text="arterial", started_ms=0, acquired_ms=70e3)
    assert (torn.phase, torn.disagree) == ("unknown", True)
    assert dict(torn.sources) == {"timing": "portal_venous", "text": "arterial"}


def test_the_standard_attribute_alone_is_sure():
    assert contrast_phase(standard="ARTERIAL").confidence == "high"
    assert contrast_phase(standard="DYNAMIC").phase == "unknown"
