"""A whole experiment: data, training, predictions, evaluation, report; for one fold and seed, or for several."""

from isocenter.experiments.classification import classification_data, run_classification
from isocenter.experiments.data import prepared_data
from isocenter.experiments.several import members_of, of_member, run_several
from isocenter.experiments.several_classifications import run_classifications
from isocenter.experiments.single import Outcome, run_single
from isocenter.experiments.stages import Stages, own_folder, read_stages

__all__ = [
    "Outcome",
    "Stages",
    "classification_data",
    "members_of",
    "of_member",
    "own_folder",
    "prepared_data",
    "read_stages",
    "run_classification",
    "run_classifications",
    "run_several",
    "run_single",
]
