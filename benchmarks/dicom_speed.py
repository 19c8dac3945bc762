"""Speed of indexing headers and converting series, against pydicom and dcm2niix in one run.

    pip install -e .[peers]
    python -m benchmarks.dicom_speed DICOM_FOLDER [DICOM_FOLDER ...] [--files 2000] [--pairs 5]

Real single-frame CT and MR series below the folders are copied under fresh UIDs until there are so many
files. One process and one thread each, page cache warm, the two sides of a pair right after each other;
every figure is the median ratio of the pairs. Indexing is also timed, and its memory measured, on ten links
to every file.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median

KINDS = {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"}


def real_series(folders: list[Path]) -> list[list[Path]]:
    """Files of every single-frame CT or MR series that can be converted; both sides read the same."""
    from gnomon.dicom import convert_studies
    from gnomon.dicom.index import IndexSettings, index_studies
    from gnomon.dicom.pseudonyms import PseudonymMap
    from gnomon.settings import ConvertSettings

    found: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        with tempfile.TemporaryDirectory() as name:
            out = Path(name)
            index = index_studies(
                folder, out / "i.parquet", PseudonymMap(out / "n.json", "k"), IndexSettings(1), out / "spool"
            )
            done = convert_studies(folder, out / "v", ConvertSettings(1))
            whole = {row["series_uid"] for row in done.rows if row["decision"] == "accept" and row["slices"] >= 8}
            for row in index.instances():
                source = index.sources[row.file]
                if row.series_uid in whole and row.sop_class in KINDS and not source.member:
                    found[row.series_uid].append(source.path)
    return [files for _, files in sorted(found.items())]


def copy_series(series: list[list[Path]], count: int, folder: Path) -> int:
    """Copy series with new UIDs into `folder` until there are `count` files; return their number."""
    import pydicom
    from pydicom.uid import generate_uid

    total = 0
    for number, files in enumerate(cycle(series)):
        if total >= count:
            return total
        series_uid, study_uid, frame_uid = generate_uid(), generate_uid(), generate_uid()
        (folder / f"{number:04d}").mkdir(parents=True)
        for k, path in enumerate(files):
            data = pydicom.dcmread(path)
            data.SeriesInstanceUID, data.StudyInstanceUID, data.FrameOfReferenceUID = series_uid, study_uid, frame_uid
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            data.SeriesNumber = number
            data.save_as(folder / f"{number:04d}" / f"{k:04d}.dcm")
            total += 1
    return total


def link_copies(folder: Path, times: int, target: Path) -> None:
    for n in range(times):
        for path in folder.rglob("*.dcm"):
            link = target / str(n) / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)


def lazy_read(folder: Path) -> None:
    import pydicom

    for path in sorted(folder.rglob("*.dcm")):
        pydicom.dcmread(path, stop_before_pixels=True)


def index(folder: Path) -> None:
    from gnomon.dicom.index import IndexSettings, index_studies
    from gnomon.dicom.pseudonyms import PseudonymMap

    with tempfile.TemporaryDirectory() as out:
        work = Path(out)
        index_studies(folder, work / "i.parquet", PseudonymMap(work / "n.json", "k"), IndexSettings(1), work / "spool")


def convert(folder: Path) -> None:
    from gnomon.dicom import convert_studies
    from gnomon.settings import ConvertSettings

    with tempfile.TemporaryDirectory() as out:
        convert_studies(folder, Path(out), ConvertSettings(workers=1))


def dcm2niix(folder: Path) -> None:
    import dcm2niix as package

    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [package.bin, "-z", "y", "-b", "y", "-f", "%s", "-o", out, str(folder)], capture_output=True, check=True
        )


WORK: dict[str, Callable[[Path], None]] = {
    "pydicom": lazy_read,
    "index": index,
    "convert": convert,
    "dcm2niix": dcm2niix,
}


def time_reader(name: str, folder: Path) -> dict[str, float]:
    """Seconds of the work alone and peak memory, in a separate process with cached byte code."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "benchmarks.dicom_speed", "--one", name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(name: str, folder: Path) -> None:
    WORK[name](sorted(folder.iterdir())[0])  # imports are not the work, on either side
    began = time.perf_counter()
    WORK[name](folder)
    took_s = time.perf_counter() - began
    print(json.dumps({"seconds": took_s, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def compare(ours: str, theirs: str, folder: Path, files: int, pairs: int) -> dict[str, object]:
    times = [(time_reader(ours, folder)["seconds"], time_reader(theirs, folder)["seconds"]) for _ in range(pairs)]
    return {
        f"{ours}_files_s": round(files / median(a for a, _ in times)),
        f"{theirs}_files_s": round(files / median(b for _, b in times)),
        "ratio": round(median(b / a for a, b in times), 2),
        "ratios": [round(b / a, 2) for a, b in times],
    }


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base, tenfold = Path(name) / "base", Path(name) / "tenfold"
        series = real_series(given.folders)
        files = copy_series(series, given.files, base)
        link_copies(base, 10, tenfold)
        size_mib = sum(path.stat().st_size for path in base.rglob("*.dcm")) >> 20
        print(f"{files} files of {len(series)} real series, {size_mib} MiB")
        print("index / pydicom lazy read:", compare("index", "pydicom", base, files, given.pairs), flush=True)
        small, large = time_reader("index", base), time_reader("index", tenfold)
        print(
            f"index of {files}: {small}; of {10 * files}: {large}; time x {large['seconds'] / small['seconds']:.2f}, "
            f"memory x {large['peak_mib'] / small['peak_mib']:.2f}",
            flush=True,
        )
        print("convert / dcm2niix:", compare("convert", "dcm2niix", base, files, given.pairs), flush=True)


if __name__ == "__main__":
    main()
