"""A trained model of nnU-Net -> a run that predicts here, and that a training can start from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safetensors.torch import save

from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_file, weights_sha256
from gnomon.io.artifacts import read_json, write_bytes, write_json
from gnomon.io.folders import GroupFolder, RunFolder
from gnomon.nets import build_net
from gnomon.nnunet.dataset import scheme_of
from gnomon.nnunet.weights import our_weights, read_checkpoint
from gnomon.preparation import NnunetPlan, read_nnunet_plan
from gnomon.rules.catalogue.nnunet import MODEL_MISMATCH, UNUSABLE_CHECKPOINT

MANIFEST_SCHEMA = "gnomon/imported/1"


def import_model(folder: Path, fold: str, output: Path, checkpoint: str = "checkpoint_final.pth") -> list[Path]:
    """Write a run for a fold of nnU-Net's results, or a group of runs, an ensemble, for `all` there are.

    Args:
        folder: `TRAINER__PLANS__CONFIGURATION`, with plans.json, dataset.json and fold_0, fold_1, ...

    Returns:
        The runs' folders.

    Raises:
        Refusal: ART101, PRP308, NNU101, NNU102 or NNU103, what has no counterpart here.
    """
    configuration = folder.resolve().name.rsplit("__", 1)[-1]
    theirs = read_nnunet_plan(read_json(folder / "plans.json", "nnU-Net's results"), configuration, "plans.json")
    labels = scheme_of(read_json(folder / "dataset.json", "nnU-Net's results"))
    found = sorted(path.name.removeprefix("fold_") for path in folder.glob("fold_*") if path.is_dir())
    wanted = found if fold == "all" and "all" not in found else [fold]
    if not set(wanted) & set(found):
        raise UNUSABLE_CHECKPOINT.refusal(
            str(folder),
            found=f"fold(s) {', '.join(found) or 'none'}",
            expected=f"fold {fold}",
            remedy="Set fold to one of these.",
        )
    if len(wanted) == 1:
        return [_import(folder / f"fold_{wanted[0]}" / checkpoint, theirs, labels, RunFolder(output))]
    group = GroupFolder(output)
    members = [int(name) for name in wanted if re.fullmatch(r"\d+", name)]
    runs = [
        _import(folder / f"fold_{member}" / checkpoint, theirs, labels, group.member(member, 0)) for member in members
    ]
    write_json(
        group.members,
        {
            "schema": MANIFEST_SCHEMA,
            "members": [{"fold": member, "seed": 0, "folder": run.name} for member, run in zip(members, runs)],
        },
    )
    return runs


def _import(checkpoint: Path, theirs: NnunetPlan, labels: LabelScheme, run: RunFolder) -> Path:
    stored = read_checkpoint(checkpoint)
    state = our_weights(stored["network_weights"], str(theirs.net["name"]), theirs.axes)
    net = build_net(theirs.net, theirs.plan.topology, 1, labels.n_channels)
    own = net.state_dict()
    differing = sorted(own.keys() ^ state.keys()) or sorted(k for k in own if own[k].shape != state[k].shape)
    if differing:
        raise MODEL_MISMATCH.refusal(
            str(checkpoint), found=f"weights that do not fit the net of the plan, for example {differing[0]}"
        )
    write_json(
        run.plan,
        {
            "schema": "gnomon/plan/1",
            "plan": theirs.plan.as_dict(),
            "labels": labels.as_dict(),
            "net": theirs.net,
            "channels_in": 1,
            "dataset_sha256": None,
        },
    )
    write_bytes(run.weights, save(state))
    manifest: dict[str, Any] = {
        "schema": MANIFEST_SCHEMA,
        "weights_sha256": weights_sha256(state),
        "checkpoint_sha256": sha256_of_file(checkpoint),
        "trainer": str(stored.get("trainer_name")),
        "epochs": int(stored.get("current_epoch", 0)),
    }
    write_json(run.manifest, manifest)
    return run.path
