"""Packages that extend Gnomon: `gnomon new` writes one to begin with."""

from gnomon.projects.new_project import create_project

__all__ = ["create_project"]
