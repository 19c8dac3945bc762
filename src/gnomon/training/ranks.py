"""Several processes on one machine that share each batch: this one is the first, the others are started here.

Lightning would start them by running the whole command again; here each runs its part of one `Job` only.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

import torch

from gnomon.rules.catalogue.training import PROCESS_FAILED
from gnomon.rules.finding import Refusal
from gnomon.training.job import Job, train

_LOOPBACK = "127.0.0.1"
_WAIT_S = 60.0
_LOOK_S = 1.0


@contextmanager
def start_other_ranks(job: Job) -> Iterator[None]:
    """Run the processes of ranks 1 and up while the block runs.

    Raises:
        Refusal: TRN102, one of them ended in an error.
    """
    count = job.settings.devices
    if count == 1:
        yield
        return
    variables = {"MASTER_ADDR": _LOOPBACK, "MASTER_PORT": str(_free_port()), "GLOO_SOCKET_IFNAME": _loopback_name()}
    before = {name: os.environ.get(name) for name in (*variables, "LOCAL_RANK", "OMP_NUM_THREADS")}
    threads = torch.get_num_threads()  # Lightning divides them, and they decide the last bits of what comes after
    others: list[BaseProcess] = []
    try:
        os.environ.update(variables)
        for rank in range(1, count):
            os.environ["LOCAL_RANK"] = str(rank)
            others.append(multiprocessing.get_context("spawn").Process(target=_run_rank, args=(job, rank), daemon=True))
            others[-1].start()
        os.environ["LOCAL_RANK"] = "0"
        try:
            yield
        except RuntimeError:  # what a lost connection raises, too
            _refuse_failed([process for process in others if not _is_running(process, _LOOK_S)])
            raise
        _refuse_failed([process for process in others if _is_running(process, _WAIT_S) or process.exitcode])
    finally:
        if torch.distributed.is_initialized():  # Lightning leaves it to the end of the process
            torch.distributed.destroy_process_group()
        for process in others:
            process.terminate()
            process.join(_WAIT_S)
        torch.set_num_threads(threads)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _is_running(process: BaseProcess, wait_s: float) -> bool:
    """Whether a process is still running after a time."""
    process.join(wait_s)
    return process.exitcode is None


def _refuse_failed(failed: Sequence[BaseProcess]) -> None:
    if failed:
        raise PROCESS_FAILED.refusal("training.devices", found=f"{len(failed)} process(es) that failed or did not end")


def _run_rank(job: Job, rank: int) -> None:
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        train(job, rank)
    except (Refusal, KeyboardInterrupt):  # the first process reports it
        raise SystemExit(1) from None


def _exit_with_parent(parent: int) -> None:
    """Exit when the process that started this one is gone."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _loopback_name() -> str:
    return next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
