"""Self-contained HTML from the artifacts of a run."""

from isocenter.reports.run_report import write_run_report

__all__ = ["write_run_report"]
