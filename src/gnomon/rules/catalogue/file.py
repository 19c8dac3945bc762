"""Files, archives and headers."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

NOT_DICOM = Rule(
    id="DCM001",
    slug="file.not-dicom",
    title="File that is not DICOM",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="DICOM files only",
    remedy="Nothing to do if the file does not belong to the study; its path is in pseudonyms.json.",
    harm="None, unless the file was meant to be an image.",
    standard="PS3.10 7.1",
)
DAMAGED_PIXELS = Rule(
    id="DCM002",
    slug="file.damaged-pixels",
    title="Truncated or damaged pixel data",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="as many bytes of pixel data as the header declares, decodable",
    remedy="Export the series again: the file is truncated or damaged.",
    harm="Readers return whatever bytes follow as if they were anatomy.",
    standard="PS3.5 8",
)
UNREADABLE_FILE = Rule(
    id="DCM003",
    slug="file.unreadable",
    title="Header or archive that cannot be read",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="a complete DICOM header whose every length lies within the file",
    remedy="Export the file again; its path is in pseudonyms.json.",
    harm="A slice goes missing without notice.",
    standard="PS3.5 7",
)
NO_FILE_META = Rule(
    id="DCM004",
    slug="file.no-meta-group",
    title="Missing or contradictory file meta information",
    severity=Severity.INFO,
    scope=Scope.VOLUME,
    expected="a file meta group that matches the data set",
    remedy="Nothing to do if the image looks right: the transfer syntax was deduced from the data.",
    harm="Readers guess the byte order.",
    standard="PS3.10 7.1",
)
MISSING_FROM_DICOMDIR = Rule(
    id="DCM005",
    slug="file.missing-from-dicomdir",
    title="Files listed in the DICOMDIR but not present",
    severity=Severity.WARNING,
    scope=Scope.VOLUME,
    expected="every file that the DICOMDIR lists",
    remedy="Copy the whole medium again.",
    harm="The study is incomplete.",
    standard="PS3.3 F",
)
DECODER_STOPPED = Rule(
    id="DCM006",
    slug="file.decoder-stopped",
    title="Frame on which the decoder crashed or timed out",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="a frame that can be decoded",
    remedy="Export the series again, uncompressed if possible.",
    harm="The frame is lost.",
)
UNKNOWN_CHARSET = Rule(
    id="DCM734",
    slug="file.unknown-charset",
    title="Non-standard character set",
    severity=Severity.INFO,
    scope=Scope.INSTANCE,
    expected="a defined term of SpecificCharacterSet",
    remedy="Check the descriptions by eye.",
    harm="Descriptions are decoded wrongly, so rules on words may miss.",
    standard="PS3.3 C.12.1.1.2",
)
