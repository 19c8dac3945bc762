from __future__ import annotations

import csv
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import nn

from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.core.labels import LabelScheme
from gnomon.core.regrid import native_channels
from gnomon.dataset.canonicalise import canonical_grid
from gnomon.dataset.plan import Normalisation, Plan
from gnomon.dataset.topology import make_topology
from gnomon.inference import Model, predict_images
from gnomon.inference.sliding_window import gaussian_importance, predict_probabilities, tile_corners
from gnomon.io.images import write_image
from gnomon.postprocess import read_rule_set
from gnomon.settings import PredictSettings


class Threshold(nn.Module):
    """Says channel 1 where the normalised image is bright, and channel 2 where it is brighter."""

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return [torch.cat([-image * 20 - 10, 10 - 20 * (image - 0.0).abs(), image * 20 - 10], 1)]


def oblique(code="RAS", shape=(30, 26, 12), spacing=(0.9, 0.9, 4.0)):
    turn = Rotation.from_euler("xyz", [17, -9, 25], degrees=True).as_matrix()
    grid = Grid.from_parts(shape, spacing, (12.0, -40.0, 77.0), turn)
    return grid.reorient(grid.reorientation_to(code))


def blob(grid):
    """An off-centre ellipsoid inside another one, by place in the patient: no symmetry to hide behind."""
    places = grid.points_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1))
    centre = oblique().points_mm((np.array(oblique().shape) - 1) / 2)
    scaled = (places - centre - [2, 1, -4]) / [8, 7, 14]
    inner = (places - centre - [4, 2, -6]) / [4, 3, 7]
    return np.where((inner**2).sum(-1) < 1, 2, np.where((scaled**2).sum(-1) < 1, 1, 0)).astype(np.uint8)


def model(spacing):
    plan = Plan(spacing, Normalisation("window", 0.0, 2.0), make_topology(spacing, (16, 16, 8)), 2)
    return Model((Threshold(),), plan, LabelScheme(("shell", "core"), (7, 3)), PredictSettings(), torch.device("cpu"))


@pytest.mark.parametrize("code", ["RAS", "LPI", "PIR", "SAL"])
def test_a_prediction_lies_on_the_native_grid_of_an_oblique_anisotropic_image(tmp_path, code):
    grid = oblique(code)
    truth = blob(grid)
    write_image(tmp_path / "in" / "x.nii.gz", truth.astype(np.float32), grid)
    assert predict_images(model((1.0, 1.0, 3.0)), tmp_path / "in", tmp_path / "out") == []
    original, result = nib.load(tmp_path / "in" / "x.nii.gz"), nib.load(tmp_path / "out" / "x.nii.gz")
    assert result.affine.tobytes() == original.affine.tobytes(), "bit for bit"
    assert result.shape == original.shape
    found = np.asarray(result.dataobj)
    assert set(np.unique(found)) == {0, 3, 7}
    for value, own in ((7, 1), (3, 2)):
        overlap = 2 * ((found == value) & (truth == own)).sum() / ((found == value).sum() + (truth == own).sum())
        assert overlap > (0.82 if own == 1 else 0.75), (code, value)
    union = 2 * ((found > 0) & (truth > 0)).sum() / ((found > 0).sum() + (truth > 0).sum())
    assert union > 0.9


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_without_resampling_the_inverse_is_exact_in_every_orientation(code):
    grid = oblique(code)
    canonical = canonical_grid(grid, oblique().spacing_mm)
    truth = blob(grid)
    ordered = grid.reorientation_to("RAS").apply(truth)
    shares = np.stack([(ordered == channel).astype(np.float32) for channel in range(3)])
    assert np.array_equal(native_channels(shares, canonical, grid), truth)


def test_a_grid_that_was_not_made_from_the_native_one_is_refused():
    with pytest.raises(ValueError, match="not made from"):
        native_channels(np.zeros((2, 4, 4, 4), np.float32), Grid.from_parts((4, 4, 4), (1, 1, 1)), oblique())


