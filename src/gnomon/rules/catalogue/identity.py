"""Who the patient is: identifiers, dates, burned-in text."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

BURNED_IN_ANNOTATION = Rule(
    id="DCM703",
    slug="identity.burned-in-annotation",
    title="Burned-in annotation, declared or likely",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="BurnedInAnnotation NO",
    remedy="Look at the image, and blank the text.",
    harm="Text names the patient, and the network reads the marker in place of the organ.",
    standard="PS3.3 C.7.6.1.1.8, C.8.6",
    pitfall="P26",
)
REMAINING_IDENTIFIERS = Rule(
    id="DCM715",
    slug="identity.remaining-identifiers",
    title="Identifiers in data declared de-identified",
    severity=Severity.WARNING,
    scope=Scope.INSTANCE,
    expected="none of the identifiers of the Basic Profile",
    remedy="De-identify again before the data leave the hospital.",
    harm="The patient can be identified.",
    standard="PS3.15 E.1",
    pitfall="P28",
)
ALTERED_DATES = Rule(
    id="DCM716",
    slug="identity.altered-dates",
    title="Dates altered by a de-identifier",
    severity=Severity.INFO,
    scope=Scope.INSTANCE,
    expected="LongitudinalTemporalInformationModified UNMODIFIED",
    remedy="Do not use times across series.",
    harm="Bolus timing and follow-up intervals may be wrong.",
    standard="PS3.3 C.12.1.1.7",
    pitfall="P28",
)
CONFLICTING_PATIENT = Rule(
    id="DCM738",
    slug="identity.conflicting-patient",
    title="One PatientID with several sexes or birth dates",
    severity=Severity.WARNING,
    scope=Scope.STUDY,
    expected="one sex and one birth date per patient",
    remedy="Ask the site.",
    harm="Two people share one number: splits by patient are wrong.",
    standard="PS3.3 C.7.1.1",
)
