"""Private elements that matter, identified by their private creator and never by the tag alone.

A vendor reserves a block of a private group per file (PS3.5 section 7.8.1), so (0029,1010) has no meaning without the
private creator in (0029,0010). Only the elements listed here are stored: other private text may name a patient.

Sources: pydicom's private dictionary and dcm2niix's vendor notes (GE, Philips, Siemens, Canon, UIH).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pydicom.datadict import private_dictionary_VR

from gnomon.dicom.index.elements import EXPLICIT_BIG, Elements
from gnomon.dicom.index.instances import PrivateValue

_ADAPTERS: dict[tuple[int, str], dict[int, str]] = {
    (0x0045, "GEMS_HELIOS_01"): {
        0x30: "cardiac_reconstruction",
        0x31: "heart_rate",
        0x33: "r_peak_delay_percent",
        0x34: "actual_r_peak_delay_percent",
        0x3B: "noise_filter",
        0x3F: "r_peak_delay_ms",
        0x55: "reconstruction",
    },
    (0x0053, "GEHC_CT_ADVAPP_001"): {
        0x20: "shuttle",
        0x40: "iterative_annotation",
        0x41: "iterative_mode",
        0x42: "iterative_configuration",
        0x43: "iterative_level",
        0x62: "respiratory",
    },
    (0x0043, "GEMS_PARM_01"): {0x2F: "complex_part", 0x39: "b_value"},
    (0x0019, "GEMS_ACQU_01"): {0x17: "series_plane", 0xBB: "gradient_x", 0xBC: "gradient_y", 0xBD: "gradient_z"},
    (0x0021, "GEMS_RELA_01"): {0x5E: "rtia_timer"},
    (0x0019, "SIEMENS MR HEADER"): {
        0x0A: "mosaic_tiles",
        0x0C: "b_value",
        0x0E: "gradient",
        0x27: "b_matrix",
    },
    (0x0029, "SIEMENS CSA HEADER"): {0x10: "image_header"},
    (0x2001, "Philips Imaging DD 001"): {
        0x03: "b_value",
        0x04: "gradient_axis",
        0x08: "phase_number",
        0x0A: "slice_number",
        0x10: "cardiac_sync",
        0x17: "phases",
        0x18: "slices",
        0x1F: "respiration_sync",
    },
    (0x2005, "Philips MR Imaging DD 001"): {
        0x0D: "scale_intercept",
        0x0E: "scale_slope",
        0x11: "frame_type",
        0xB0: "gradient_rl",
        0xB1: "gradient_ap",
        0xB2: "gradient_fh",
    },
    (0x01F1, "ELSCINT1"): {0x41: "gating_delay", 0x45: "initial_heart_rate"},
    (0x01E1, "ELSCINT1"): {0x0E: "reconstruction_enhancement", 0x4D: "adaptive_filter"},
    (0x7005, "TOSHIBA_MEC_CT3"): {
        0x03: "rr_mean",
        0x04: "cardiac_phase_percent",
        0x05: "cardiac_phase_ms",
        0x06: "reconstruction_mode",
        0x0B: "filter",
        0x1B: "kernel",
        0x1C: "contrast_agent",
        0x16: "volume_uid",
        0x18: "frame_number",
        0x48: "respiratory_gating",
        0x49: "respiratory_phase",
    },
    (0x0065, "UIH"): {0x09: "b_value", 0x37: "gradient", 0x50: "mosaic_tiles", 0x14: "mosaic_normal"},
}
_ALIASES = {"Image Private Header": "UIH", "Philips Imaging DD 002": "Philips Imaging DD 001"}
_GROUPS = {group for group, _ in _ADAPTERS}
_CSA = ("SIEMENS CSA HEADER", "image_header")
_MAX_VALUE_BYTES = 256
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_CSA_NUMBERS = {"NumberOfImagesInMosaic", "SliceNormalVector", "B_value", "DiffusionGradientDirection"}


def private_values(elements: Elements) -> tuple[tuple[str, ...], tuple[PrivateValue, ...]]:
    """(all private creators in the file, the values of the elements that an adapter lists)."""
    creators: dict[tuple[int, int], str] = {}
    values: list[PrivateValue] = []
    for tag in elements.private_tags():
        group, element = tag >> 16, tag & 0xFFFF
        if 0x0010 <= element <= 0x00FF:
            creators[group, element] = elements.text(tag)
        elif group in _GROUPS and (creator := creators.get((group, element >> 8))):
            creator = _ALIASES.get(creator, creator)
            name = _ADAPTERS.get((group, creator), {}).get(element & 0xFF)
            if name is not None:
                declared, value = elements.raw(tag)
                vr = _vr(declared, tag, creator)
                if elements.transfer_syntax == EXPLICIT_BIG and vr in _BINARY:
                    value = _little_endian(value, struct.calcsize(_BINARY[vr]))
                values += _values_to_store(creator, name, vr, value)
    return tuple(sorted(set(creators.values()))), tuple(values)


def _little_endian(value: bytes, width: int) -> bytes:
    words = (value[at : at + width][::-1] for at in range(0, len(value) - width + 1, width))
    return b"".join(words)


def _vr(declared: bytes, tag: int, creator: str) -> str:
    """The VR of a private element: as declared, else (implicit, UN) from pydicom's private dictionary."""
    if declared not in (b"", b"UN"):
        return declared.decode("latin-1")
    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return ""


