"""Radiographs and mammograms."""

from __future__ import annotations

from pydicom.dataset import FileDataset

from tests.audit.clean import Study
from tests.audit.plants.planting import plant, setting, store, stored

setting("DCM401", "DX", PixelSpacing=None, PixelSpacingCalibrationType=None)
setting("DCM402", "DX", "reject", PixelSpacing=None, ImagerPixelSpacing=None)
setting("DCM403", "DX", PixelSpacingCalibrationType=None)
setting("DCM404", "MG", EstimatedRadiographicMagnificationFactor=None)
setting("DCM406", "DX", PixelSpacing=["0.18", "0.21"])
setting("DCM407", "DX", "reject", PixelSpacing=(["18", "18"], ["0.0018", "0.0018"]))
setting("DCM410", "MG", "reject", ImageLaterality=None)
setting("DCM411", "MG", ViewCodeSequence=None, ViewPosition=None, SeriesDescription="MG")


@plant("DCM412", "MG")
def _(study, draw):
    data = study[int(draw.integers(4))]
    data.Laterality = "R" if data.ImageLaterality == "L" else "L"


@plant("DCM413", "MG")
def _(study, draw):
    del study[int(draw.integers(4))]


@plant("DCM414", "MG")
def _(study, draw):
    data = study[int(draw.integers(4))]
    store(data, stored(data)[:, ::-1] if draw.random() < 0.5 else stored(_other_view(data, study)))


def _other_view(data: FileDataset, study: Study) -> FileDataset:
    return next(o for o in study if o.ImageLaterality == data.ImageLaterality and o.ViewPosition != data.ViewPosition)
