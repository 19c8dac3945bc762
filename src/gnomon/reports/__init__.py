"""Self-contained HTML and PDF reports made from the artifacts, and the plan as text."""

from gnomon.reports.audit_report import write_audit_report
from gnomon.reports.case_images import images_of_dataset, images_of_files
from gnomon.reports.class_report import write_class_group_report, write_class_report
from gnomon.reports.evaluation_report import write_evaluation_report
from gnomon.reports.group_report import write_group_report
from gnomon.reports.plan_text import describe_plan
from gnomon.reports.run_report import write_run_report
from gnomon.reports.search_report import write_search_report

__all__ = [
    "describe_plan",
    "images_of_dataset",
    "images_of_files",
    "write_audit_report",
    "write_class_group_report",
    "write_class_report",
    "write_evaluation_report",
    "write_group_report",
    "write_run_report",
    "write_search_report",
]
