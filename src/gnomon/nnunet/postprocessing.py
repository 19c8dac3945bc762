"""Export of rules as the postprocessing.pkl and .json that an unmodified nnUNetv2_apply_postprocessing applies."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gnomon.core.provenance import sha256_of_file
from gnomon.io.artifacts import write_bytes, write_json
from gnomon.postprocess import PostprocessRule, RuleSet, rule_set_from, write_rule_set
from gnomon.rules.catalogue.nnunet import LABEL_VALUES_UNKNOWN, RULES_NOT_EXPRESSIBLE

ROUTES = ("auto", "own", "stock")


def write_stock_postprocessing(spec: RuleSet, output: Path, route: str = "auto") -> str:
    """Write postprocessing.pkl, .json and the rules beside them.

    Args:
        spec: rules over nnU-Net's label values, 1, 2, ...
        route: `stock` writes nnU-Net's own functions, which do not need gnomon; `own` a function of gnomon, which knows
            volumes in mm3; `auto` is `stock` if it can express the rules, else `own`.

    Returns:
        The route that was used, `stock` or `own`.

    Raises:
        Refusal: NNU104, rules that nnU-Net's own functions cannot express.
    """
    calls = [stock_arguments(spec, rule) for rule in spec.rules]
    if route == "stock" and None in calls:
        rule = spec.rules[calls.index(None)]
        raise RULES_NOT_EXPRESSIBLE.refusal(
            f"rule of {rule.structure}", found="more than keeping the largest component"
        )
    used = "own" if route == "own" or None in calls else "stock"
    functions, arguments = _stock_calls(calls) if used == "stock" else _own_call(spec)
    output.mkdir(parents=True, exist_ok=True)
    write_bytes(output / "postprocessing.pkl", pickle.dumps((functions, arguments)))
    write_json(
        output / "postprocessing.json",
        {
            "postprocessing_fns": [function.__name__ for function in functions],
            "postprocessing_kwargs": [{key: _as_list(value) for key, value in one.items()} for one in arguments],
            "gnomon_rules_sha256": spec.sha256,
            "postprocessing_pkl_sha256": sha256_of_file(output / "postprocessing.pkl"),
        },
    )
    write_rule_set(output / "rules.yaml", spec, f"rules of postprocessing.pkl; sha256 {spec.sha256}")
    return used


def stock_arguments(spec: RuleSet, rule: PostprocessRule) -> dict[str, Any] | None:
    """Arguments of nnU-Net's own function for a rule; None if it cannot express the rule."""
    expressible = {"structure", "reason", "keep_largest"}
    if not rule.keep_largest or set(rule.as_dict()) - expressible:
        return None
    values = spec.values_of(rule.structure)
    return {"labels_or_regions": values[0] if len(values) == 1 else list(values)}


def renumber_labels(spec: RuleSet, description: Mapping[str, Any] | None) -> RuleSet:
    """The same rules for the label values in nnU-Net's files.

    Args:
        description: nnU-Net's dataset.json, which states them; None if the rules' own values are 1, 2, ... already.

    Raises:
        Refusal: NNU109, the values are not known, or nnU-Net has no label of that name.
    """
    values = {name: value for name, value in spec.labels}
    if description is None:
        if sorted(values.values()) == list(range(1, len(values) + 1)):
            return spec
        raise LABEL_VALUES_UNKNOWN.refusal("label values", found=str(values))
    nnunet_values = {str(name): value for name, value in description["labels"].items()}
    if unknown := sorted(values.keys() - nnunet_values.keys()):
        raise LABEL_VALUES_UNKNOWN.refusal(
            "label values",
            found=f"no label {', '.join(unknown)} in nnU-Net's data set",
            expected=f"labels among {', '.join(nnunet_values)}",
        )
    return rule_set_from({**spec.as_dict(), "labels": {name: nnunet_values[name] for name in values}}, "rules")


def _stock_calls(calls: Sequence[dict[str, Any] | None]) -> tuple[list[Any], list[dict[str, Any]]]:
    from nnunetv2.postprocessing.remove_connected_components import (
        remove_all_but_largest_component_from_segmentation as keep_largest,
    )

    arguments = [call for call in calls if call is not None]
    return [keep_largest] * len(arguments), arguments


def _own_call(spec: RuleSet) -> tuple[list[Any], list[dict[str, Any]]]:
    from gnomon.nnunet.stock import class_aware

    return [class_aware], [{"rules": spec.as_dict()}]


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
