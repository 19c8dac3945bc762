"""The axes across which images may be mirrored without making their labels wrong, and the labels of the mirror image.

A mirror image across left and right turns a left kidney into a right one: the pair must swap labels. There are no
such pairs across front and back or up and down, so a structure that is named by these directions rules the axis
out. So does a chamber of the heart across left and right: in a mirror image the thick-walled ventricle is still
the left one, and no data set shows such hearts. Canonical arrays run to the right, to anterior and to superior:
axes 0, 1 and 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.labels import LabelScheme

_SIDES = (("left", "right"), ("l", "r"), ("lt", "rt"), ("lft", "rgt"), ("sin", "dex"), ("sinister", "dexter"))
_PARTNER = {one: other for pair in _SIDES for one, other in (pair, pair[::-1])}
_ENDS = {
    1: {"anterior", "posterior", "ant", "post", "ventral", "dorsal", "front", "back", "rear"},
    2: {"superior", "inferior", "sup", "inf", "upper", "lower", "cranial", "caudal", "top", "bottom", "apex", "base"},
}
_HEART, _BRAIN = {"ventricle", "atrium", "ventricular", "atrial", "auricle"}, {"lateral", "lat", "horn"}
_WAYS = ("left and right", "front and back", "up and down")


@dataclass(frozen=True)
class Mirroring:
    """What mirroring does to a label scheme.

    Attributes:
        axes: canonical axes (0, 1, 2) that are safe to mirror.
        channels: channel -> its channel in the mirror image across left and right; the background and the
            ignored channel keep theirs.
        reasons: one sentence for each axis that is not safe.
    """

    axes: tuple[int, ...]
    channels: tuple[int, ...]
    reasons: tuple[str, ...]

    def label(self, label: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
        """Channel numbers of a label map after it was mirrored across `axes`."""
        return np.asarray(self.channels, dtype=label.dtype)[label] if 0 in axes else label


def safe_mirroring(scheme: LabelScheme) -> Mirroring:
    """The axes that are safe for a scheme; pairs are declared, or found by the words left and right in the names."""
    declared = {name for pair in scheme.pairs for name in pair}
    partners = _partners(scheme)
    chambers = [name for name in scheme.names if _is_chamber(name) and name not in declared]
    alone = [name for name in scheme.names if _side(name) and name not in partners]
    named = {axis: [name for name in scheme.names if _words(name) & words] for axis, words in _ENDS.items()}
    unsafe = {0: [*chambers, *(name for name in alone if name not in chambers)], **named}
    channel = {name: i for i, name in enumerate(scheme.names, start=1)}
    swapped = [channel[partners.get(name, name)] for name in scheme.names]
    reasons = tuple(
        f"not mirrored across {_WAYS[axis]}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''} "
        + _reason(axis, names[0] in chambers)
        for axis, names in unsafe.items()
        if names
    )
    return Mirroring(
        axes=tuple(axis for axis, names in unsafe.items() if not names),
        channels=(0, *swapped, scheme.n_channels),
        reasons=reasons,
    )


def left_right_pairs(scheme: LabelScheme) -> tuple[tuple[str, str], ...]:
    """(left, right) pairs, declared or found by their names, without the chambers of the heart."""
    left = {one for one, _ in _SIDES}
    pairs = {tuple(sorted(pair, key=lambda name: _side(name) not in left)) for pair in _partners(scheme).items()}
    return tuple((a, b) for a, b in sorted(pairs) if _side(a) in left and not _is_chamber(a))


def _reason(axis: int, chamber: bool) -> str:
    if axis:
        return "would become its opposite"
    return "is named for what it is, not for its side" if chamber else "has no partner on the other side"


def _is_chamber(name: str) -> bool:
    words = _words(name)
    return bool(_side(name)) and bool(words & _HEART) and not words & _BRAIN


def _partners(scheme: LabelScheme) -> dict[str, str]:
    found = {one: other for pair in scheme.pairs for one, other in (pair, pair[::-1])}
    by_key = {_key(name): name for name in scheme.names}
    for name in scheme.names:
        side = _side(name)
        if side and name not in found and (partner := by_key.get(_key(name, {side: _PARTNER[side]}))):
            found[name] = partner
    return found


def _key(name: str, swap: dict[str, str] | None = None) -> tuple[str, ...]:
    return tuple((swap or {}).get(word, word) for word in _split(name))


def _side(name: str) -> str:
    """The word for a side in a name; empty where there is none."""
    return next((word for word in _split(name) if word in _PARTNER), "")


def _words(name: str) -> set[str]:
    return set(_split(name))


def _split(name: str) -> list[str]:
    """Lower-case words of a name, split at other characters than letters and digits, and at capitals of CamelCase."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z][A-Z0-9]*(?![a-z])", name)]
