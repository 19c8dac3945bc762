"""Write a package that extends Gnomon: a net, a loss, a measure, a rule, an experiment, and their tests."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template

from gnomon.io.artifacts import atomic_replacement, write_text
from gnomon.rules.catalogue.extensions import PROJECT_FOLDER_EXISTS, PROJECT_NAME_UNUSABLE

_TEMPLATE = Path(__file__).parent / "template"
_SUFFIX = ".template"
_PACKAGE = "PACKAGE"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*")


def create_project(name: str, parent: Path) -> Path:
    """Write the package `name` into a new folder of that name; the folder.

    The folder appears whole or not at all, and nothing that exists is overwritten.

    Args:
        name: letters, digits and single hyphens, beginning with a letter; `my-project` becomes the module `my_project`.
        parent: folder in which the new folder is made.

    Raises:
        Refusal: EXT201, a name that is no package name or is taken by an installed one; EXT202, the folder exists.
    """
    package = _package_name(name)
    folder = parent / name
    if folder.exists() or folder.is_symlink():
        raise PROJECT_FOLDER_EXISTS.refusal(str(folder), found="a file or folder of that name")
    words = {"name": name, "package": package}
    with atomic_replacement(folder) as temporary:
        for source in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}")):
            inside = source.relative_to(_TEMPLATE).as_posix().removesuffix(_SUFFIX).replace(_PACKAGE, package)
            write_text(temporary / inside, Template(source.read_text()).substitute(words))
    return folder


def _package_name(name: str) -> str:
    """The module's name for a project's name, if both can be used."""
    where = f"name={name}"
    if not _NAME.fullmatch(name):
        raise PROJECT_NAME_UNUSABLE.refusal(where, found="a name with other characters")
    package = name.lower().replace("-", "_")
    if keyword.iskeyword(package) or package in sys.stdlib_module_names:
        raise PROJECT_NAME_UNUSABLE.refusal(where, found="a name that Python itself uses")
    if package in ("gnomon", "tests", "test") or importlib.util.find_spec(package) is not None:
        raise PROJECT_NAME_UNUSABLE.refusal(where, found="the name of an installed package")
    return package
