"""The command line: parse, call the public API, print. One module a group of commands."""

from zoo.cli.program import main

__all__ = ["main"]
