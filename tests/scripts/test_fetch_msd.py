from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fetch_msd.py"
spec = importlib.util.spec_from_file_location("fetch_msd", SCRIPT)
fetch_msd = importlib.util.module_from_spec(spec)
sys.modules["fetch_msd"] = fetch_msd
spec.loader.exec_module(fetch_msd)


def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in (("dataset.json", b"{}"), ("._dataset.json", b"x"), ("imagesTr/a.nii.gz", b"y" * 5000)):
            info = tarfile.TarInfo(f"Task99_Test/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


CONTENT = archive()
TASK = fetch_msd.Task("Task99_Test", hashlib.md5(CONTENT).hexdigest())


@pytest.fixture
def server():
    """Serves the archive on loopback, in ranges; `asked` keeps the Range headers, `cut` ends an answer early."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            self.server.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            end = self.server.cut or len(CONTENT)
            self.server.cut = None
            self.wfile.write(CONTENT[start:end])

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.asked, httpd.cut = [], None
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield httpd
    httpd.shutdown()


def address(server):
    return f"http://127.0.0.1:{server.server_port}"


def test_a_task_is_fetched_checked_and_unpacked(server, tmp_path):
    folder = fetch_msd.fetch(TASK, tmp_path, address(server))
    assert sorted(path.name for path in folder.rglob("*")) == ["a.nii.gz", "dataset.json", "imagesTr"]
    assert [path.name for path in tmp_path.iterdir()] == ["Task99_Test"]
    fetch_msd.fetch(TASK, tmp_path, address(server))
    assert server.asked == [None], "what is there is not fetched again"


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.cut = 3000
    with pytest.raises(fetch_msd.FetchError):
        fetch_msd.fetch(TASK, tmp_path, address(server))
    part = tmp_path / "Task99_Test.tar.part"
    assert part.stat().st_size == 3000
    fetch_msd.fetch(TASK, tmp_path, address(server))
    assert server.asked == [None, "bytes=3000-"]


def test_wrong_bytes_are_refused(server, tmp_path):
    wrong = fetch_msd.Task("Task99_Test", "0" * 32)
    with pytest.raises(fetch_msd.FetchError, match="expected 0000"):
        fetch_msd.fetch(wrong, tmp_path, address(server))
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_one_message(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fetch_msd, "BASE", "http://127.0.0.1:9")
    monkeypatch.setattr(
        fetch_msd, "fetch", lambda task, output: fetch_msd.download("http://127.0.0.1:9/x", output / "x")
    )
    assert fetch_msd.main(["hippocampus", str(tmp_path)]) == 1
    assert "goes on where it stopped" in capsys.readouterr().err
