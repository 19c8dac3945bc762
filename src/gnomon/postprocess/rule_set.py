"""Postprocessing rules in mm3 and probabilities, and the YAML file that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from gnomon.core.components import CONNECTIVITIES
from gnomon.core.labels import LabelScheme
from gnomon.core.provenance import sha256_of_values
from gnomon.core.settings import SettingError, section, setting, settings_from
from gnomon.io.artifacts import write_text
from gnomon.rules.catalogue.postprocessing import INVALID_RULE, INVALID_RULES_FILE

SCHEMA = "gnomon/postprocess/1"
BACKGROUND, NEXT_BEST = "background", "next_best"
_PLANES = ("3d", "axial", "coronal", "sagittal")


@section
class PostprocessRule:
    """What is done to the connected components of one structure.

    Each component is judged by its volume, probability and parent; of those that remain the largest are kept; then
    holes are filled.
    """

    structure: str = setting("", "A label or a region.")
    reason: str = setting("", "Why, in words.")
    connectivity: int = setting(26, "Neighbours of a voxel in a connected component.", choices=CONNECTIVITIES)
    min_volume_mm3: float | None = setting(None, "Smaller components are removed.", bounds=(0, 1e12), unit="mm3")
    max_volume_mm3: float | None = setting(None, "Larger components are removed.", bounds=(0, 1e12), unit="mm3")
    min_mean_probability: float | None = setting(
        None, "Components with a smaller mean probability of the structure are removed.", bounds=(0, 1)
    )
    min_peak_probability: float | None = setting(
        None, "Components with a smaller peak probability of the structure are removed.", bounds=(0, 1)
    )
    parent: str | None = setting(
        None,
        "Label or region that a component belongs to; a component far from it is removed. Voxels that the structure "
        "shares with the parent do not count as the parent's; what the parent encloses does.",
    )
    parent_within_mm: float = setting(
        0.0,
        "Largest distance from the parent, voxel centre to voxel centre; inside or touching is always near.",
        bounds=(0, 1e4),
        unit="mm",
    )
    parent_overlap: float | None = setting(
        None, "Smallest share of a component's voxels that must be near the parent; null: one voxel.", bounds=(0, 1)
    )
    keep_largest: bool = setting(False, "Keep the largest component alone; components of equal size are kept together.")
    keep_k: int | None = setting(None, "Keep this many of the largest components.", bounds=(1, 1_000_000))
    exempt_at_edge: bool = setting(
        False,
        "A component cut by the edge of the field of view is not judged by its volume, nor counted among the largest: "
        "its size is unknown.",
    )
    removed_becomes: str = setting(
        BACKGROUND,
        "What removed voxels become: background, a label, or next_best, the most probable of the other labels and the "
        "background.",
    )
    fill_holes: str | None = setting(
        None, "Fill holes in 3D, or slice by slice; only background is filled.", choices=_PLANES
    )
    max_hole_mm3: float | None = setting(
        None,
        "Largest hole that is filled (a hole of a slice is as thick as the slice); null: any.",
        bounds=(0, 1e12),
        unit="mm3",
    )

    def __post_init__(self) -> None:
        if not self.structure or not self.reason.strip():
            raise SettingError("structure", "a rule without its structure or its reason", "both")
        if self.keep_largest and self.keep_k is not None:
            raise SettingError("keep_k", "keep_largest and keep_k", "one of them: both say how many are kept")
        if self.parent is None and (self.parent_within_mm or self.parent_overlap is not None):
            raise SettingError("parent", "parent_within_mm or parent_overlap without a parent", "a parent")
        if self.max_hole_mm3 is not None and self.fill_holes is None:
            raise SettingError("fill_holes", "max_hole_mm3 without fill_holes", "fill_holes")
        if not (self.removes or self.fill_holes):
            raise SettingError("structure", "a rule that does nothing", "a rule that removes or fills")

    @property
    def keeps(self) -> int | None:
        """Number of largest parts to keep; None: all."""
        return 1 if self.keep_largest else self.keep_k

    @property
    def removes(self) -> bool:
        """Whether it can remove parts."""
        limits = (self.min_volume_mm3, self.max_volume_mm3, self.parent, self.keeps)
        return self.reads_probability or any(limit is not None for limit in limits)

    @property
    def reads_probability(self) -> bool:
        """Whether it reads the probability of the structure."""
        return self.min_mean_probability is not None or self.min_peak_probability is not None

    def as_dict(self) -> dict[str, Any]:
        """The settings that differ from their defaults, as written in a file."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}


