"""Rules -> the postprocessing.pkl and .json that the unmodified nnUNetv2_apply_postprocessing applies."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gnomon.core.provenance import sha256_of_file
from gnomon.io.artifacts import write_bytes, write_json
from gnomon.postprocess import Rule, Spec, spec_from, write_spec
from gnomon.rules.catalogue.nnunet import LABEL_VALUES_UNKNOWN, RULES_NOT_EXPRESSIBLE

ROUTES = ("auto", "own", "stock")


def write_stock_postprocessing(spec: Spec, output: Path, route: str = "auto") -> str:
    """Write postprocessing.pkl, .json and the rules beside them.

    Args:
        spec: over nnU-Net's own label values, 1, 2, ...
        route: `stock` writes nnU-Net's own functions, which need nothing of ours; `own` a function of ours, which
            knows mm3; `auto` the first where the rules can be said with it.

    Returns:
        The route taken.

    Raises:
        Refusal: NNU104, rules that stock functions cannot say.
    """
    plain = [stock_call(spec, rule) for rule in spec.rules]
    if route == "stock" and None in plain:
        rule = spec.rules[plain.index(None)]
        raise RULES_NOT_EXPRESSIBLE.refusal(
            f"rule of {rule.structure}", found="more than keeping the largest component"
        )
    taken = "own" if route == "own" or None in plain else "stock"
    functions, arguments = _stock_calls(plain) if taken == "stock" else _own_call(spec)
    output.mkdir(parents=True, exist_ok=True)
    write_bytes(output / "postprocessing.pkl", pickle.dumps((functions, arguments)))
    write_json(
        output / "postprocessing.json",
        {
            "postprocessing_fns": [function.__name__ for function in functions],
            "postprocessing_kwargs": [{key: _listed(value) for key, value in one.items()} for one in arguments],
            "gnomon_rules_sha256": spec.sha256,
            "postprocessing_pkl_sha256": sha256_of_file(output / "postprocessing.pkl"),
        },
    )
    write_spec(output / "rules.yaml", spec, f"what postprocessing.pkl does; sha256 {spec.sha256}")
    return taken


def stock_call(spec: Spec, rule: Rule) -> dict[str, Any] | None:
    """The arguments of nnU-Net's own function that say a rule; None where they cannot."""
    said = {"structure", "reason", "keep_largest"}
    if not rule.keep_largest or set(rule.as_dict()) - said:
        return None
    values = spec.values_of(rule.structure)
    return {"labels_or_regions": values[0] if len(values) == 1 else list(values)}


def for_channels(spec: Spec, description: Mapping[str, Any] | None) -> Spec:
    """The same rules over the values in nnU-Net's files.

    Args:
        description: nnU-Net's dataset.json, which says them; None where the rules' own are 1, 2, ... already.

    Raises:
        Refusal: NNU109, the values are not known, or nnU-Net has no label of a name.
    """
    values = {name: value for name, value in spec.labels}
    if description is None:
        if sorted(values.values()) == list(range(1, len(values) + 1)):
            return spec
        raise LABEL_VALUES_UNKNOWN.refusal("label values", found=str(values))
    theirs = {str(name): value for name, value in description["labels"].items()}
    if unknown := sorted(values.keys() - theirs.keys()):
        raise LABEL_VALUES_UNKNOWN.refusal(
            "label values",
            found=f"no label {', '.join(unknown)} in nnU-Net's data set",
            expected=f"labels among {', '.join(theirs)}",
        )
    return spec_from({**spec.as_dict(), "labels": {name: theirs[name] for name in values}}, "rules")


def _stock_calls(calls: Sequence[dict[str, Any] | None]) -> tuple[list[Any], list[dict[str, Any]]]:
    from nnunetv2.postprocessing.remove_connected_components import (
        remove_all_but_largest_component_from_segmentation as keep_largest,
    )

    arguments = [call for call in calls if call is not None]
    return [keep_largest] * len(arguments), arguments


def _own_call(spec: Spec) -> tuple[list[Any], list[dict[str, Any]]]:
    from gnomon.nnunet.stock import class_aware

    return [class_aware], [{"rules": spec.as_dict()}]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
