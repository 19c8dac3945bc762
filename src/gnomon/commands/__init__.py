"""The command line: `gnomon COMMAND key=value ...`, one short file a command."""

from __future__ import annotations

import sys

from gnomon.commands.launch import launch, overview


def main(command: str | None = None) -> None:
    """Run a command with the arguments of this process, and exit with its code."""
    arguments = sys.argv[1:]
    if command is None:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(overview())
            sys.exit(0 if arguments else 2)
        command, *arguments = arguments
    sys.exit(launch(command, arguments))
