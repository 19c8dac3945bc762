"""Provenance of a result: content hashes and the run manifest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnomon.core.extensions import extension_record

if TYPE_CHECKING:
    import torch

_BLOCK_BYTES = 1 << 20
_PACKAGES = (
    "gnomon",
    "torch",
    "pytorch-lightning",
    "torchio",
    "SimpleITK",
    "numpy",
    "scipy",
    "nibabel",
    "pydicom",
    "hydra-core",
    "dynamic-network-architectures",
    "nnunetv2",
    "scikit-image",
    "wandb",
)
_ENVIRONMENT = (
    "PYTHONHASHSEED",
    "CUBLAS_WORKSPACE_CONFIG",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
)


def sha256_of_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_array(array: NDArray[Any]) -> str:
    """Hex SHA-256 over an array's type, shape and values in C order."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def sha256_of_values(values: Any) -> str:
    """Hex SHA-256 of plain values in canonical JSON: the order of keys does not matter."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def weights_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """Hex SHA-256 over a state dict: each tensor's name, type, shape and bytes, in order of name."""
    import torch  # here, so that conversion does not import it

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def source_checkout() -> Path | None:
    """The folder of the source tree that the program runs from; None for an installed package."""
    folder = Path(__file__).resolve().parents[3]
    return folder if (folder / "src" / "gnomon" / "commands").is_dir() else None


def git_state(folder: Path | None) -> dict[str, Any]:
    """Commit and uncommitted changes of the checkout at `folder`; nulls where there is none."""
    if folder is None:
        return {"commit": None, "dirty": None, "diff_sha256": None}

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout

    commit, status, change = git("rev-parse", "HEAD"), git("status", "--porcelain"), git("diff", "HEAD")
    return {
        "commit": commit.strip() if commit else None,
        "dirty": bool(status.strip()) if status is not None else None,
        "diff_sha256": hashlib.sha256(change.encode()).hexdigest() if change else None,
    }


def package_versions() -> dict[str, str | None]:
    """Versions of the packages that results depend on."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def hardware() -> dict[str, Any]:
    """Processor, memory and accelerators, without the machine's or the user's name."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    try:
        memory_bytes: int | None = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        memory_bytes = None
    return {
        "platform": platform.platform(),
        "processor": _processor_name(),
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "memory_bytes": memory_bytes,
        "gpus": gpus,
        "cuda": torch.version.cuda if gpus else None,
    }


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def lock_sha256(checkout: Path | None) -> str | None:
    """Hash of the checkout's requirements.lock, or None for an installed package without one."""
    lock = checkout / "requirements.lock" if checkout else None
    return sha256_of_file(lock) if lock and lock.is_file() else None


def run_manifest(checkout: Path | None, config: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """Everything needed to reproduce a run: code, lock, versions, machine, settings, and `facts`.

    Args:
        checkout: source tree of the program; None for an installed package.
        config: the resolved configuration, plain values only.
        facts: facts about the run: data hashes, seed, `weights_sha256`, timings.
    """
    return {
        "schema": "gnomon/manifest/1",
        "git": git_state(checkout),
        "lock_sha256": lock_sha256(checkout),
        "packages": package_versions(),
        "extensions": extension_record(),
        "hardware": hardware(),
        "environment": {name: os.environ.get(name) for name in _ENVIRONMENT},
        "config": dict(config),
        "config_sha256": sha256_of_values(dict(config)),
        **facts,
    }
