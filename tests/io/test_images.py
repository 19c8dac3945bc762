"""Formats other than NIfTI: each is read onto the same grid, in closed form."""

from __future__ import annotations

import pickle

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from gnomon.core.geometry import ORIENTATIONS, Grid
from gnomon.io import images
from gnomon.io.images import reading
from gnomon.rules.finding import Refusal

SHAPE = (3, 4, 5)
VOXELS = np.arange(60, dtype=np.int16).reshape(SHAPE)
COSINE, SINE = np.cos(0.3), np.sin(0.3)
TURN = np.array([[COSINE, -SINE, 0], [SINE, COSINE, 0], [0, 0, 1]]) @ np.array(
    [[1, 0, 0], [0, COSINE, -SINE], [0, SINE, COSINE]]
)
OBLIQUE = Grid.from_parts(SHAPE, (0.7, 0.8, 3.3), (1.25, -2.5, 100.0), TURN)
ENDINGS = (".nrrd", ".nhdr", ".mha", ".mhd")


def grids():
    """The oblique grid with its axes in each of the 48 orders, among them left-handed ones."""
    for code in ORIENTATIONS:
        yield OBLIQUE.reorient(OBLIQUE.reorientation_to(code))


def write_itk(path, voxels, grid):
    """Write through ITK from the RAS+ affine, with the two sign changes written out."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(np.transpose(voxels, (2, 1, 0))))
    to_lps = np.diag([-1.0, -1.0, 1.0])
    image.SetSpacing(grid.spacing_mm)
    image.SetDirection((to_lps @ grid.directions).ravel().tolist())
    image.SetOrigin((to_lps @ grid.affine[:3, 3]).tolist())
    SimpleITK.WriteImage(image, str(path))
    return path


def nrrd(path, *fields, voxels=VOXELS):
    """A NRRD file written by hand: x fastest, as the format has it."""
    header = [
        "NRRD0004",
        "# made by a test",
        "type: short",
        "dimension: 3",
        f"sizes: {' '.join(map(str, voxels.shape))}",
        "encoding: raw",
        "endian: little",
        *fields,
        "",
        "",
    ]
    path.write_bytes("\n".join(header).encode() + voxels.astype("<i2").tobytes(order="F"))
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_voxels_lie_where_they_were_written_on_oblique_and_flipped_grids(tmp_path, ending):
    for i, grid in enumerate(grids()):
        voxels = np.random.default_rng(i).integers(-1000, 3000, grid.shape).astype(np.int16)
        path = write_itk(tmp_path / f"x{i}{ending}", voxels, grid)
        image = images.read_image(path)
        assert image.voxels.dtype == np.float32
        assert np.array_equal(image.voxels, voxels)
        assert image.grid.corner_displacement_mm(grid) < 1e-4
        assert images.read_grid(path) == image.grid


@pytest.mark.parametrize("ending", [".nii.gz", *ENDINGS])
def test_a_result_written_under_the_header_lies_on_the_grid_of_the_image(tmp_path, ending):
    for i, grid in enumerate(grids()):
        path = tmp_path / f"x{i}{ending}"
        if ending == ".nii.gz":
            images.write_image(path, np.zeros(grid.shape, np.int16), grid)
        else:
            write_itk(path, np.zeros(grid.shape, np.int16), grid)
        image = images.read_image(path)
        images.write_like(tmp_path / "result.nii.gz", np.ones(grid.shape, np.uint8), image.header)
        result = images.read_label(tmp_path / "result.nii.gz")
        assert result.grid.corner_displacement_mm(grid) < 1e-3
        assert result.voxels.min() == 1


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("right-anterior-superior", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("left-posterior-superior", (-1, -1, 1)),
        ("RAS", (1, 1, 1)),
        ("LPS", (-1, -1, 1)),
    ],
)
def test_each_frame_of_nrrd_is_brought_to_ras(tmp_path, space, signs):
    path = nrrd(
        tmp_path / "x.nrrd",
        f"space: {space}",
        "space directions: (2,0,0) (0,0,3) (0,4,0)",
        "space origin: (10,20,30)",
    )
    expected = np.diag([*signs, 1.0]) @ np.array([[2, 0, 0, 10], [0, 0, 4, 20], [0, 3, 0, 30], [0, 0, 0, 1.0]])
    image = images.read_image(path)
    assert np.allclose(image.grid.affine, expected, rtol=0, atol=1e-9)
    assert np.array_equal(image.voxels, VOXELS)


@pytest.mark.parametrize(
    "fields",
    [
        ("spacings: 1 1 1",),
        ("space dimension: 3", "space directions: (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)"),
        ("space: scanner-xyz", "space directions: (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)"),
        (
            "space: left-posterior-superior",
            'space units: "um" "um" "um"',
            "space directions: (1,0,0) (0,1,0) (0,0,1)",
            "space origin: (0,0,0)",
        ),
    ],
)
def test_nrrd_that_does_not_place_its_voxels_in_the_patient_is_refused(tmp_path, fields):
    with pytest.raises(Refusal, match="NII103"):
        images.read_image(nrrd(tmp_path / "x.nrrd", *fields))


def test_metaimage_without_directions_is_refused(tmp_path):
    path = write_itk(tmp_path / "x.mha", VOXELS, OBLIQUE)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"TransformMatrix")))
    with pytest.raises(Refusal, match="NII103"):
        images.read_grid(path)


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_colours_and_series_in_time_are_refused(tmp_path, ending):
    colours = SimpleITK.GetImageFromArray(np.zeros((5, 4, 3, 3), np.uint8), isVector=True)
    SimpleITK.WriteImage(colours, str(tmp_path / f"rgb{ending}"))
    series = SimpleITK.GetImageFromArray(np.zeros((2, 5, 4, 3), np.uint8), isVector=False)
    SimpleITK.WriteImage(series, str(tmp_path / f"time{ending}"))
    for name in ("rgb", "time"):
        with pytest.raises(Refusal, match="NII102"):
            images.read_image(tmp_path / f"{name}{ending}")


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_a_damaged_or_missing_file_is_refused(tmp_path, ending):
    path = write_itk(tmp_path / f"x{ending}", VOXELS, OBLIQUE)
    path.write_bytes(path.read_bytes()[:-40])
    (tmp_path / f"text{ending}").write_text("no image")
    for name in ("x", "text", "absent"):
        with pytest.raises(Refusal, match="NII101"):
            images.read_image(tmp_path / f"{name}{ending}")


def test_a_label_map_with_fractions_is_refused_in_every_format(tmp_path):
    for ending in (".nrrd", ".mha"):
        path = write_itk(tmp_path / f"x{ending}", np.full(SHAPE, 0.5, np.float32), OBLIQUE)
        with pytest.raises(Refusal, match="NII107"):
            images.read_label(path)


def test_complex_voxels_are_refused(tmp_path):
    image = nib.Nifti1Image(np.zeros(SHAPE, np.complex64), np.array(OBLIQUE.affine))
    image.set_sform(image.affine, 1)
    nib.save(image, tmp_path / "x.nii.gz")
    with pytest.raises(Refusal, match="NII101"):
        images.read_image(tmp_path / "x.nii.gz")


def test_an_unknown_ending_is_refused_and_names_the_known_ones(tmp_path):
    with pytest.raises(Refusal, match=r"NII101 .*\.nrrd"):
        images.read_image(tmp_path / "x.png")


def test_images_are_listed_by_name_without_their_ending(tmp_path):
    for name in ("b.nrrd", "a.nii.gz", "c.mha", "d.seg.nrrd", "a.mha", "text.txt", ".hidden.nii"):
        (tmp_path / name).touch()
    found = images.images_in_folder(tmp_path)
    assert list(found) == ["a", "b", "c", "d.seg"]
    assert found["a"].name == "a.nii.gz", "of two files of one name, the NIfTI file"


def test_a_reader_of_another_package_reads_its_own_ending(tmp_path, monkeypatch):
    reader = images.Reader(
        endings=(".raw3",),
        read_grid=lambda path: OBLIQUE,
        read=lambda path: images.Image(
            np.frombuffer(path.read_bytes(), np.int16).reshape(SHAPE), OBLIQUE, nib.Nifti1Header()
        ),
    )
    monkeypatch.setattr(reading, "load_group", lambda *_: ({"raw3": reader}, []))
    (tmp_path / "x.raw3").write_bytes(VOXELS.tobytes())
    assert np.array_equal(images.read_image(tmp_path / "x.raw3").voxels, VOXELS)
    assert images.images_in_folder(tmp_path) == {"x": tmp_path / "x.raw3"}


def test_an_image_goes_to_another_process_with_its_header(tmp_path):
    images.write_image(tmp_path / "x.nii.gz", VOXELS, OBLIQUE)
    image = images.read_image(tmp_path / "x.nii.gz")
    again = pickle.loads(pickle.dumps(image))
    assert again.grid == image.grid
    assert again.header == image.header
    assert np.array_equal(again.voxels, image.voxels)
