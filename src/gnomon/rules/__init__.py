"""What the program can find wrong: rules, findings, severities and policies."""
