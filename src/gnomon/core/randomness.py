"""Keyed random streams: every draw is a pure function of (seed, stream, epoch, case, patch, ...).

No draw depends on an earlier one, so the data are the same for any number of loader workers and
after any restart. The only file that makes or seeds a generator.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

Key = str | int


def stream_key(seed: int, stream: str, *parts: Key) -> int:
    """A key of 128 bits from the seed, the name of the stream and what the draw is for; the same on every machine."""
    text = json.dumps([seed, stream, *parts], ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def generator(seed: int, stream: str, *parts: Key) -> np.random.Generator:
    """A NumPy generator (Philox) for one keyed stream."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, stream, *parts)))


@contextmanager
def global_streams(seed: int, stream: str, *parts: Key) -> Iterator[None]:
    """Seed the global generators of the libraries from one keyed stream, and restore their states afterwards.

    For code that can only draw from global generators: TorchIO's transforms (torch), weight
    initialisation (torch), others (NumPy's legacy one, `random`).
    """
    key = stream_key(seed, stream, *parts)
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key & (2**63 - 1))
        np.random.seed(key & (2**32 - 1))  # noqa: NPY002
        random.seed(key)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def normal_noise(seed: int, shape: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
    """Standard normal noise, float32; the same for a seed on every run of one kind of device."""
    source = torch.Generator(device=device).manual_seed(seed & (2**63 - 1))
    return torch.randn(tuple(shape), generator=source, device=device)
