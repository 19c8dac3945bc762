"""Open a trusted checkpoint of nnU-Net and keep only its tensors and plain values.

    python scripts/trust_nnunet_checkpoint.py checkpoint_final.pth clean.pth

`gnomon nnunet import` opens checkpoints without running anything in them, and refuses one that holds more than
tensors and plain values. THIS SCRIPT RUNS WHAT IS IN THE FILE. Use it only on a file of your own training, in an
environment that you can throw away, then put clean.pth in the place of the checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

KEPT = ("network_weights", "current_epoch", "trainer_name", "inference_allowed_mirroring_axes")


def main() -> None:
    """Read the checkpoint, keep plain values, write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    stored = torch.load(given.checkpoint, map_location="cpu", weights_only=False)
    plain = {key: stored[key] for key in KEPT if key in stored}
    plain["network_weights"] = {name: value.detach().clone() for name, value in stored["network_weights"].items()}
    torch.save(plain, given.output)
    torch.load(given.output, map_location="cpu", weights_only=True)
    print(f"{given.output}: {len(plain['network_weights'])} tensors")


if __name__ == "__main__":
    main()
