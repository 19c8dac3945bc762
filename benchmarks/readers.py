"""Thirty-nine planted series, eight readers: which are right, silently wrong, or refuse.

    pip install -e .[test,peers]
    python -m benchmarks.readers [docs/readers.md]

Every reader reads the folders in a process of its own, with its defaults. A volume is right if and only if
its voxels are the known function of the places that its affine gives them (`tests/dicom/ramp.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tests.dicom.fixtures import FIXTURES, Fixture
from tests.dicom.ramp import GRADIENT_LPS, write

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
TIME_LIMIT_S = 600
Volume = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # voxels, RAS+ affine, mask of what is no value


def gnomon(folder: Path, out: Path) -> Iterator[Volume]:
    import nibabel as nib

    from gnomon.dicom import convert_studies
    from gnomon.settings import ConvertSettings

    done = convert_studies(folder, out, ConvertSettings(workers=1))
    for finding in done.findings:
        print("said", finding.rule)
    for row in done.rows:
        if row["decision"] != "reject":
            image = nib.load(out / f"{row['volume_id']}.nii.gz")
            padding = out / f"{row['volume_id']}.padding.nii.gz"
            mask = np.asarray(nib.load(padding).dataobj) == 1 if row["padding"] else None
            yield np.asarray(image.dataobj), image.affine, mask


def niftis(out: Path) -> Iterator[Volume]:
    import nibabel as nib

    for path in sorted(out.rglob("*.nii*")):
        image = nib.load(path)
        for t in range(image.shape[3] if len(image.shape) == 4 else 1):
            part = image.slicer[..., t] if len(image.shape) == 4 else image
            yield np.asarray(part.dataobj), part.affine, None


def dcm2niix(folder: Path, out: Path) -> Iterator[Volume]:
    import dcm2niix as package

    done = subprocess.run(
        [package.bin, "-z", "n", "-b", "n", "-f", "%s_%p", "-o", str(out), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in (done.stdout + done.stderr).splitlines():
        if "warning" in line.lower() or "error" in line.lower() or "skip" in line.lower():
            print("said", line)
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}")
    yield from niftis(out)


def dicom2nifti(folder: Path, out: Path) -> Iterator[Volume]:
    import dicom2nifti as package

    package.dicom_series_to_nifti(str(folder), str(out / "volume.nii"), reorient_nifti=False)
    yield from niftis(out)


def simpleitk(folder: Path, out: Path) -> Iterator[Volume]:
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    yield SimpleITK.GetArrayFromImage(image).T, LPS @ affine, None


def torchio(folder: Path, out: Path) -> Iterator[Volume]:
    import torchio as package

    image = package.ScalarImage(folder)
    yield image.data[0].numpy(), image.affine, None


def monai(folder: Path, out: Path) -> Iterator[Volume]:
    from monai.data import PydicomReader

    reader = PydicomReader()
    array, meta = reader.get_data(reader.read(str(folder)))
    affine = np.asarray(meta["affine"], dtype=float)
    yield np.asarray(array), affine if str(meta.get("space", "RAS")).endswith("RAS") else LPS @ affine, None


def highdicom(folder: Path, out: Path) -> Iterator[Volume]:
    import highdicom as package
    import pydicom

    data = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    if len(data) == 1:
        volume = package.Image.from_dataset(data[0]).get_volume(apply_modality_transform=True)
    else:
        volume = package.get_volume_from_series(data, apply_modality_transform=True)
    yield np.asarray(volume.array), LPS @ np.asarray(volume.affine), None


def dicom_numpy(folder: Path, out: Path) -> Iterator[Volume]:
    import dicom_numpy as package
    import pydicom

    array, affine = package.combine_slices([pydicom.dcmread(path) for path in sorted(folder.iterdir())])
    yield array, LPS @ affine, None


READERS: dict[str, tuple[Callable[[Path, Path], Iterator[Volume]], str]] = {
    "Gnomon": (gnomon, "gnomon"),
    "dcm2niix": (dcm2niix, "dcm2niix"),
    "dicom2nifti": (dicom2nifti, "dicom2nifti"),
    "SimpleITK": (simpleitk, "SimpleITK"),
    "TorchIO": (torchio, "torchio"),
    "MONAI": (monai, "monai"),
    "highdicom": (highdicom, "highdicom"),
    "dicom-numpy": (dicom_numpy, "dicom-numpy"),
}


def read_all(reader: str, fixtures: Path, work: Path, numbers: list[str]) -> None:
    """In a separate process: read one folder after another, and print one line of JSON for each."""
    answers = os.fdopen(os.dup(1), "w")
    for number in numbers:
        out = work / reader / number
        out.mkdir(parents=True, exist_ok=True)
        volumes, failed = [], False
        with tempfile.TemporaryFile() as said:
            sys.stdout.flush()
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            try:
                volumes = [measure_volume(*volume) for volume in READERS[reader][0](fixtures / number, out)]
            except Exception as error:
                failed = True
                print(error)
            sys.stdout.flush()
            said.seek(0)
            text = said.read().decode(errors="replace")
        print(
            json.dumps({"number": number, "volumes": volumes, "failed": failed, "text": text}), file=answers, flush=True
        )


def measure_volume(voxels: np.ndarray, affine: np.ndarray, mask: np.ndarray | None) -> dict[str, float]:
    """Number of slices, and the error of the voxels for their positions."""
    shape = (*voxels.shape, 1, 1)[:3]
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    places = indices @ affine[:3, :3].T + affine[:3, 3]
    off = np.abs((places * [-1, -1, 1]) @ GRADIENT_LPS - voxels.reshape(shape))
    off = off if mask is None else off[~mask]
    return {"slices": int(shape[2]), "error": float(off.max()) if off.size else 0.0}


def verdict(fixture: Fixture, name: str, answer: dict[str, Any]) -> str:
    """One cell: right, wrong, mixed, partial, refused, or accepted where it should have been flagged."""
    volumes, text = answer["volumes"], answer["text"]
    said = "said" in text or "warning" in text.lower()
    if answer["failed"] or not volumes:
        return "R" if answer["failed"] or said or not fixture.volumes else "P"
    limit = 1.02 if "jitter" in name else 1.0
    right = [one for one in volumes if one["error"] <= limit]
    note = " w" if said else ""
    if len(right) < len(volumes):
        return ("M" if right else "✗") + note
    if (fixture.flagged or not fixture.volumes) and not said:
        return "A"
    if sum(one["slices"] for one in right) < sum(fixture.volumes):
        return "P" + note
    return "✓"


def measure(reader: str, fixtures: Path, work: Path) -> Iterator[tuple[str, str]]:
    """One cell per series. A crash counts as a refusal, and the reader continues with the next series."""
    left = [name[:2] for name in FIXTURES]
    named = {name[:2]: name for name in FIXTURES}
    while left:
        command = [sys.executable, "-m", "benchmarks.readers", "--all", reader, str(fixtures), str(work), *left]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIME_LIMIT_S, check=False)
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            left.remove(answer["number"])
            name = named[answer["number"]]
            yield name, verdict(FIXTURES[name], name, answer)
        if left and done.returncode:
            yield named[left.pop(0)], "R"


def table(cells: dict[str, dict[str, str]]) -> str:
    readers = list(READERS)
    names = " | ".join(["series", *readers, "what must be said"])
    lines = [f"| {names} |", "| --- |" + " --- |" * (len(readers) + 1)]
    for name, fixture in FIXTURES.items():
        row = " | ".join(cells[reader][name] for reader in readers)
        lines.append(f"| {name} | {row} | {', '.join(sorted(fixture.rules)) or '-'} |")
    for label, marks in SUMS.items():
        counts = " | ".join(str(sum(cell in marks for cell in cells[reader].values())) for reader in readers)
        lines.append(f"| **{label}** | {counts} | |")
    return "\n".join(lines)


SUMS = {
    "wrong, nothing said": ("✗", "P", "A", "M"),
    "wrong, something said": ("✗ w", "P w", "M w"),
    "right": ("✓",),
    "refused": ("R",),
}

HEAD = """# Thirty-nine series, eight readers

