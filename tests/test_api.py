"""The Python interface: light to import, complete, documented, and the same as the commands."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gnomon
from gnomon import api
from gnomon.io.artifacts import read_json
from tests.conftest import write_decathlon

FUNCTIONS = sorted(
    name
    for name, value in vars(api).items()
    if name in gnomon.__all__ and inspect.isfunction(value) and value.__module__ == api.__name__
)
HEAVY = ("hydra", "numpy", "omegaconf", "polars", "pydicom", "pytorch_lightning", "SimpleITK", "torch")
SETTINGS = gnomon.PrepareSettings(workers=1, splits=gnomon.SplitSettings(folds=2))


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_imports_no_heavy_library() -> None:
    assert run_python(f"import gnomon, sys; print(sorted({{*{HEAVY}}} & {{*sys.modules}}))").strip() == "[]"


def test_importing_the_package_imports_few_modules() -> None:
    count = "import sys; before = len(sys.modules); import gnomon; print(len(sys.modules) - before)"
    assert int(run_python(count)) < 60  # of the standard library; 0.1 s on a slow core


@pytest.mark.parametrize("name", ["Config", "Grid", "LabelScheme", "Policy", "TrainSettings"])
def test_values_and_settings_do_not_wait_for_torch(name: str) -> None:
    heavy = {"polars", "pytorch_lightning", "torch"}
    assert run_python(f"import sys, gnomon; gnomon.{name}; print({heavy} & {{*sys.modules}})").strip() == "set()"


def test_every_public_name_is_there_and_listed() -> None:
    for name in gnomon.__all__:
        assert getattr(gnomon, name) is not None
        assert name in dir(gnomon)
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        gnomon.nothing_of_this_name  # noqa: B018


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_typed_and_documented(name: str) -> None:
    function = getattr(api, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert function.__doc__
    assert "Raises:" in function.__doc__
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert parameter.name in function.__doc__


def test_the_audit_is_a_function_and_a_room_whatever_was_imported_first() -> None:
    code = (
        "import gnomon; first = gnomon.audit; import gnomon.audit.check as check;"
        "from gnomon import audit; print(first is gnomon.audit is audit, callable(audit), audit.check is check)"
    )
    assert run_python(code).strip() == "True True True"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> gnomon.Dataset:
    folder = tmp_path_factory.mktemp("api")
    return gnomon.prepare(write_decathlon(folder / "decathlon", 4), str(folder / "dataset"), settings=SETTINGS)


def test_a_case_is_read_with_its_voxels_and_its_grid(dataset: gnomon.Dataset) -> None:
    case = gnomon.read_case(dataset, "case_000")
    again = gnomon.read_case(dataset.folder.path, "case_000")
    assert case.image.shape == (1, *case.label.shape) == (1, *case.grid.shape)
    assert case.image.dtype == np.float32
    assert set(np.unique(case.label)) == {0, 1}
    assert np.array_equal(case.label, again.label)
    with pytest.raises(gnomon.Refusal, match="ART101"):
        gnomon.read_case(dataset, "case_999")


def test_a_perfect_prediction_scores_1_and_equals_itself(dataset: gnomon.Dataset, tmp_path: Path) -> None:
    labels = dataset.folder.path.parent / "decathlon" / "labelsTr"
    settings = gnomon.EvaluateSettings(workers=1)
    done = gnomon.evaluate(labels, labels, tmp_path / "e", label_names={"box": 1}, settings=settings)
    assert done.summary["mean_dice"] == 1.0
    assert (tmp_path / "e" / "report.html").is_file()
    found = gnomon.compare(tmp_path / "e", tmp_path / "e")
    assert found.same_weights is None
    assert {row["difference"] for row in found.rows if row["measure"] == "dice"} == {0.0}
    with pytest.raises(gnomon.Refusal, match="USE101"):
        gnomon.evaluate(tmp_path / "none", labels, tmp_path / "f", label_names={"box": 1})


def test_a_run_predicts_and_equals_itself(tiny_run: Path, tmp_path: Path) -> None:
    case = next(iter(sorted((tiny_run / "predictions").glob("*.nii.gz"))))
    volume = next(tiny_run.parent.rglob(f"volumes/{case.name}"))
    assert gnomon.predict(tiny_run, volume, tmp_path / "p", settings=gnomon.PredictSettings(device="cpu")) == ()
    assert (tmp_path / "p" / case.name).is_file()
    found = gnomon.compare(tiny_run, tiny_run)
    assert found.same_weights
    assert len(found.differences) == 1  # the line on the losses


def test_studies_are_audited_and_converted(tiny_run: Path, tmp_path: Path) -> None:
    studies = next(tiny_run.parent.rglob("studies"))
    reading = gnomon.AuditSettings(workers=1, thumbnails=False)
    done = gnomon.audit(studies, tmp_path / "audit", policy=gnomon.Policy(pixels=False), reading=reading)
    assert set(done.volumes["decision"]) >= {"accept", "reject"}
    converted = gnomon.convert(
        studies, tmp_path / "volumes", settings=gnomon.ConvertSettings(workers=1), audited_by=tmp_path / "audit"
    )
    assert converted.n_refused > 0
    assert read_json(tmp_path / "volumes" / "volumes.json", "the volumes")["volumes"]
