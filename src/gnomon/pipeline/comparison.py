"""Comparison of two runs: whether they are bit-identical, and where they diverge if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gnomon.training import first_difference

_APART = ("config", "packages", "hardware", "environment")
_SINGLE = ("seed", "dataset_sha256", "lock_sha256", "started_from_sha256", "precision", "steps")


def same_weights(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two manifests name the same weights."""
    return bool(one["weights_sha256"] == other["weights_sha256"])


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Differences between two manifests, one line each: code, data, settings, machine."""
    lines = []
    if one["git"] != other["git"]:
        lines.append(f"code: {_commit(one)} | {_commit(other)}")
    lines += [f"{name}: {one.get(name)} | {other.get(name)}" for name in _SINGLE if one.get(name) != other.get(name)]
    lines += _extension_differences(one, other)
    for section in _APART:
        left, right = dict(_flat(one[section], section)), dict(_flat(other[section], section))
        lines += [
            f"{key}: {left.get(key)} | {right.get(key)}"
            for key in sorted(left.keys() | right.keys())
            if left.get(key) != right.get(key)
        ]
    return lines


def loss_divergence(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Where the losses of two runs diverge, from their hash chains."""
    chains = [manifest["loss_chain"] for manifest in (one, other)]
    if chains[0]["every"] != chains[1]["every"]:
        one_every, other_every = (chain["every"] for chain in chains)
        return f"losses: recorded every {one_every} and every {other_every} steps, which cannot be compared"
    every = chains[0]["every"]
    place = first_difference(chains[0]["hashes"], chains[1]["hashes"])
    if place is None:
        return f"losses: equal in all {every * len(chains[0]['hashes'])} steps"
    shorter = min(len(chain["hashes"]) for chain in chains)
    if place == shorter:
        return f"losses: equal for {every * shorter} steps, where one of the runs ends"
    return f"losses: equal up to step {every * place}, different by step {every * (place + 1)}"


def _extension_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """A line for each package of extensions whose version or code differs; older manifests list none."""
    left, right = _extensions(one), _extensions(other)
    return [
        f"extensions of {name}: {left.get(name, 'not installed')} | {right.get(name, 'not installed')}"
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    ]


def _extensions(manifest: Mapping[str, Any]) -> dict[str, str]:
    rows = manifest.get("extensions", ())
    return {row["distribution"]: f"{row['version']} ({row['files_sha256'][:12]})" for row in rows}


def _commit(manifest: Mapping[str, Any]) -> str:
    git = manifest["git"]
    return f"{git['commit'] or 'no checkout'}{' with changes' if git['dirty'] else ''}"


def _flat(values: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{name}.{key}")
    else:
        yield name, values
