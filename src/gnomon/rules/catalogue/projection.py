"""Pixel size of projection radiographs."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

UNCALIBRATED_PROJECTION = Rule(
    id="DCM401",
    slug="projection.uncalibrated",
    title="Projection with the pixel size of the detector",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="PixelSpacing in the plane of the patient, with its calibration",
    remedy="Calibrate, or divide by the magnification.",
    harm="The patient is in front of the detector: all measurements are 5 to 50 % too large.",
    standard="PS3.3 10.7.1",
    pitfall="P11",
)
NO_PIXEL_SIZE = Rule(
    id="DCM402",
    slug="projection.no-pixel-size",
    title="Projection without pixel size",
    severity=Severity.ERROR,
    scope=Scope.INSTANCE,
    expected="PixelSpacing, ImagerPixelSpacing or NominalScannedPixelSpacing",
    remedy="Ask for the original image.",
    harm="Nothing can be measured in millimetres.",
    standard="PS3.3 10.7.1",
    pitfall="P11",
)
UNKNOWN_CALIBRATION = Rule(
    id="DCM403",
    slug="projection.unknown-calibration",
    title="Two different pixel sizes without a calibration type",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="PixelSpacingCalibrationType",
    remedy="Ask the site.",
    harm="The plane to which PixelSpacing refers is a guess.",
    standard="PS3.3 10.7.1.1",
    pitfall="P11",
)
