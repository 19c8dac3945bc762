def write_run_report(folder, dataset, fold): pass
