"""Transfer syntaxes and lossy compression."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

LOSSY_COMPRESSION = Rule(
    id="DCM601",
    slug="compression.lossy",
    title="Lossy compression",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="pixels as the scanner made them",
    remedy="Ask for the original, and measure on these images with care.",
    harm="Noise and small calcifications are smoothed away; texture features are those of the codec.",
    standard="PS3.3 C.7.6.1.1.5",
    pitfall="P25",
)
UNDECLARED_LOSSY_COMPRESSION = Rule(
    id="DCM602",
    slug="compression.undeclared-lossy",
    title="Undeclared lossy compression",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="LossyImageCompression 01 where the pixels were compressed with loss",
    remedy="Ask for the original, and measure on these images with care.",
    harm="Texture is lost, and the header does not tell.",
    standard="PS3.3 C.7.6.1.1.5",
    pitfall="P25",
)
LOSSY_HISTORY = Rule(
    id="DCM603",
    slug="compression.lossy-history",
    title="Lossy compression in the past",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="no lossy compression in the history of the image",
    remedy="Ask for the original.",
    harm="The transfer syntax is lossless now, but the damage remains.",
    standard="PS3.3 C.7.6.1.1.5",
    pitfall="P25",
)
NO_DECODER = Rule(
    id="DCM604",
    slug="compression.no-decoder",
    title="Transfer syntax without a decoder",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="a transfer syntax that this installation can decode",
    remedy="Export the series uncompressed, or install the decoder.",
    harm="The series is lost to training.",
    standard="PS3.5 10",
    pitfall="P25",
)
MIXED_TRANSFER_SYNTAXES = Rule(
    id="DCM605",
    slug="compression.mixed-transfer-syntaxes",
    title="Several transfer syntaxes in one volume",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="one transfer syntax",
    remedy="Nothing to do if the archive compressed only some of the slices.",
    harm="Some slices may be lossy and others not.",
    standard="PS3.5 10",
    pitfall="P25",
)
INVALID_COMPRESSION_RATIO = Rule(
    id="DCM606",
    slug="compression.invalid-ratio",
    title="Invalid compression ratio",
    severity=Severity.INFO,
    scope=Scope.INSTANCE,
    expected="a ratio above 1",
    remedy="Nothing to do.",
    harm="None by itself.",
    standard="PS3.3 C.7.6.1.1.5.2",
    pitfall="P25",
)