def _values_to_store(creator: str, name: str, vr: str, value: bytes) -> Iterator[PrivateValue]:
    if (creator, name) == _CSA:
        for field, numbers in csa_numbers(value).items():
            yield PrivateValue(creator, field, "DS", "\\".join(numbers).encode())
    elif len(value) <= _MAX_VALUE_BYTES:
        yield PrivateValue(creator, name, vr, value)


def csa_numbers(header: bytes) -> dict[str, tuple[str, ...]]:
    """Fields of a Siemens CSA header (format SV10) needed for geometry and diffusion, as texts.

    Layout, little endian: 'SV10', 4 bytes, number of fields (uint32), 77. Each field: name (64 bytes), VM, VR (4
    bytes), syngo type, number of items, 77 or 205. Each item: four uint32, the second of which is its length, then its
    bytes, padded to a multiple of four.
    """
    fields: dict[str, tuple[str, ...]] = {}
    if header[:4] != b"SV10" or len(header) < 16:
        return fields
    (count,) = struct.unpack_from("<I", header, 8)
    at = 16
    for _ in range(min(count, 256)):
        if at + 84 > len(header):
            break
        name = header[at : at + 64].split(b"\0")[0].decode("latin-1")
        (items,) = struct.unpack_from("<I", header, at + 76)
        at += 84
        texts = []
        for _ in range(min(items, 1024)):
            if at + 16 > len(header):
                return fields
            (length,) = struct.unpack_from("<I", header, at + 4)
            texts.append(header[at + 16 : at + 16 + length].split(b"\0")[0].decode("latin-1").strip())
            at += 16 + (length + 3) // 4 * 4
        if name in _CSA_NUMBERS and any(texts):
            fields[name] = tuple(text for text in texts if text)
    return fields


def private_numbers(values: tuple[PrivateValue, ...], creator: str, name: str) -> tuple[float, ...] | None:
    """The numbers of one element; None if it is absent or not numeric."""
    for element in values:
        if (element.creator, element.name) == (creator, name):
            code = _BINARY.get(element.vr)
            try:
                if code is None:
                    return tuple(float(part) for part in element.value.decode("ascii").strip("\0 ").split("\\"))
                return tuple(
                    map(float, struct.unpack(f"<{len(element.value) // struct.calcsize(code)}{code}", element.value))
                )
            except (ValueError, struct.error):
                return None
    return None


def private_cardiac_phase(values: tuple[PrivateValue, ...]) -> float | None:
    """Cardiac phase in percent of the cycle, from GE's or Canon's private elements."""
    for creator, name in (("GEMS_HELIOS_01", "r_peak_delay_percent"), ("TOSHIBA_MEC_CT3", "cardiac_phase_percent")):
        if numbers := private_numbers(values, creator, name):
            return numbers[0]
    return None
