"""Rules about extensions: what other packages add to Gnomon through entry points."""

from __future__ import annotations

from gnomon.rules.finding import Severity
from gnomon.rules.rule import Rule, Scope

EXTENSION_NAME_TAKEN = Rule(
    id="EXT101",
    slug="extension.name-taken",
    title="Extension whose name is already taken",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="one provider for each name",
    remedy="Rename the entry point in its package, or uninstall one of the packages.",
    harm="The same configuration would mean different code on different machines.",
)

EXTENSION_NOT_LOADABLE = Rule(
    id="EXT102",
    slug="extension.not-loadable",
    title="Extension that cannot be imported",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="an entry point whose target can be imported",
    remedy="Install what the package needs, or correct its code or its entry point; then reinstall it.",
)

EXTENSION_OF_WRONG_TYPE = Rule(
    id="EXT103",
    slug="extension.wrong-type",
    title="Extension of the wrong type",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="an object of the type that the group takes",
    remedy="Point the entry point at such an object, as docs/extending.md shows.",
)

PROJECT_NAME_UNUSABLE = Rule(
    id="EXT201",
    slug="project.name-unusable",
    title="Name that a new package cannot bear",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="letters, digits and single hyphens, beginning with a letter, and no name that is in use",
    remedy="Choose another name, as in `gnomon new my-project`.",
)

PROJECT_FOLDER_EXISTS = Rule(
    id="EXT202",
    slug="project.folder-exists",
    title="Folder of a new package that exists",
    severity=Severity.ERROR,
    scope=Scope.SETTING,
    expected="a name that is not taken in the folder",
    remedy="Choose another name or another parent=; nothing is overwritten.",
)
