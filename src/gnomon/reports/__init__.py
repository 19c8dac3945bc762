"""Self-contained HTML and PDF made from the artifacts, and the plan in words."""

from gnomon.reports.audit_report import write_audit_report
from gnomon.reports.class_report import write_class_group_report, write_class_report
from gnomon.reports.evaluation_report import write_evaluation_report
from gnomon.reports.group_report import write_group_report
from gnomon.reports.pictured import of_dataset, of_files
from gnomon.reports.plan_text import plan_text
from gnomon.reports.run_report import write_run_report
from gnomon.reports.search_report import write_search_report

__all__ = [
    "of_dataset",
    "of_files",
    "plan_text",
    "write_audit_report",
    "write_class_group_report",
    "write_class_report",
    "write_evaluation_report",
    "write_group_report",
    "write_run_report",
    "write_search_report",
]
