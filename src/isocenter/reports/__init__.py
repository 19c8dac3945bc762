"""Self-contained HTML made from the artifacts, and the plan in words."""

from isocenter.reports.group_report import write_group_report
from isocenter.reports.plan_text import plan_text
from isocenter.reports.run_report import write_run_report

__all__ = ["plan_text", "write_group_report", "write_run_report"]
