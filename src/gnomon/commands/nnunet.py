"""gnomon nnunet: data sets, plans, models, predictions and postprocessing, to nnU-Net and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gnomon.commands.launch import DONE, UNPROCESSED
from gnomon.commands.sections import NnunetCommand
from gnomon.commands.settings import folder_from, required_path, scheme_from
from gnomon.dataset.dataset import Dataset, read_dataset
from gnomon.io.artifacts import read_json, write_json
from gnomon.io.console import print_findings, say
from gnomon.io.images import read_grid
from gnomon.nnunet import (
    PLANS_NAME,
    NnunetFolders,
    dataset_name,
    export_dataset,
    import_model,
    import_predictions,
    nnunet_plans,
    renumber_labels,
    write_stock_postprocessing,
)
from gnomon.postprocess import read_rule_set
from gnomon.preparation import RawDataset, read_raw_dataset
from gnomon.rules.catalogue.nnunet import AXES_MISMATCH
from gnomon.rules.catalogue.usage import IMPORT_ARGUMENTS


def run(config: NnunetCommand) -> int:
    """Export, import or write postprocessing; exit code 3 where a case could not be processed."""
    verbs = {"export": _export, "import": _import, "postprocess": _postprocess}
    return verbs[config.verb](config)


def _export(config: NnunetCommand) -> int:
    source = read_raw_dataset(
        required_path(NnunetCommand, "root", config.root),
        folder_from(config.labels),
        scheme_from(config.label_names),
        config.patient_pattern,
    )
    name = dataset_name(int(config.dataset_id), str(config.name))
    folders = NnunetFolders(Path(config.output).expanduser(), name)
    prepared = None if config.prepared is None else read_dataset(Path(config.prepared).expanduser())
    only = None if prepared is None else _cases(prepared)
    if prepared is not None and config.orientation == "native":
        _check_axes(source, only or set())
    findings = [*source.findings, *export_dataset(source, folders, config.orientation, only)]
    print_findings(findings)
    commands = [f"nnUNetv2_plan_and_preprocess -d {config.dataset_id} -c 3d_fullres"]
    if prepared is not None:
        _write_prepared(prepared, config.net, folders)
        commands = [
            f"nnUNetv2_extract_fingerprint -d {config.dataset_id}",
            f"nnUNetv2_preprocess -d {config.dataset_id} -plans_name {PLANS_NAME} -c 3d_fullres",
            f"nnUNetv2_train {config.dataset_id} 3d_fullres 0 -p {PLANS_NAME}",
        ]
    say(f"data set: {folders.raw_folder}")
    for variable, value in folders.environment.items():
        say(f"  export {variable}={value}")
    for command in commands:
        say(f"  {command}")
    return UNPROCESSED if findings else DONE


def _write_prepared(prepared: Dataset, net: dict[str, Any], folders: NnunetFolders) -> None:
    """Splits and plan of a prepared data set, where nnU-Net looks for them."""
    index = read_json(prepared.folder.index, "the prepared data set")
    splits = [{"train": list(train), "val": list(val)} for train, val in prepared.splits.folds]
    plans = nnunet_plans(prepared.plan, net, index["fingerprint"], folders.name)
    for place in (folders.raw_folder, folders.preprocessed_folder):
        write_json(place / "splits_final.json", splits)
    write_json(folders.preprocessed_folder / f"{PLANS_NAME}.json", plans)
    write_json(
        folders.preprocessed_folder / "dataset.json", read_json(folders.raw_folder / "dataset.json", "the export")
    )


def _cases(prepared: Dataset) -> set[str]:
    """All that were prepared, but for a test set, which nnU-Net is not to see."""
    return {name for train, val in prepared.splits.folds for name in (*train, *val)}


def _check_axes(source: RawDataset, names: set[str]) -> None:
    """A plan has one order of axes; files in another would be trained on with the wrong one."""
    for case in source.cases:
        if case.name in names and read_grid(case.image).reorientation_to("RAS").source_axis != (0, 1, 2):
            raise AXES_MISMATCH.refusal(
                f"case {case.name}", found=f"axes in the order {read_grid(case.image).orientation}"
            )


def _import(config: NnunetCommand) -> int:
    output = Path(config.output).expanduser()
    if (config.model is None) == (config.predictions is None):
        raise IMPORT_ARGUMENTS.refusal("model, predictions", found="neither or both")
    if config.model is not None:
        for run in import_model(Path(config.model).expanduser(), str(config.fold), output):
            say(f"run: {run}")
        say(f"  gnomon predict run={output} input=IMAGES output=PREDICTIONS")
        return DONE
    predictions = required_path(NnunetCommand, "predictions", config.predictions)
    description = read_json(required_path(NnunetCommand, "dataset_json", config.dataset_json), "nnU-Net's data set")
    findings = import_predictions(predictions, description, output)
    print_findings(findings)
    say(f"predictions: {output}")
    return UNPROCESSED if findings else DONE


def _postprocess(config: NnunetCommand) -> int:
    file = folder_from(config.dataset_json)
    description = None if file is None else read_json(file, "nnU-Net's data set")
    rules = read_rule_set(required_path(NnunetCommand, "rules", config.rules), scheme_from(config.label_names))
    spec = renumber_labels(rules, description)
    output = Path(config.output).expanduser()
    route = write_stock_postprocessing(spec, output, config.route)
    needs = "needs gnomon installed beside nnU-Net" if route == "own" else "needs nothing of gnomon"
    say(f"{output / 'postprocessing.pkl'}: {needs}")
    say(f"  nnUNetv2_apply_postprocessing -i PREDICTIONS -o OUTPUT -pp_pkl_file {output / 'postprocessing.pkl'}")
    return DONE
