"""A whole experiment: data, training, predictions, evaluation, report; for one fold and seed, or for several."""

from gnomon.pipeline.data import prepare_data
from gnomon.pipeline.group import read_seeds, run_experiment
from gnomon.pipeline.single import Outcome
from gnomon.pipeline.stages import Stages, own_folder, read_stages

__all__ = ["Outcome", "Stages", "own_folder", "prepare_data", "read_seeds", "read_stages", "run_experiment"]
