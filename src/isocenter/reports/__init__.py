from isocenter.reports.run_report import write_run_report
