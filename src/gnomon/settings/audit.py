"""Settings of the audit."""

from __future__ import annotations

from gnomon.core.settings import section, setting


@section
class AuditSettings:
    """How an audit reads the studies."""

    workers: int = setting(
        2, "Processes that read and measure; the findings do not depend on their number.", bounds=(1, 256)
    )
    pseudonym_key: str | None = setting(
        None, "Key of the patients' pseudonyms; null keeps the key of the output folder, or draws one at random."
    )
    thumbnails: bool = setting(True, "Keep three planes of each volume for the report.")
