"""Settings of the inference."""

from __future__ import annotations

from gnomon.core.settings import section, setting


@section
class PredictSettings:
    """How a trained net is applied to images."""

    overlap: float = setting(0.5, "Smallest share of a tile that overlaps its neighbour.", bounds=(0, 0.95))
    batch: int = setting(2, "Tiles per forward pass.", bounds=(1, 4096))
    mirror_tta: bool = setting(
        False, "Test-time mirroring: average over the mirrored images that the labels allow; 2 to 8 times the work."
    )
    probabilities: bool = setting(
        False, "Write the probability of each structure too, for calibration and confidences of lesions."
    )
    postprocess: str | None = setting(
        None, "rules.yaml with the postprocessing of each prediction; null: predictions stay as the net made them."
    )
    precision: str = setting(
        "auto",
        "Numeric precision; auto: bfloat16 on a processor that computes in it, float32 for models imported from "
        "nnU-Net.",
        choices=("auto", "float32", "bfloat16"),
    )
    device: str = setting("auto", "Device; auto: a GPU where there is one.", choices=("auto", "cpu", "cuda"))
