"""Reconstruction kernels: the sharpness class of a vendor's string, and its confidence.

A class is assigned only where a source states it; everything else stays unknown, with its raw text. Sources: SOMATOM
Sensation Cardiac application guide (Siemens); Solomon and Samei, Med Phys 2012, doi 10.1118/1.4752209 (noise
texture of GE against Siemens); Ohkubo and Matsumoto, SPIE 2007; NLST filter codes; PS3.3 C.8.15.3.6 for the groups
of enhanced CT.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gnomon.audit.vendors import vendor_of


@dataclass(frozen=True)
class Kernel:
    """A parsed kernel string.

    Attributes:
        raw: the values as written.
        vendor: vendor of the notation; empty where unknown.
        family: body, head, child, special, ultra, quantitative, topogram, name, or the vendor's letters.
        index: the vendor's number, or None.
        kind: one of `KERNEL_CLASSES`.
        confidence: high, medium or low; only the first two may influence a decision.
        iterative: none, hybrid, mbir (model based) or dlr (deep learning).
        strength: strength of the iterative method, as written.
    """

    raw: tuple[str, ...]
    vendor: str = ""
    family: str = ""
    index: int | None = None
    kind: str = "unknown"
    confidence: str = "low"
    iterative: str = "none"
    strength: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the confidence in the class suffices for a decision."""
        return self.kind != "unknown" and self.confidence != "low"


def parse_kernel(values: Sequence[str], manufacturer: str = "", group: str = "", annotation: str = "") -> Kernel:
    """Parse a kernel string.

    Args:
        values: ConvolutionKernel (0018,1210), every value of it.
        manufacturer: (0008,0070); single letters are meaningful only together with their vendor.
        group: ConvolutionKernelGroup (0018,9316) of an enhanced CT, which is standardised and takes precedence.
        annotation: a vendor's private text on iterative reconstruction.
    """
    raw = tuple(value.strip() for value in values if value.strip())
    text = raw[0] if raw else ""
    vendor = vendor_of(manufacturer)
    found = Kernel(raw)
    for notation, owner in _NOTATIONS:
        applies = vendor in (owner, "") or vendor not in _OWN_NOTATION
        if applies and (parsed := notation(text)) is not None:
            rated = parsed if vendor == owner or not _is_only_letters(text) else replace(parsed, confidence="low")
            found = replace(rated, raw=raw, vendor=owner)
            break
    if group in _GROUPS:
        found = replace(found, kind=_GROUPS[group], confidence="high")
    return _add_method(found, annotation)


def _is_only_letters(text: str) -> bool:
    return len(text) <= 3 and text.isalpha()


_GROUPS = {"BRAIN": "medium", "SOFT_TISSUE": "soft", "LUNG": "very_sharp", "BONE": "sharp", "CONSTANT_ANGLE": "special"}
_OWN_NOTATION = ("Siemens", "GE", "Philips", "Canon")

# (last index, class, confidence) by letter.
_SIEMENS_BODY = (
    (10, "very_soft", "high"),
    (36, "soft", "high"),
    (39, "medium", "low"),
    (46, "medium", "high"),
    (49, "medium", "low"),
    (59, "sharp", "high"),
    (80, "very_sharp", "high"),
)
_SIEMENS_HEAD = (
    (29, "soft", "medium"),
    (48, "medium", "medium"),
    (59, "sharp", "medium"),
    (90, "very_sharp", "medium"),
)
_SIEMENS_OLD = {
    "B": ("body", _SIEMENS_BODY),
    "I": ("body", _SIEMENS_BODY),
    "H": ("head", _SIEMENS_HEAD),
    "J": ("head", _SIEMENS_HEAD),
    "C": ("child head", tuple((last, kind, "low") for last, kind, _ in _SIEMENS_HEAD)),
    "U": ("ultra", ((69, "unknown", "low"), (90, "very_sharp", "high"))),
    "S": ("special", ((99, "special", "high"),)),
    "T": ("topogram", ((99, "scout", "high"),)),
}
_SIEMENS_NEW = ((34, "soft"), (54, "medium"), (64, "sharp"), (99, "very_sharp"))
_NEW_FAMILIES = {"B": "body", "H": "head", "Q": "quantitative", "U": "ultra"}


def _siemens(text: str) -> Kernel | None:
    if old := re.fullmatch(r"([BHCSUTIJ])(\d{2})([a-z]{0,2})", text):
        family, bands = _SIEMENS_OLD[old[1]]
        return _class_by_index(family, int(old[2]), bands)
    if new := re.fullmatch(r"([BHQUST])([acflprv])(\d{2})([a-z]?)", text):
        index = int(new[3])
        if new[1] == "T":
            return Kernel((), family="topogram", index=index, kind="scout", confidence="high")
        if new[1] == "S":
            return Kernel((), family="special", index=index, kind="special", confidence="low")
        return _class_by_index(
            _NEW_FAMILIES[new[1]], index, tuple((last, kind, "medium") for last, kind in _SIEMENS_NEW)
        )
    return None


