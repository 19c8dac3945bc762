"""What is taken out of a prediction, by rules in mm3 and probabilities that a clinician can read."""

from gnomon.postprocess.apply import Change, apply
from gnomon.postprocess.fit import Fitted, fit
from gnomon.postprocess.folder import add_changes, apply_to_folder, change_rows, write_changes
from gnomon.postprocess.parts import CaseParts
from gnomon.postprocess.search import Verdict
from gnomon.postprocess.spec import Rule, Spec, check_file, read_spec, spec_from, write_spec

__all__ = [
    "CaseParts",
    "Change",
    "Fitted",
    "Rule",
    "Spec",
    "Verdict",
    "add_changes",
    "apply",
    "apply_to_folder",
    "change_rows",
    "check_file",
    "fit",
    "read_spec",
    "spec_from",
    "write_changes",
    "write_spec",
]
