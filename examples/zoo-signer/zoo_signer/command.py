"""``zoo-signer``: make a key, sign what was exported before, verify with an exit code."""

# ruff: noqa: T201 - a command prints

import argparse
import sys
from pathlib import Path

import zoo
import zoo.runtime
from zoo_signer.keys import key_file, make_key
from zoo_signer.signatures import sign, verify


def main(arguments=None):
    """Run the program; an error of the zoo is three lines and its own exit code."""
    parser = argparse.ArgumentParser(prog="zoo-signer", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    keygen = commands.add_parser("keygen", help="make the key that signs, and its public half")
    keygen.add_argument("--key", type=Path, default=key_file(), help="where (default: %(default)s)")
    for name, text in (
        ("sign", "prove an artifact again, and sign it"),
        ("verify", "prove an artifact again, and check who signed it"),
    ):
        commands.add_parser(name, help=text).add_argument("artifact", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.command == "keygen":
            print(make_key(options.key))
            return
        # A signature of the manifest says nothing of files that no longer match it. This way
        # round calls no hooks, so a signature is not asked for before it is made.
        zoo.runtime.verify(options.artifact)
        if options.command == "sign":
            print(sign(options.artifact))
        else:
            print(f"{options.artifact}: signed by {verify(options.artifact)}")
    except zoo.ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


__all__ = ["main"]