Each series is twelve small slices in one folder, planted with one thing that real exports have. Every voxel is a
known function of its place in the patient, so that a volume can be told right from wrong without another reader's
word. Made by

    pip install -e .[test,peers]
    python -m benchmarks.readers docs/readers.md

with {versions}, each with its defaults.

✓ right and complete · ✗ wrong volume · M several volumes, some of them wrong · P slices missing · A accepted, and
nothing said where something had to be · R refused · w a warning was printed, about this or anything else. "What must
be said" are this program's rules (`findings.md`); where it refuses (R), the reason is among them.

"""


def main() -> None:
    if sys.argv[1:2] == ["--all"]:
        read_all(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
        return
    cells: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        fixtures, work = Path(folder) / "fixtures", Path(folder) / "work"
        for name, fixture in FIXTURES.items():
            series: list[Any] = fixture.make()
            for data in series:
                data.Manufacturer = "SIEMENS"
            write(series, fixtures / name[:2])
        for reader in READERS:
            cells[reader] = dict(measure(reader, fixtures, work))
            print(reader, "".join(cell[0] for cell in cells[reader].values()), flush=True)
    versions = ", ".join(f"{name} {metadata.version(package)}" for name, (_, package) in READERS.items())
    page = HEAD.format(versions=versions) + table(cells) + "\n"
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(page)
    else:
        print(page)


if __name__ == "__main__":
    main()