def _class_by_index(family: str, index: int, bands: Sequence[tuple[int, str, str]]) -> Kernel:
    for last, kind, confidence in bands:
        if index <= last:
            return Kernel((), family=family, index=index, kind=kind, confidence=confidence)
    return Kernel((), family=family, index=index)


_GE_NAMES = {
    "SOFT": ("soft", "high"),
    "STANDARD": ("medium", "high"),
    "CHEST": ("medium", "medium"),
    "DETAIL": ("medium", "medium"),
    "BONE": ("sharp", "high"),
    "BONEPLUS": ("very_sharp", "medium"),
    "EDGE": ("very_sharp", "medium"),
    "ULTRA": ("very_sharp", "medium"),
    "LUNG": ("very_sharp", "high"),
}
_GE_SPELLINGS = {
    "STND": "STANDARD",
    "STD": "STANDARD",
    "STAND": "STANDARD",
    "CHST": "CHEST",
    "BONE+": "BONEPLUS",
    "BONESPLUS": "BONEPLUS",
    "BONE PLUS": "BONEPLUS",
}


def _ge(text: str) -> Kernel | None:
    name = text.upper()
    high_definition = name.startswith("HD ")
    name = name.removeprefix("HD ")
    name = _GE_SPELLINGS.get(name, name)
    if name not in _GE_NAMES:
        return None
    kind, confidence = _GE_NAMES[name]
    return Kernel((), family=name, kind=kind, confidence="medium" if high_definition else confidence)


_PHILIPS = {
    "A": ("soft", "medium"),
    "B": ("medium", "medium"),
    "C": ("medium", "low"),
    "D": ("sharp", "low"),
    "E": ("very_sharp", "medium"),
    "L": ("very_sharp", "medium"),
    **dict.fromkeys(("YA", "YB", "YC", "YD"), ("very_sharp", "medium")),
    "UA": ("soft", "medium"),
    **dict.fromkeys(("UB", "UC", "UD"), ("medium", "low")),
    **dict.fromkeys(("EA", "EB", "EC"), ("sharp", "low")),
    "XCA": ("soft", "low"),
    **dict.fromkeys(("XCB", "XCC", "XCD"), ("medium", "low")),
}
_IMR = {
    "": ("unknown", "low"),
    "SHARP+": ("sharp", "medium"),
    "ROUTINE": ("medium", "low"),
    "SOFTTISSUE": ("soft", "low"),
}


def _philips(text: str) -> Kernel | None:
    if text in _PHILIPS:
        kind, confidence = _PHILIPS[text]
        return Kernel((), family=text, kind=kind, confidence=confidence)
    if imr := re.fullmatch(r"IMR(\d)\s*(SHARP\+|ROUTINE|SOFTTISSUE|)", text.upper()):
        kind, confidence = _IMR[imr[2]]
        return Kernel(
            (), family="IMR", index=int(imr[1]), kind=kind, confidence=confidence, iterative="mbir", strength=imr[1]
        )
    return None


_CANON_FC = (
    (9, "medium", "medium"),
    (19, "medium", "medium"),
    (29, "medium", "low"),
    (35, "sharp", "medium"),
    (49, "unknown", "low"),
    (56, "sharp", "medium"),
    (79, "unknown", "low"),
    (86, "very_sharp", "medium"),
)


def _canon(text: str) -> Kernel | None:
    if fc := re.fullmatch(r"FC(\d{2})(-[A-Z0-9]+)?", text):
        made = _class_by_index("FC", int(fc[1]), _CANON_FC)
        return replace(made, confidence="low") if made.index == 51 else made  # one source calls it a mediastinal kernel
    if first := re.fullmatch(r"FL(\d{2})", text):
        return Kernel((), family="FL", index=int(first[1]), iterative="mbir")
    return None


_NOTATIONS: tuple[tuple[Callable[[str], Kernel | None], str], ...] = (
    (_siemens, "Siemens"),
    (_ge, "GE"),
    (_canon, "Canon"),
    (_philips, "Philips"),
)
_METHODS = (
    ("dlr", r"DLIR|TRUE ?FIDELITY|AICE|PRECISE ?IMAGE|DEEP"),
    ("mbir", r"VEO|IMR|FIRST"),
    ("hybrid", r"ASIR|SAFIRE|ADMIRE|QIR|IDOSE|AIDR|IRIS|KARL|CLEARVIEW"),
)


def _add_method(found: Kernel, annotation: str) -> Kernel:
    """Add the iterative or learned method, from a second value (Siemens) or from words."""
    if found.vendor == "Siemens" and len(found.raw) > 1 and re.fullmatch(r"[1-5]", found.raw[1]):
        return replace(found, iterative="hybrid", strength=found.raw[1])
    words = " ".join((*found.raw, annotation)).upper()
    for method, names in _METHODS:
        if match := re.search(rf"\b(?:{names})[ -]?V?\s*([\w%]*)", words):
            return replace(found, iterative=method, strength=found.strength or match[1])
    return found
