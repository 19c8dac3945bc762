"""Decoding of compressed frames in a child process, which is killed when it exceeds its time limit."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any

import numpy as np

from gnomon.dicom.pixels import codecs
from gnomon.dicom.pixels.codecs import Codestream, Words

TIME_LIMIT_S = 5.0


class DecoderError(Exception):
    """A frame could not be decoded; `stopped` tells whether the decoder crashed or was killed."""

    def __init__(self, text: str, *, stopped: bool) -> None:
        super().__init__(text)
        self.stopped = stopped


class FrameDecoder:
    """Decodes frames in a child process, started on first use and restarted after a failure."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FrameDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def decode(
        self, transfer_syntax: str, data: bytes, rows: int, columns: int, bits_allocated: int
    ) -> tuple[Words, Codestream]:
        """Words (rows, columns) of one frame, and what the stream declares about itself.

        Raises:
            DecoderError: the stream is damaged, or the decoder crashed, ran out of memory or of time.
        """
        request = {
            "transfer_syntax": transfer_syntax,
            "rows": rows,
            "columns": columns,
            "bits_allocated": bits_allocated,
            "bytes": len(data),
        }
        answer, words = self._exchange(json.dumps(request).encode() + b"\n" + data)
        if "error" in answer:
            raise DecoderError(f"a stream that its decoder refuses ({answer['error']})", stopped=False)
        array = np.frombuffer(words, answer["kind"]).reshape(answer["shape"])
        return array, Codestream(**answer["stream"])

    def _exchange(self, request: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._running_process()
        timed_out = threading.Event()

        def kill() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(self._time_limit_s, kill)
        timer.start()
        try:
            stdin, stdout = process.stdin, process.stdout
            if stdin is None or stdout is None:
                raise BrokenPipeError
            stdin.write(request)
            stdin.flush()
            answer = json.loads(stdout.readline())
            words = stdout.read(answer["bytes"])
            if len(words) == answer["bytes"]:
                return answer, words
        except (OSError, ValueError):  # the process is lost: a broken pipe or an incomplete answer
            pass
        finally:
            timer.cancel()
        self._stop()
        reason = f"took longer than {self._time_limit_s:g} s" if timed_out.is_set() else "crashed"
        raise DecoderError(f"a stream on which its decoder {reason}", stopped=True)

    def _running_process(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._process = subprocess.Popen(
                [sys.executable, "-P", codecs.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            if self._process.stdout is not None:
                self._process.stdout.readline()  # wait until it is ready: its start does not count as decoding time
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
