"""The program ``zoo``: its commands, what it prints when something is wrong, its exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any, NoReturn

import typer

from zoo.cli import (
    artifacts,
    checks,
    cross_validation,
    damage,
    demo,
    diff,
    models,
    quantization,
    runs,
    sampling,
    scaffolding,
    serving,
    training,
)
from zoo.cli.output import emit_json, paint
from zoo.cli.quiet import native_chatter_hidden
from zoo.errors import MissingExtra, ZooError, ZooWarning

INTERNAL_ERROR = 70
"""``EX_SOFTWARE`` of sysexits.h: the fault is in the program, not in what it was given."""

_HEAVY = {
    *("build", "check", "crossvalidate", "damage-report", "demo", "evaluate", "export"),
    *("predict", "quantize", "sample", "train", "why"),
}
"""The commands that may import a framework."""

_EPILOG = """\b
Start:
  zoo demo                              train, measure, export and prove a network
  zoo list                              the models there are
  zoo info cnn                          one of them
  zoo train cnn --data photos/          on a folder of class folders
  zoo export runs/cnn-1                 to an ONNX file that was compared with Keras
  zoo predict exports/cnn/1 seven.png   with it, without Keras

\b
Exit codes:
    0  done
    1  another error; a difference,   6  training failed
       a failed check
    2  wrong command line             7  an export failed
    3  a model cannot be found        8  an artifact is not what it claims
    4  a configuration is wrong       9  an optional package is missing
    5  data is wrong or missing      10  a folder cannot be written
                                     11  a hook package failed
   70  internal error (--debug shows it)
  130  interrupted (Ctrl-C)       143  terminated (SIGTERM)

\b
Environment:
  ZOO_CACHE          where downloads go (~/.cache/zoo)
  ZOO_CONFIG         the zoo.toml that says which plugins may run
                     (~/.config/zoo/zoo.toml)
  ZOO_OFFLINE=1      any use of the network is an error
  ZOO_PROBE_SECONDS  how long a plugin of others may take to import (60)
  NO_COLOR           no colors
"""

app = typer.Typer(
    name="zoo",
    help="Neural networks as plugins: find, build, train, evaluate, export, run.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"zoo {version('neural-zoo')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. Works anywhere.")
    ] = False,
) -> None:
    pass


_GROUPS = (
    *(models, checks, training, cross_validation, runs, artifacts),
    *(sampling, damage, quantization, diff, serving, scaffolding, demo),
)
for _group in _GROUPS:
    _group.add_commands(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit.

    Args:
        arguments: The command line without the program's name; that of the process if left out.

    Raises:
        SystemExit: Always, with the documented code.
    """
    # Else pydantic reads every installed distribution's metadata for plugins of its own, and
    # imports them: a thousand plugins of the zoo would be read twice.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = list(sys.argv[1:] if arguments is None else arguments)
    before = words[: words.index("--")] if "--" in words else words
    debug, as_json = "--debug" in before, "--json" in before
    if debug:
        words.remove("--debug")
    try:
        quiet = nullcontext() if debug or _HEAVY.isdisjoint(words[:1]) else native_chatter_hidden()
        with quiet, _warnings_for_people():
            typer.main.get_command(app).main(words, prog_name="zoo")
    except ZooError as error:
        if debug:
            raise
        _report(error, as_json=as_json)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        # A plugin imports its framework where it first needs it, without asking.
        from zoo.api.packages import extra_of

        package = (error.name or "").partition(".")[0]
        extra = extra_of(package)
        if debug or extra is None:
            _internal(error, debug=debug)
        missing = MissingExtra(" ".join(["zoo", *words[:1]]), extra, package)
        _report(missing, as_json=as_json)
        sys.exit(missing.exit_code)
    except BrokenPipeError:
        _close_quietly()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - whatever it is, a person gets three lines
        _internal(error, debug=debug)


@contextmanager
def _warnings_for_people() -> Iterator[None]:
    """Print warnings of the zoo as sentences, without the line of code that gave them."""
    before = warnings.showwarning

    def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, ZooWarning):
            print(f"{paint('warning:', 'yellow')} {message}", file=sys.stderr)
        else:
            before(message, category, *rest, **more)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _report(error: ZooError, *, as_json: bool) -> None:
    if as_json:
        emit_json(error.as_dict(), file=sys.stderr)
        return
    what, *rest = str(error).splitlines() or [type(error).__name__]
    print(f"{paint('error:', 'red')} {what}", file=sys.stderr)
    for line in rest:
        print(line, file=sys.stderr)
    print(paint(f"  ({error.code})", "dim"), file=sys.stderr)


def _internal(error: Exception, *, debug: bool) -> NoReturn:
    if debug:
        raise error
    print(
        f"{paint('internal error:', 'red')} {type(error).__name__}: {_first_line(error)}\n"
        "  why: this is a fault of the zoo or of a plugin, not of your command\n"
        "  try: the same command with --debug, and report what it shows",
        file=sys.stderr,
    )
    sys.exit(INTERNAL_ERROR)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["(no message)"])[0]


def _close_quietly() -> None:
    # The interpreter flushes stdout once more on its way out, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


__all__ = ["INTERNAL_ERROR", "app", "main"]
