"""The house rules that a tool can check: names, sizes, who turns axes."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MOST_LINES = 420
MOST_SKIPS = 20

IRREGULAR = set(
    re.findall(
        r"\w+",
        """
        begun bent born borne bought bound broken brought built caught chosen cut dealt done drawn driven fed felt found
        forgotten frozen given gone grown held hidden kept known laid led left lent lost made meant met paid put read
        run said seen sent set shown shut sold sought spent split spoken spread stood struck stuck sunk taken taught
        thought thrown told torn understood won worn woven written
        """,
    )
)
ORDINARY = {"cut", "put", "read", "run", "set", "shut", "split", "spread", "feed", "need", "embed"}
"""Verbs in their ordinary form, and words that only end like a participle."""


@cache
def tree(path):
    return ast.parse(path.read_text())


def relative(path):
    return path.relative_to(ROOT).as_posix()


def package(path):
    """The dotted name of the package whose `__init__` this is."""
    return ".".join(path.parent.relative_to(ROOT / "src").parts)


def is_participle(name):
    word = name.strip("_")
    return word not in ORDINARY and (word in IRREGULAR or bool(re.fullmatch(r"[a-z]+ed", word)))


def participles(path):
    """Functions of a file that are named by a participle alone."""
    functions = (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [f"{relative(path)}:{node.lineno} {node.name}" for node in functions if is_participle(node.name)]


def test_no_function_is_named_by_a_participle():
    assert [function for path in SOURCES for function in participles(path)] == []


def test_a_participle_is_known_from_a_verb_and_from_a_noun():
    assert all(map(is_participle, ("judged", "_measured", "told", "built", "shown")))
    assert not any(map(is_participle, ("read", "seed_streams", "judge", "held_out", "apply", "weights_sha256")))


def test_no_two_public_classes_share_a_name():
    places = defaultdict(list)
    for path in SOURCES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(relative(path))
    nets = "src/gnomon/nets/zoo/"  # a net is found by its module, whose settings are always named Settings
    shared = {name: files for name, files in places.items() if len(files) > 1}
    assert {n: f for n, f in shared.items() if not (n == "Settings" and all(x.startswith(nets) for x in f))} == {}


def test_no_module_has_the_name_of_a_function_that_its_package_exports():
    clashes = [
        f"{relative(path)}: {alias.asname or alias.name}"
        for path in SOURCES
        if path.name == "__init__.py"
        for node in tree(path).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package(path)}.")
        for alias in node.names
        if (path.parent / f"{alias.asname or alias.name}.py").is_file()
    ]
    assert clashes == []


def test_files_stay_short():
    long = {relative(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES} == {}


def test_the_formatter_formats():
    marker = "# fmt: " + "skip"
    found = [
        line
        for folder in ("src", "tests", "benchmarks", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text().splitlines()
        if marker in line
    ]
    assert len(found) <= MOST_SKIPS


def test_the_former_name_stands_in_the_changelog_alone():
    former = "iso" + "center"
    ours = {"src", "tests", "benchmarks", "scripts", "docs", "configs"}
    files = [path for folder in ours for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.name not in ("CHANGELOG.md", ".git")]
    texts = (path for path in files if path.suffix in {".py", ".md", ".yaml", ".toml", ".txt", ".css", ".js", ".html"})
    assert [relative(path) for path in texts if former in path.read_text(errors="replace").lower()] == []
