"""The command line: `gnomon COMMAND key=value ...`, one short module per command."""

from __future__ import annotations

import sys

from gnomon import __version__
from gnomon.commands import launch


def main(command: str | None = None) -> None:
    """Run a command with the arguments of this process, and exit with its code."""
    arguments = sys.argv[1:]
    if command is None:
        if arguments[:1] in (["--version"], ["-V"]):
            print(f"gnomon {__version__}")
            sys.exit(0)
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(launch.overview())
            sys.exit(0 if arguments else 2)
        command, *arguments = arguments
    sys.exit(launch.launch(command, arguments))
