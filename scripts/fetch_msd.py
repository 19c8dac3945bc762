"""Fetch a Medical Segmentation Decathlon task, checked and resumable.

    python scripts/fetch_msd.py hippocampus data/

Leaves `data/Task04_Hippocampus/` with dataset.json, imagesTr/, labelsTr/. A broken download goes on where it
stopped. Addresses and MD5 sums are those that MONAI publishes (monai.apps.DecathlonDataset); the data's own
licence is CC-BY-SA 4.0.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

BASE = "https://msd-for-monai.s3-us-west-2.amazonaws.com"
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Task:
    """An archive and the MD5 of its bytes."""

    folder: str
    md5: str


TASKS = {
    "brain": Task("Task01_BrainTumour", "240a19d752f0d9e9101544901065d872"),
    "heart": Task("Task02_Heart", "06ee59366e1e5124267b774dbd654057"),
    "liver": Task("Task03_Liver", "a90ec6c4aa7f6a3d087205e23d4e6397"),
    "hippocampus": Task("Task04_Hippocampus", "9d24dba78a72977dbd1d2e110310f31b"),
    "prostate": Task("Task05_Prostate", "35138f08b1efaef89d7424d2bcc928db"),
    "lung": Task("Task06_Lung", "8afd997733c7fc0432f71255ba4e52dc"),
    "pancreas": Task("Task07_Pancreas", "4f7080cfca169fa8066d17ce6eb061e4"),
    "vessel": Task("Task08_HepaticVessel", "641d79e80ec66453921d997fbf12a29c"),
    "spleen": Task("Task09_Spleen", "410d4a301da4e5b2f6f86ec3ddba524e"),
    "colon": Task("Task10_Colon", "bad7a188931dc2f6acf72b08eb6202d0"),
}


class FetchError(Exception):
    """An error to be shown to the user."""


def fetch(task: Task, output: Path, base: str = BASE) -> Path:
    """Download, check and unpack a task into `output` and return its folder. Finished steps are not repeated."""
    folder = output / task.folder
    if (folder / "dataset.json").is_file():
        return folder
    output.mkdir(parents=True, exist_ok=True)
    archive = output / f"{task.folder}.tar"
    if not archive.is_file():
        part = archive.with_suffix(".tar.part")
        download(f"{base}/{archive.name}", part)
        found = md5_of(part)
        if found != task.md5:
            part.unlink()
            raise FetchError(f"{archive.name}: found MD5 {found}, expected {task.md5}; removed. Fetch it again.")
        part.replace(archive)
    unpack(archive, output, folder)
    return folder


def download(address: str, part: Path) -> None:
    """Download to `part`, resuming an earlier download."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            resumed = answer.status == 206
            total = (have if resumed else 0) + int(answer.headers.get("Content-Length", 0))
            with part.open("ab" if resumed else "wb") as stream:
                while block := answer.read(BLOCK_BYTES):
                    stream.write(block)
                    show(stream.tell(), total)
                if stream.tell() < total:
                    raise OSError(f"the connection ended after {stream.tell()} of {total} bytes")
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return
        raise FetchError(f"{address}: the server answered {error.code} {error.reason}.") from None
    except OSError as error:
        raise FetchError(f"{address}: {error}. The same command goes on where it stopped.") from None


def show(done: int, total: int) -> None:
    """Show progress on a terminal."""
    if sys.stderr.isatty() and total:
        print(f"\r{done / 2**20:.0f} of {total / 2**20:.0f} MiB", end="", file=sys.stderr)


def md5_of(path: Path) -> str:
    """Hex MD5 of a file."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def unpack(archive: Path, output: Path, folder: Path) -> None:
    """Unpack to a temporary name and rename, so that the folder is complete or absent; skips `._` files of macOS."""
    beside = output / f".unpacking-{folder.name}"
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if not Path(member.name).name.startswith("._")]
        tar.extractall(beside, members, filter="data")
    (beside / folder.name).replace(folder)
    beside.rmdir()
    archive.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("output", type=Path, help="folder to put the task's folder in")
    chosen = parser.parse_args(arguments)
    try:
        print(fetch(TASKS[chosen.task], chosen.output))
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
