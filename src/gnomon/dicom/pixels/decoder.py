"""Our end of the process that decodes compressed frames: asks, waits for so long, and kills it if need be."""

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


class DecoderFailed(Exception):  # noqa: N818 - the stream failed it
    """A frame could not be decoded; the text says how the decoder ended, `stopped` whether it was lost."""

    def __init__(self, text: str, *, stopped: bool) -> None:
        super().__init__(text)
        self.stopped = stopped


class FrameDecoder:
    """Decodes frames in a process that is started when first needed and again after it was lost."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> FrameDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def decode(
        self, transfer_syntax: str, data: bytes, rows: int, columns: int, bits_allocated: int
    ) -> tuple[Words, Codestream]:
        """Words (rows, columns) of one frame, and what the stream says of itself.

        Raises:
            DecoderFailed: the stream is damaged, or the decoder crashed, ran out of memory or of time.
        """
        request = {
            "transfer_syntax": transfer_syntax,
            "rows": rows,
            "columns": columns,
            "bits_allocated": bits_allocated,
            "bytes": len(data),
        }
        answer, words = self._ask(json.dumps(request).encode() + b"\n" + data)
        if "error" in answer:
            raise DecoderFailed(f"a stream that its decoder refuses ({answer['error']})", stopped=False)
        array = np.frombuffer(words, answer["kind"]).reshape(answer["shape"])
        return array, Codestream(**answer["stream"])

    def _ask(self, request: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._start()
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._time_limit_s, stop)
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
        except (OSError, ValueError):  # it is gone: the pipe broke, or the answer is not whole
            pass
        finally:
            timer.cancel()
        self._end()
        reason = f"took longer than {self._time_limit_s:g} s" if late.is_set() else "crashed"
        raise DecoderFailed(f"a stream on which its decoder {reason}", stopped=True)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-P", codecs.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            if self._process.stdout is not None:
                self._process.stdout.readline()  # it is ready: starting does not count as decoding
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