sizes = st.tuples(*[st.integers(1, 20)] * 3)


@given(sizes, sizes, st.sampled_from([0.0, 0.5, 0.75]))
@settings(deadline=None)
def test_tiles_cover_everything_and_stay_inside(size, tile, overlap):
    shape = [max(n, edge) for n, edge in zip(size, tile)]
    covered = np.zeros(shape, bool)
    for corner in tile_corners(shape, tile, overlap):
        assert all(0 <= start <= n - edge for start, n, edge in zip(corner, shape, tile))
        covered[tuple(slice(start, start + edge) for start, edge in zip(corner, tile))] = True
    assert covered.all()


def test_importance_is_highest_in_the_middle_symmetric_and_never_zero():
    weight = gaussian_importance((8, 6, 5)).numpy()
    assert weight.min() > 0
    assert np.allclose(weight, weight[::-1, ::-1, ::-1])
    assert weight[4, 3, 2] == weight.max()


@pytest.mark.parametrize("shape", [(7, 9, 5), (16, 16, 8), (33, 20, 19)])
def test_a_pointwise_net_gives_the_same_in_tiles_as_at_once(shape):
    image = np.random.default_rng(0).uniform(-1, 1, (1, *shape)).astype(np.float32)
    shares = predict_probabilities(Threshold(), image, (16, 16, 8), 3, -1.0)
    expected = torch.softmax(Threshold()(torch.from_numpy(image)[None])[0], 1)[0].numpy()
    assert shares.shape == (3, *shape)
    assert np.allclose(shares, expected, atol=1e-5)


def test_an_unreadable_image_is_named_and_the_others_are_predicted(tmp_path):
    grid = oblique()
    write_image(tmp_path / "in" / "good.nii.gz", blob(grid).astype(np.float32), grid)
    (tmp_path / "in" / "bad.nii.gz").write_bytes(b"junk")
    findings = predict_images(model((0.9, 0.9, 4.0)), tmp_path / "in", tmp_path / "out")
    assert [finding.rule for finding in findings] == ["NII101"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.nii.gz"]


def test_rules_are_applied_to_what_is_predicted_and_what_they_remove_is_listed(tmp_path):
    grid = oblique()
    image = blob(grid).astype(np.float32)
    image[1, 1, 1:5] = image[28, 24, 1:5] = 2  # two false parts of the core
    write_image(tmp_path / "in" / "x.nii.gz", image, grid)
    write_image(tmp_path / "in" / "y.nii.gz", image, grid)
    rule = {"structure": "core", "reason": "one core", "min_volume_mm3": 100.0, "min_mean_probability": 0.2}
    spec = {"schema": "gnomon/postprocess/1", "labels": {"shell": 7, "core": 3}, "rules": [rule]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    plain = model(grid.spacing_mm)
    assert predict_images(plain, tmp_path / "in", tmp_path / "plain") == []
    ruled = replace(plain, rules=read_rule_set(tmp_path / "rules.yaml", plain.labels))
    assert predict_images(ruled, tmp_path / "in", tmp_path / "ruled") == []
    before, after = (np.asarray(nib.load(tmp_path / kind / "x.nii.gz").dataobj) for kind in ("plain", "ruled"))
    assert (before != after).sum() == 8 and not after[1, 1, 1:5].any()
    rows = list(csv.DictReader((tmp_path / "ruled" / "changes.csv").open()))
    assert [(row["case"], row["structure"], row["voxels"]) for row in rows] == [(case, "core", "4") for case in "xxyy"]
    assert read_rule_set(tmp_path / "ruled" / "rules.yaml") == ruled.rules
    before_bytes = (tmp_path / "ruled" / "changes.csv").read_bytes()
    predict_images(ruled, tmp_path / "in", tmp_path / "ruled")
    assert (tmp_path / "ruled" / "changes.csv").read_bytes().count(b"\n") == before_bytes.count(b"\n")
