"""A plan: everything that preparation decides and that training and inference follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gnomon.dataset.topology import Topology


@dataclass(frozen=True)
class Normalisation:
    """How intensities become network inputs.

    Attributes:
        kind: 'window': clamp to [lower, upper] in the image's unit (HU), then map it to [-1, 1].
            'z_score': clamp to the image's own 0.5 and 99.5 percentile, then scale to mean 0, standard deviation 1.
            'nnunet_ct': clamp to [lower, upper], subtract `mean`, divide by `std`; before any resampling.
            'nnunet_z_score': to mean 0, deviation 1 of the block, or with `masked` of its voxels that are not 0;
            before any resampling.
    """

    kind: str
    lower: float | None = None
    upper: float | None = None
    mean: float | None = None
    std: float | None = None
    masked: bool | None = None

    @property
    def of_nnunet(self) -> bool:
        """Whether it is a normalisation of nnU-Net, which assumes 0 outside an image."""
        return self.kind.startswith("nnunet")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        theirs = {"mean": self.mean, "std": self.std, "masked": self.masked} if self.of_nnunet else {}
        return {"kind": self.kind, "lower": self.lower, "upper": self.upper, **theirs}


@dataclass(frozen=True)
class Plan:
    """Everything that preparation decided, for training and for inference.

    Attributes:
        orientation: orientation of the network input; 'native' keeps the axes of each image, as nnU-Net does.
    """

    spacing_mm: tuple[float, float, float]
    normalisation: Normalisation
    topology: Topology
    batch: int
    orientation: str = "RAS"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "spacing_mm": list(self.spacing_mm),
            "normalisation": self.normalisation.as_dict(),
            "topology": self.topology.as_dict(),
            "batch": self.batch,
            **({} if self.orientation == "RAS" else {"orientation": self.orientation}),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """The plan that `as_dict` wrote."""
        x, y, z = values["spacing_mm"]
        return cls(
            spacing_mm=(x, y, z),
            normalisation=Normalisation(**values["normalisation"]),
            topology=Topology.from_dict(values["topology"]),
            batch=int(values["batch"]),
            orientation=values.get("orientation", "RAS"),
        )
