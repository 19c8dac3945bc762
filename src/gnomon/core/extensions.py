"""Extensions: nets, losses, measures, rules and more from other installed packages, found through entry points.

Listing reads the metadata of installed packages and imports nothing. An extension is imported when it is used; one
that fails is reported by package, group, name and file, and leaves all others usable.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from gnomon.rules.catalogue.extensions import (
    EXTENSION_NAME_TAKEN,
    EXTENSION_NOT_LOADABLE,
    EXTENSION_OF_WRONG_TYPE,
)
from gnomon.rules.finding import Finding, Refusal, Severity

GROUPS = ("nets", "losses", "measures", "rules", "transforms", "readers", "trackers", "modules")
"""What a package can add; the entry-point group of nets is `gnomon.nets`."""


@dataclass(frozen=True, kw_only=True)
class Extension:
    """One entry point of an installed package.

    Attributes:
        group: one of `GROUPS`.
        name: name by which a configuration chooses it.
        target: what the entry point refers to, as `my_project.nets.wide` or `my_project.losses:soft_dice`.
        distribution: name of the installed package.
        version: version of the installed package.
    """

    group: str
    name: str
    target: str
    distribution: str
    version: str
    _entry: metadata.EntryPoint = field(repr=False, compare=False)

    @property
    def package(self) -> str:
        """Top-level module that holds the code."""
        return self.target.split(":", 1)[0].split(".", 1)[0].strip()

    @property
    def file(self) -> Path | None:
        """Source file of the target, found without importing it; None where there is no such file."""
        module = self.target.split(":", 1)[0].strip()
        inside = module.split(".")[1:]
        for folder in _folders(self.package):
            place = folder.joinpath(*inside)
            for candidate in (place.with_suffix(".py") if inside else place, place / "__init__.py"):
                if candidate.is_file():
                    return candidate
        return None

    def __str__(self) -> str:
        """Package, group, name and file, for messages."""
        where = self.file or f"{self.target}, whose source file was not found"
        return f"{self.name!r} in gnomon.{self.group} of {self.distribution} {self.version} ({where})"


def find_extensions(group: str | None = None) -> tuple[Extension, ...]:
    """Extensions of all installed packages, or those of one group, sorted by group, name and distribution.

    Reads metadata only: no extension is imported.
    """
    found = _find_all(tuple(sys.path))
    return found if group is None else tuple(extension for extension in found if extension.group == group)


def extension_names(group: str, built_in: Collection[str] = ()) -> list[str]:
    """Names that the installed packages add to a group, without those that are built in."""
    return sorted({extension.name for extension in find_extensions(group)} - set(built_in))


def load_extension(group: str, name: str, accepts: Callable[[Any], bool], expected: str) -> Any | None:
    """The object behind a name; None where no installed package provides it.

    Args:
        group: one of `GROUPS`.
        name: name of the entry point.
        accepts: whether an object is of the type that the group takes.
        expected: that type in words, for the message.

    Raises:
        Refusal: EXT101, several packages provide the name; EXT102, it cannot be imported; EXT103, wrong type.
    """
    candidates = [extension for extension in find_extensions(group) if extension.name == name]
    if not candidates:
        return None
    if len(candidates) > 1:
        raise Refusal(_clash(candidates))
    return _load(candidates[0], accepts, expected)


def load_group(
    group: str, accepts: Callable[[Any], bool], expected: str, built_in: Collection[str] = ()
) -> tuple[dict[str, Any], list[Finding]]:
    """Every usable extension of a group by name, and a warning for each that is not usable.

    For groups that take effect without being chosen, as rules do. Arguments as in `load_extension`; an extension
    whose name is in `built_in` is not usable.
    """
    usable: dict[str, Any] = {}
    problems = name_clashes(group, built_in)
    taken = {extension.name for extension in find_extensions(group) if extension.name in built_in}
    for name in extension_names(group):
        if name in taken:
            continue
        try:
            usable[name] = load_extension(group, name, accepts, expected)
        except Refusal as refusal:
            problems += [finding for finding in refusal.findings if finding not in problems]
    return usable, [replace(problem, severity=Severity.WARNING) for problem in problems]


def taken_name(group: str, name: str, found: str) -> Finding:
    """A warning that an extension is not used because what it provides is there already; `found` says what."""
    places = "; ".join(str(extension) for extension in find_extensions(group) if extension.name == name)
    return EXTENSION_NAME_TAKEN.at(f"extension {places}", found=found, severity=Severity.WARNING)


def name_clashes(group: str, built_in: Collection[str] = ()) -> list[Finding]:
    """A finding for each extension that bears a built-in name, and for each name that several packages provide.

    The built-in one is used in the first case; the second name is refused when it is asked for.
    """
    findings = []
    by_name: dict[str, list[Extension]] = {}
    for extension in find_extensions(group):
        by_name.setdefault(extension.name, []).append(extension)
    for name, extensions in by_name.items():
        if name in built_in:
            findings += [
                EXTENSION_NAME_TAKEN.at(
                    f"extension {one}", found=f"{name!r}, which is built in; the built-in one is used"
                )
                for one in extensions
            ]
        elif len(extensions) > 1:
            findings.append(_clash(extensions))
    return findings


def extension_record() -> list[dict[str, Any]]:
    """Every package that extends Gnomon: name, version, hash of its files, what it provides. For manifests.

    The hash is taken over the source as it lies on disk, so it tells an edited working copy from a release.
    """
    packages: dict[str, list[Extension]] = {}
    for extension in find_extensions():
        packages.setdefault(extension.distribution, []).append(extension)
    return [
        {
            "distribution": distribution,
            "version": extensions[0].version,
            "files_sha256": _files_sha256(sorted({extension.package for extension in extensions})),
            "provides": [f"{extension.group}:{extension.name}" for extension in extensions],
        }
        for distribution, extensions in sorted(packages.items())
    ]


@lru_cache(maxsize=8)
def _find_all(_path: tuple[str, ...]) -> tuple[Extension, ...]:
    """Extensions found on an import path, which is the key of the cache."""
    found = {
        Extension(
            group=group,
            name=entry.name,
            target=entry.value,
            distribution=entry.dist.name if entry.dist else "an unnamed package",
            version=entry.dist.version if entry.dist else "unknown",
            _entry=entry,
        )
        for group in GROUPS
        for entry in metadata.entry_points(group=f"gnomon.{group}")
    }
    return tuple(sorted(found, key=lambda one: (GROUPS.index(one.group), one.name, one.distribution, one.target)))


def _load(extension: Extension, accepts: Callable[[Any], bool], expected: str) -> Any:
    try:
        value = extension._entry.load()
    except Exception as error:  # importing foreign code can raise anything
        raise EXTENSION_NOT_LOADABLE.refusal(
            f"extension {extension}", found=f"{type(error).__name__}: {error}"
        ) from error
    if not accepts(value):
        raise EXTENSION_OF_WRONG_TYPE.refusal(
            f"extension {extension}", found=f"an object of type {type(value).__name__}", expected=expected
        )
    return value


def _clash(extensions: Collection[Extension]) -> Finding:
    first = next(iter(extensions))
    return EXTENSION_NAME_TAKEN.at(
        f"extension {first.name!r} in gnomon.{first.group}",
        found=f"{len(extensions)} providers: {'; '.join(str(one) for one in extensions)}",
    )


def _folders(package: str) -> list[Path]:
    """Folders of a top-level package, or the file of a top-level module; empty where it is not installed."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin else []


def _files_sha256(packages: Collection[str]) -> str:
    """Hash over the names and bytes of all files of some packages but compiled ones."""
    digest = hashlib.sha256()
    for package in packages:
        for name, path in _files(package):
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(package: str) -> Iterator[tuple[str, Path]]:
    """Files of a package with their names inside it, sorted."""
    for place in _folders(package):
        if place.is_file():
            yield place.name, place
            continue
        inside = sorted(path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        yield from ((f"{package}/{path.relative_to(place).as_posix()}", path) for path in inside)
