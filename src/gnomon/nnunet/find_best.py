"""`gnomon-nnunet-find-best`: nnUNetv2_find_best_configuration with the postprocessing search of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gnomon.core.labels import LabelScheme
from gnomon.io.artifacts import read_json
from gnomon.io.console import say
from gnomon.nnunet.postprocessing import write_stock_postprocessing
from gnomon.postprocess import apply_to_folder, search_rules
from gnomon.settings import SearchSettings


def determine_postprocessing(
    folder_predictions: str,
    folder_ref: str,
    plans_file_or_dict: str | dict[str, Any],
    dataset_json_file_or_dict: str | dict[str, Any],
    num_processes: int = 2,
    keep_postprocessed_files: bool = True,
) -> tuple[list[Callable[..., Any]], list[dict[str, Any]]]:
    """Search rules on held-out predictions; has the signature of nnU-Net's function, which it replaces.

    Writes postprocessing.pkl and .json, rules.yaml, search.json, and `postprocessed/` with nnU-Net's own summary.json
    into the folder of the predictions.
    """
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    predictions, references = Path(folder_predictions), Path(folder_ref)
    given = dataset_json_file_or_dict
    description = read_json(Path(given), "nnU-Net's results") if isinstance(given, str) else given
    labels = nnunet_labels(description)
    result = search_rules(
        predictions,
        references,
        labels,
        predictions / "gnomon",
        SearchSettings(),
        splits=_splits(references),
        workers=num_processes,
    )
    for decision in result.decisions:
        outcome = "adopted" if decision.adopted else "rejected"
        say(f"  {decision.structure}: {outcome} {decision.setting}: {decision.reason}")
    route = write_stock_postprocessing(result.spec, predictions)
    say(
        f"postprocessing.pkl: {len(result.spec.rules)} rule(s), {'with' if route == 'own' else 'without'} functions "
        "of gnomon"
    )
    processed = predictions / "postprocessed"
    apply_to_folder(result.spec, predictions, processed, workers=num_processes)
    plans = PlansManager(plans_file_or_dict)
    manager = plans.get_label_manager(description)
    compute_metrics_on_folder(
        str(references),
        str(processed),
        str(processed / "summary.json"),
        plans.image_reader_writer_class(),
        description["file_ending"],
        manager.foreground_labels,
        manager.ignore_label,
        num_processes,
    )
    return [], []


def nnunet_labels(description: Mapping[str, Any]) -> LabelScheme:
    """Labels with the values in nnU-Net's files: 1, 2, ..."""
    return LabelScheme.from_names(description["labels"])


def main() -> None:
    """Run nnU-Net's command, with its arguments and the search of this package."""
    from nnunetv2.evaluation import find_best_configuration

    find_best_configuration.determine_postprocessing = determine_postprocessing
    find_best_configuration.find_best_configuration_entry_point()


def _splits(references: Path) -> Path | None:
    """splits_final.json, which nnU-Net keeps beside gt_segmentations."""
    found = references.parent / "splits_final.json"
    return found if found.is_file() else None
