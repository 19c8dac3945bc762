"""Everything that touches the disk or the terminal: artifacts, folders, images, locks, console."""
