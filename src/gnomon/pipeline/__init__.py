"""A whole experiment: data, training, predictions, evaluation, report; for one fold and seed, or for several."""

from gnomon.pipeline.classification import classification_data, run_classification
from gnomon.pipeline.data import prepared_data
from gnomon.pipeline.several import members_of, of_member, run_several
from gnomon.pipeline.several_classifications import run_classifications
from gnomon.pipeline.single import Outcome, run_single
from gnomon.pipeline.stages import Stages, own_folder, read_stages

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
