"""Postprocessing of predictions by rules in mm3 and probabilities: their search and their application."""

from gnomon.postprocess.apply import Change, apply_rules
from gnomon.postprocess.decisions import RuleDecision
from gnomon.postprocess.folder import add_changes, apply_to_folder, change_rows, write_changes
from gnomon.postprocess.parts import CaseParts
from gnomon.postprocess.rule_set import (
    PostprocessRule,
    RuleSet,
    check_rules_file,
    read_rule_set,
    rule_set_from,
    write_rule_set,
)
from gnomon.postprocess.search import RuleSearch, search_rules

__all__ = [
    "CaseParts",
    "Change",
    "PostprocessRule",
    "RuleDecision",
    "RuleSearch",
    "RuleSet",
    "add_changes",
    "apply_rules",
    "apply_to_folder",
    "change_rows",
    "check_rules_file",
    "read_rule_set",
    "rule_set_from",
    "search_rules",
    "write_changes",
    "write_rule_set",
]
