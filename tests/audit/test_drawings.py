"""Text in single images is distinguished from anatomy; the corners of a mammogram show its view."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from gnomon.dicom.measures.drawings import count_static_marks, count_text_letters
from gnomon.dicom.measures.mammogram import breast_side, breast_view
from gnomon.settings.policy import Policy
from tests.audit.clean import radiograph
from tests.audit.exports import run_audit
from tests.audit.plants.planting import store, stored

FONT = font_manager.findfont("DejaVu Sans")


def anatomy(seed=0, shape=(400, 500)):
    rng = np.random.default_rng(seed)
    j, i = np.mgrid[: shape[0], : shape[1]]
    picture = 300 + 900 * np.exp(-(((i - 250) / 130) ** 2 + ((j - 200) / 120) ** 2)) + rng.normal(0, 15, shape)
    return picture.astype(np.float32)


def written(picture, text, size, value=4095, smooth=False):
    height, width = picture.shape
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    draw.fontmode = "L" if smooth else "1"
    draw.text((40, 60), text, fill=255, font=ImageFont.truetype(FONT, size))
    ink = np.asarray(image) / 255.0
    return (picture * (1 - ink) + value * ink).astype(np.float32)


@pytest.mark.parametrize("text", ["ZYXWVUT^JANE", "1970-01-01", "ID 483920 F", "Hospital of Nowhere"])
@pytest.mark.parametrize("size", [12, 20, 40])
def test_lines_of_text_are_found_at_any_size(text, size):
    assert count_text_letters(written(anatomy(), text, size)) >= 4


@pytest.mark.parametrize("size", [16, 30])
def test_text_with_soft_edges_is_found(size):
    assert count_text_letters(written(anatomy(), "ZYXWVUT JANE", size, smooth=True)) >= 4


def test_a_marker_of_one_letter_is_no_text():
    assert count_text_letters(written(anatomy(), "R", 40)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_anatomy_its_brightest_voxels_and_a_saturated_screw_are_no_text(seed):
    picture = anatomy(seed)
    assert count_text_letters(picture) == 0
    assert count_text_letters(np.minimum(picture, 1100)) == 0  # a saturated field
    picture[100:160, 200:212] = 4095
    picture[170:182, 190:260] = 4095
    assert count_text_letters(picture) == 0


def test_round_beads_in_a_row_are_no_text():
    picture = anatomy()
    j, i = np.mgrid[:400, :500]
    for k in range(6):
        picture[(i - 100 - 30 * k) ** 2 + (j - 100) ** 2 < 100] = 4095
    assert count_text_letters(picture) == 0


def test_strokes_that_every_slice_has_are_counted_and_those_that_move_are_not():
    rng = np.random.default_rng(1)
    voxels = rng.normal(0, 20, (6, 40, 40)).astype(np.float32)
    voxels[:, 5:10, [5, 9, 13]] = 3071
    assert count_static_marks(voxels) == 3
    voxels[3, 5:10] = 0
    assert count_static_marks(voxels) == 0


def test_a_radiograph_with_a_name_in_its_pixels_is_found_and_one_without_passes(tmp_path):
    for name, text in (("clean", ""), ("named", "DOE JANE")):
        (data,) = radiograph(np.random.default_rng(5))
        large = np.kron(stored(data), np.ones((4, 4)))
        data.Rows, data.Columns = large.shape
        store(data, written(large, text, 14) if text else large)
        (tmp_path / name).mkdir()
        data.save_as(tmp_path / name / "1.dcm", enforce_file_format=True)
        found = set(run_audit(tmp_path / name, tmp_path / f"{name}-audit", Policy()).findings["rule"])
        assert ("DCM704" in found) == bool(text)


def mammogram(side, *, muscle, touches=0.0, seed=0):
    """A breast whose disc begins at the wall; `touches`: how far it reaches over the upper edge."""
    rng = np.random.default_rng(seed)
    j, i = np.mgrid[:300, :240]
    light = rng.uniform(0, 20, (300, 240))
    breast = (i / 130) ** 2 + ((j - 150 + 140 * touches) / 115) ** 2 < 1
    light[breast] = rng.normal(900, 150, int(breast.sum()))
    if muscle:
        corner = i / 70 + j / 160 < 1
        light[corner] = rng.normal(1500, 60, int(corner.sum()))
    return (light if side == "left" else light[:, ::-1]).astype(np.float32)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("seed", range(5))
def test_muscle_in_a_corner_tells_an_oblique_view_and_dark_corners_a_craniocaudal_one(side, seed):
    oblique, straight = (mammogram(side, muscle=muscle, seed=seed) for muscle in (True, False))
    assert breast_side(oblique) == breast_side(straight) == side
    assert breast_view(oblique, side) == "MLO" and breast_view(oblique[::-1], side) == "MLO"
    assert breast_view(straight, side) == "CC"


def test_a_breast_that_reaches_over_the_edge_tells_no_view():
    assert breast_view(mammogram("left", muscle=False, touches=0.9), "left") == ""
    assert breast_view(mammogram("left", muscle=False), "") == ""
