"""What is taken out of a prediction, by rules in mm3 and probabilities that a clinician can read."""

from isocenter.postprocess.apply import Change, apply
from isocenter.postprocess.fit import Fitted, fit
from isocenter.postprocess.folder import add_changes, apply_to_folder, change_rows, write_changes
from isocenter.postprocess.parts import CaseParts
from isocenter.postprocess.search import SearchSettings, Verdict
from isocenter.postprocess.spec import Rule, Spec, check_file, read_spec, spec_from, write_spec

__all__ = [
    "CaseParts", "Change", "Fitted", "Rule", "SearchSettings", "Spec", "Verdict", "add_changes", "apply",
    "apply_to_folder", "change_rows", "check_file", "fit", "read_spec", "spec_from", "write_changes", "write_spec",
]  # fmt: skip
