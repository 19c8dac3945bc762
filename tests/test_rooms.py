"""What import-linter has no contract for: a stage is entered through its `__init__` alone."""

from __future__ import annotations

import grimp
import pytest

FREE = {"rules", "core", "io", "settings", "dataset", "tasks", "pipeline", "reports", "commands", "projects", ""}


@pytest.fixture(scope="module")
def imports():
    return grimp.build_graph("gnomon", cache_dir=None)


def room(module):
    """The first package of a module below `gnomon`."""
    return [*module.split("."), ""][1]


def deep_imports(graph):
    """Imports of one stage's inner modules by another room."""
    return [
        f"{line['importer']}:{line['line_number']} {line['line_contents']}"
        for importer in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if room(imported) not in FREE | {room(importer)} and imported.count(".") > 1
        for line in graph.get_import_details(importer=importer, imported=imported)
    ]


def test_a_stage_is_imported_through_its_init_alone(imports):
    assert deep_imports(imports) == []


def test_an_import_of_an_inner_module_is_noticed(imports):
    imports.add_import(
        importer="gnomon.training.stage",
        imported="gnomon.dicom.convert",
        line_number=1,
        line_contents="from gnomon.dicom.convert import read",
    )
    assert deep_imports(imports)[0].startswith("gnomon.training.stage:1")
