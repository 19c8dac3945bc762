"""Settings of the synthetic cohort."""

from __future__ import annotations

from gnomon.core.settings import section, setting


@section
class PhantomSettings:
    """The synthetic cohort."""

    studies: int = setting(
        32,
        "Studies that must be accepted; two further studies and two further series must be refused.",
        bounds=(8, 9000),
    )
    seed: int = setting(
        0, "Seed of anatomy, geometry and noise; independent of the seed of the training.", bounds=(0, 2**63)
    )
