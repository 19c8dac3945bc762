"""An export that several tests audit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audit.clean import ct
from tests.audit.exports import write
from tests.audit.plants import PLANTS


@pytest.fixture(scope="session")
def studies(tmp_path_factory):
    """Two clean CTs, one without slope and intercept, one with text burned in."""
    root = tmp_path_factory.mktemp("audit") / "studies"
    for n, rule in enumerate(("", "", "DCM110", "DCM703")):
        draw = np.random.default_rng(n)
        study = ct(draw, SeriesDescription="ABD NATIVE")
        if rule:
            PLANTS[rule].change(study, draw)
        write(study, root / f"study{n}")
    return root
