"""The command line: parse, call the public API, print."""

from zoo.cli.program import main as main
