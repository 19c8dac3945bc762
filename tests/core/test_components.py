from __future__ import annotations

import numpy as np

from gnomon.core.components import label_components


def test_connectivity_parts_what_touches_at_a_corner():
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 2, 1] = True
    assert [label_components(mask, neighbours)[1] for neighbours in (6, 18, 26)] == [3, 2, 1]
