"""What an audit decided, against the data of a later stage."""

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

REJECTED_VOLUME = Rule(
    id="AUD101",
    slug="audit.rejected-volume",
    title="Volume that the audit rejected",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="a volume that the audit accepted or repairs",
    remedy="See the report of the audit for the rules that led to it.",
    harm="A model is trained on data that were found unsafe.",
)
CHANGED_SINCE_AUDIT = Rule(
    id="AUD102",
    slug="audit.changed-data",
    title="Volume unknown to the audit, or changed since",
    severity=Severity.ERROR,
    scope=Scope.VOLUME,
    expected="the data that were audited",
    remedy="Run the audit again.",
    harm="The decisions of the audit do not apply to other data.",
)