@dataclass(frozen=True)
class RuleSet:
    """Rules in the order in which they are applied.

    Attributes:
        labels: name and value of each label, those that rules do not name included.
        regions: unions of labels, by name.
    """

    rules: tuple[PostprocessRule, ...]
    labels: tuple[tuple[str, int], ...]
    regions: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def scheme(self) -> LabelScheme:
        """The labels and regions as a scheme."""
        return LabelScheme(
            tuple(name for name, _ in self.labels), tuple(value for _, value in self.labels), regions=self.regions
        )

    def values_of(self, structure: str) -> tuple[int, ...]:
        """The label values of a label or a region."""
        value = dict(self.labels)
        return (
            (value[structure],) if structure in value else tuple(value[part] for part in dict(self.regions)[structure])
        )

    @property
    def sha256(self) -> str:
        """Hash of everything that determines the result."""
        return sha256_of_values(self.as_dict())

    @property
    def reads_probability(self) -> tuple[str, ...]:
        """The labels whose probabilities the rules read, in order."""
        if any(rule.removed_becomes == NEXT_BEST for rule in self.rules):
            return tuple(name for name, _ in self.labels)
        read = {rule.structure for rule in self.rules if rule.reads_probability}
        named = {part for name in read for part in dict(self.regions).get(name, (name,))}
        return tuple(name for name, _ in self.labels if name in named)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for YAML and JSON."""
        return {
            "schema": SCHEMA,
            "labels": dict(self.labels),
            "regions": {name: list(parts) for name, parts in self.regions},
            "rules": [rule.as_dict() for rule in self.rules],
        }


def rule_set_from(values: Any, where: str, labels: LabelScheme | None = None) -> RuleSet:
    """Rules from plain values.

    Args:
        where: the file, for messages.
        labels: of the segmentations; None: those in `values`.

    Raises:
        Refusal: POS101 no spec, POS102 a name or value that does not fit; USE108 or USE115 a rule's settings.
    """
    rules = _rules(values, where)
    own, regions = values.get("labels") or {}, values.get("regions") or {}
    if labels is None and not own:
        raise INVALID_RULE.refusal(
            where,
            found="no labels",
            expected="labels: {name: value, ...}",
            remedy="Write the labels into the file, or set label_names=.",
        )
    spec = _rule_set(rules, own, regions, labels, where)
    _check(spec, own, where)
    return spec


def _rules(values: Any, where: str) -> tuple[PostprocessRule, ...]:
    """The rules of a file, without their labels."""
    if not isinstance(values, Mapping) or values.get("schema") != SCHEMA or not isinstance(values.get("rules"), list):
        raise INVALID_RULES_FILE.refusal(
            where,
            found="no postprocessing rules",
            expected=f"schema: {SCHEMA}, labels: and rules:",
            remedy="Correct the file.",
        )
    if unknown := sorted(set(values) - {"schema", "labels", "regions", "rules"}):
        raise INVALID_RULES_FILE.refusal(where, found=f"unknown keys {unknown}", remedy="Correct the file.")
    return tuple(
        settings_from(PostprocessRule, rule if isinstance(rule, Mapping) else {}, f"{where} rule {i + 1}")
        for i, rule in enumerate(values["rules"])
    )


def _rule_set(
    rules: tuple[PostprocessRule, ...], own: Any, regions: Any, labels: LabelScheme | None, where: str
) -> RuleSet:
    try:
        named = dict(zip(labels.names, labels.values)) if labels else {str(k): int(v) for k, v in own.items()}
        unions = {**(dict(labels.regions) if labels else {}), **{str(k): tuple(v) for k, v in regions.items()}}
        spec = RuleSet(rules, tuple(named.items()), tuple(unions.items()))
        spec.scheme  # noqa: B018 - raises where they are invalid
        return spec
    except (AttributeError, TypeError, ValueError) as error:
        raise INVALID_RULE.refusal(
            where, found=str(error), expected="labels: {name: value} and regions: {name: [labels]}"
        ) from None


def _check(spec: RuleSet, own: Mapping[str, Any], where: str) -> None:
    """Refuse unknown names, and labels that differ from those of the segmentations."""
    labels = dict(spec.labels)
    if other := sorted(name for name, value in own.items() if labels.get(name) != value):
        raise INVALID_RULE.refusal(
            where,
            found=f"labels {', '.join(f'{name}: {own[name]}' for name in other)}",
            expected=f"the labels of the segmentations, {labels}",
            remedy="Use the rules file that was made for these labels.",
        )
    structures = {*labels, *dict(spec.regions)}
    for i, rule in enumerate(spec.rules):
        place = f"{where} rule {i + 1}"
        for name, allowed in (
            (rule.structure, structures),
            (rule.parent, {*structures, None}),
            (rule.removed_becomes, {*labels, BACKGROUND, NEXT_BEST}),
        ):
            if name not in allowed:
                known = ", ".join(sorted(str(one) for one in allowed if one))
                raise INVALID_RULE.refusal(place, found=f"{name!r}", expected=f"one of {known}")
        if rule.fill_holes and rule.structure not in labels:
            raise INVALID_RULE.refusal(
                place,
                found=f"fill_holes of the region {rule.structure}",
                expected="a label to fill the holes with",
                remedy="Fill the holes of one of its labels instead.",
            )
        if rule.removed_becomes in labels and labels[rule.removed_becomes] in spec.values_of(rule.structure):
            raise INVALID_RULE.refusal(
                place,
                found=f"a removed {rule.structure} that becomes {rule.removed_becomes}",
                expected="another label",
            )


def read_rule_set(path: Path, labels: LabelScheme | None = None) -> RuleSet:
    """Read rules from YAML. Raises Refusal as `rule_set_from`, or POS101 where the file cannot be read."""
    return rule_set_from(_read(path), path.name, labels)


def check_rules_file(path: Path) -> None:
    """Refuse (POS101, USE108, USE115) a file with invalid rules, before the labels are known."""
    _rules(_read(path), path.name)


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise INVALID_RULES_FILE.refusal(
            str(path), found=f"a file that cannot be read ({str(error).splitlines()[0]})"
        ) from None


def write_rule_set(path: Path, spec: RuleSet, head: str = "") -> None:
    """Write rules as YAML; `head` precedes them as comments."""
    comments = "".join(f"# {line}\n" for line in head.splitlines())
    write_text(path, comments + yaml.safe_dump(spec.as_dict(), sort_keys=False, allow_unicode=True, width=120))
