"""The parser of kernels, on every string whose meaning a source gives, and on strings that nobody defined."""

from __future__ import annotations

import pytest

from gnomon.audit.kernels import parse_kernel

SIEMENS, GE, PHILIPS, CANON = "SIEMENS", "GE MEDICAL SYSTEMS", "Philips", "TOSHIBA"
# class -> strings of a vendor (sources in gnomon/audit/kernels.py)
KNOWN = {
    SIEMENS: {
        "very_soft": "B08s B10s B10f",
        "soft": "B18f B19f B20f B20s B25f B26f B29f B30f B30s B31f B31s B35f B35s B36f I30f I31f I36f "
        "H10s H20f H29s Br32d Bf32d Br34",
        "medium": "B40f B40s B41f B41s B43f B45f B46f I40f I41f H30s H31s H40s H48s Br36 Br36d "
        "Br40 Br40d Bv36d Bv36 Bv40f Bv40 Qr36d Qr36 Qr40 Bf37 Bf40 Br44 Br49 Br54",
        "sharp": "B50f B50s B59f H50s H59h Bl57d Bl57 Br59 Bl64 Br55",
        "very_sharp": "B60f B60s B65f B70f B70s B80f B80s H60s H60f H70s H70h H90s U70u U80u U90u "
        "Br69 Hr68 "
        "Ur77 Qr89 Br65",
        "special": "S80s S90s Sa36 Sa40",
        "scout": "T20f T20s Tr20f",
    },
    GE: {
        "soft": "SOFT",
        "medium": "STANDARD STND STD STAND CHEST CHST DETAIL",
        "sharp": "BONE",
        "very_sharp": "BONEPLUS BONE+ BONESPLUS EDGE ULTRA LUNG",
    },
    PHILIPS: {
        "soft": "A UA XCA",
        "medium": "B C UB UC UD XCB XCC XCD",
        "sharp": "D EA EB EC",
        "very_sharp": "E L YA YB YC YD",
        "unknown": "IMR1 IMR2 IMR3",
    },
    CANON: {
        "medium": "FC01 FC02 FC03 FC07 FC08 FC08-H FC09 FC10 FC11 FC12 FC13 FC14 FC15 FC17 FC18 FC20 FC21 FC22 FC26",
        "sharp": "FC30 FC31 FC35 FC50 FC51 FC52 FC53 FC55 FC56",
        "very_sharp": "FC80 FC81 FC82 FC86",
        "unknown": "FL03 FL04 FL05",
    },
}
CASES = [
    (vendor, text, kind) for vendor, kinds in KNOWN.items() for kind, texts in kinds.items() for text in texts.split()
]
UNSURE = [
    "Sa36",
    "Sa40",
    "C",
    "UB",
    "UC",
    "UD",
    "D",
    "EA",
    "EB",
    "EC",
    "XCA",
    "XCB",
    "XCC",
    "XCD",
    "FC51",
    "IMR1",
    "IMR2",
    "IMR3",
    "FL03",
    "FL04",
    "FL05",
    "FC20",
    "FC21",
    "FC22",
    "FC26",
]


@pytest.mark.parametrize(("vendor", "text", "kind"), CASES)
def test_a_known_string_has_the_class_that_its_source_gives(vendor, text, kind):
    found = parse_kernel((text,), vendor)
    assert found.kind == kind
    assert found.raw == (text,)
    assert found.is_certain == (text not in UNSURE)


@pytest.mark.parametrize(
    "text",
    [
        "11H",
        "KX7",
        "BB30",
        "STANDARDX",
        "FC",
        "FC8",
        "FC123",
        "Z",
        "Qx99zz",
        "B3f",
        "F20",
        "",
        "b",
        "bone plus ultra",
        "B30 f",
        "30f",
        "BODY",
        "SHARP",
        "SMOOTH",
        "AB12c",
        "K40",
        "R30",
        "Body Standard",
        "UHR",
        "HR",
        "IMR9X",
        "XCE",
        "YE",
        "FCX1",
        "H9",
        "Bz40",
        "SB_VVH",
        "F_SOFT_B",
        "B_SOFT_C",
        "HC1",
        "Br",
        "Lung2",
        "7",
        "ed",
        "#",
        "STANDARD SHARP",
        "DETAILS",
        "soft tissue",
        "Br400",
    ],
)
@pytest.mark.parametrize("vendor", ["", SIEMENS, GE, PHILIPS, CANON, "UIH", "NeuroLogica"])
def test_a_string_that_nobody_defined_stays_unknown(vendor, text):
    found = parse_kernel((text,), vendor)
    assert found.kind == "unknown"
    assert not found.is_certain
    assert found.raw == ((text,) if text else ())


def test_letters_alone_mean_something_with_their_vendor_only():
    assert parse_kernel(("B",), PHILIPS).is_certain
    assert not parse_kernel(("B",), "").is_certain
    assert parse_kernel(("B",), GE).kind == "unknown"


@pytest.mark.parametrize(
    ("values", "vendor", "annotation", "method", "strength"),
    [
        (("I30f", "3"), SIEMENS, "", "hybrid", "3"),
        (("Br40d", "2"), SIEMENS, "", "hybrid", "2"),
        (("STANDARD",), GE, "ASIR-V 50%", "hybrid", "50%"),
        (("STANDARD",), GE, "DLIR-H", "dlr", "H"),
        (("IMR1",), PHILIPS, "", "mbir", "1"),
        (("FL03",), CANON, "", "mbir", ""),
        (("B30f",), SIEMENS, "", "none", ""),
        (("FC18",), CANON, "AIDR 3D STD", "hybrid", "3D"),
        (("FC18",), CANON, "AiCE", "dlr", ""),
    ],
)
def test_an_iterative_method_is_recognised_with_its_strength(values, vendor, annotation, method, strength):
    found = parse_kernel(values, vendor, annotation=annotation)
    assert (found.iterative, found.strength) == (method, strength)


def test_the_standards_group_of_an_enhanced_ct_goes_first():
    assert parse_kernel(("SECRET",), GE, group="LUNG").kind == "very_sharp"
    assert parse_kernel(("SECRET",), GE, group="LUNG").is_certain
