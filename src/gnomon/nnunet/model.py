"""Import of a trained nnU-Net model as a run, to predict with or to start a training from."""

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
from gnomon.nnunet.dataset import label_scheme_from
from gnomon.nnunet.weights import convert_weights, read_checkpoint
from gnomon.preparation import NnunetPlan, read_nnunet_plan
from gnomon.rules.catalogue.nnunet import MODEL_MISMATCH, UNUSABLE_CHECKPOINT

MANIFEST_SCHEMA = "gnomon/imported/1"


def import_model(folder: Path, fold: str, output: Path, checkpoint: str = "checkpoint_final.pth") -> list[Path]:
    """Write one run for a fold of nnU-Net's results, or a group of runs (an ensemble) for `all` folds.

    Args:
        folder: `TRAINER__PLANS__CONFIGURATION`, with plans.json, dataset.json and fold_0, fold_1, ...

    Returns:
        The folders of the runs.

    Raises:
        Refusal: ART101, a missing file; PRP308, NNU102 or NNU103, a model without a counterpart here; NNU101, no
            usable checkpoint.
    """
    configuration = folder.resolve().name.rsplit("__", 1)[-1]
    nnunet_plan = read_nnunet_plan(read_json(folder / "plans.json", "nnU-Net's results"), configuration, "plans.json")
    labels = label_scheme_from(read_json(folder / "dataset.json", "nnU-Net's results"))
    found = sorted(path.name.removeprefix("fold_") for path in folder.glob("fold_*") if path.is_dir())
    chosen = found if fold == "all" and "all" not in found else [fold]
    if not set(chosen) & set(found):
        raise UNUSABLE_CHECKPOINT.refusal(
            str(folder),
            found=f"fold(s) {', '.join(found) or 'none'}",
            expected=f"fold {fold}",
            remedy="Set fold to one of these.",
        )
    if len(chosen) == 1:
        return [_import(folder / f"fold_{chosen[0]}" / checkpoint, nnunet_plan, labels, RunFolder(output))]
    group = GroupFolder(output)
    members = [int(name) for name in chosen if re.fullmatch(r"\d+", name)]
    runs = [
        _import(folder / f"fold_{member}" / checkpoint, nnunet_plan, labels, group.member(member, 0))
        for member in members
    ]
    write_json(
        group.members,
        {
            "schema": MANIFEST_SCHEMA,
            "members": [{"fold": member, "seed": 0, "folder": run.name} for member, run in zip(members, runs)],
        },
    )
    return runs


def _import(checkpoint: Path, nnunet_plan: NnunetPlan, labels: LabelScheme, run: RunFolder) -> Path:
    stored = read_checkpoint(checkpoint)
    state = convert_weights(stored["network_weights"], str(nnunet_plan.net["name"]), nnunet_plan.axes)
    net = build_net(nnunet_plan.net, nnunet_plan.plan.topology, 1, labels.n_channels)
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
            "plan": nnunet_plan.plan.as_dict(),
            "labels": labels.as_dict(),
            "net": nnunet_plan.net,
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
