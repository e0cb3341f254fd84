"""The program ``zoo``: its commands, error messages and exit codes."""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from zoo.console import emit_json, paint, warn
from zoo.errors import MissingExtra, ZooError, ZooWarning

INTERNAL_ERROR = 70
"""``EX_SOFTWARE`` of sysexits.h: the fault is in the program, not in its input."""

TERMINATED = 143
"""Exit code after SIGTERM, as shells expect it."""

COMMANDS = {
    "list": ("zoo.cli.models:list_models", "List the available models."),
    "info": ("zoo.cli.info:info", "Describe a model, a dataset or a reader."),
    "datasets": ("zoo.cli.models:datasets", "List the datasets that have a name."),
    "inspect-data": ("zoo.cli.datasets:inspect_data", "Show how data is read, without training."),
    "build": ("zoo.cli.models:build", "Build a model and show its layers."),
    "plugins": ("zoo.cli.plugins:plugins", "List the installed plugins."),
    "doctor": ("zoo.cli.plugins:doctor", "Find problems of this installation."),
    "check": ("zoo.cli.check:check", "Run the conformance checks of a plugin."),
    "train": ("zoo.cli.training:train", "Train a model."),
    "evaluate": ("zoo.cli.training:evaluate", "Evaluate a trained model."),
    "report": ("zoo.cli.training:report", "Write the HTML report of a run."),
    "crossvalidate": ("zoo.cli.training:crossvalidate", "Cross-validate a model."),
    "runs": ("zoo.cli.runs:runs", "List, compare and remove runs."),
    "export": ("zoo.cli.artifacts:export", "Export a model to ONNX."),
    "verify": ("zoo.cli.artifacts:verify", "Verify exported artifacts."),
    "predict": ("zoo.cli.prediction:predict", "Predict with a trained model."),
    "sample": ("zoo.cli.prediction:sample", "Sample from a generative model."),
    "bench": ("zoo.cli.artifacts:bench", "Measure the latency of artifacts."),
    "quantize": ("zoo.cli.quantization:quantize", "Quantize an artifact."),
    "diff": ("zoo.cli.artifacts:diff", "Compare two artifacts."),
    "why": ("zoo.cli.runs:why", "Trace an artifact to its origin."),
    "demo": ("zoo.cli.demo:demo", "Train, evaluate, export and verify a model."),
}
"""By name: where a command is defined, and its help in one line. Nothing is imported for --help."""

_EPILOG = """\b
Start:
  zoo demo                              train, evaluate, export and verify a model
  zoo list                              the available models
  zoo info cnn                          one of them
  zoo train cnn --data photos/          on a folder of class folders
  zoo export runs/cnn-1                 to an ONNX file that was compared with Keras
  zoo predict exports/cnn/1 seven.png   with it, without Keras

\b
Exit codes:
    0  done
    1  another error; a difference,   6  training failed
       a failed check, a skipped row
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
  NO_COLOR           no colors

\b
Shell completion:
  eval "$(_ZOO_COMPLETE=bash_source zoo)"    (or zsh_source, fish_source)
"""


class Program(click.Group):
    """The commands of the zoo and of installed packages, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, the zoo's own first."""
        return [*COMMANDS, *sorted(set(_plugin_commands()) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command by its name.

        Raises:
            RegistryError: If it is the command of a package, and cannot be loaded.
            click.NoSuchCommand: If there is none of that name, with the nearest ones.
        """
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        from zoo.api.catalog import list_commands, load_command

        if ":" not in cmd_name and cmd_name not in list_commands():
            if ctx.resilient_parsing or cmd_name.startswith("-"):
                return None
            raise click.NoSuchCommand(cmd_name, possibilities=self.list_commands(ctx), ctx=ctx)
        return load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])
        others = {k: text for k, text in _plugin_commands().items() if k not in COMMANDS}
        if others:
            with formatter.section("Commands of installed packages"):
                formatter.write_dl(sorted(others.items()))


def _plugin_commands() -> dict[str, str]:
    from zoo.api.catalog import list_commands

    return list_commands()


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from zoo.version import __version__

        click.echo(f"zoo {__version__}")
        context.exit()


@click.group(
    "zoo",
    cls=Program,
    epilog=_EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error. Works anywhere.")
def app(debug: bool) -> None:
    """Neural networks as plugins: find, build, train, evaluate, export, run."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit.

    Args:
        arguments: The command line without the program's name; by default that of the process.

    Raises:
        SystemExit: Always, with the documented code.
    """
    # Otherwise pydantic reads the metadata of every installed distribution for plugins of its own.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # The encoding of a pipe on Windows lacks characters that tables and messages have.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    before = words[: words.index("--")] if "--" in words else words
    debug, as_json = "--debug" in before, "--json" in before
    if debug:
        words.remove("--debug")
        words.insert(0, "--debug")
    code: Any = 0
    try:
        with _plain_warnings():
            code = app.main(words, prog_name="zoo", standalone_mode=False)
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort as error:
        code = 130 if isinstance(error.__cause__, KeyboardInterrupt) else 1
    except ZooError as error:
        if debug:
            raise
        _report(error, as_json=as_json)
        code = error.exit_code
    except ModuleNotFoundError as error:
        # A plugin imports its framework where it first needs it, without asking.
        from zoo.api.environment import extra_of

        package = (error.name or "").partition(".")[0]
        extra = extra_of(package)
        if debug or extra is None:
            _internal(error, debug=debug)
        missing = MissingExtra(" ".join(["zoo", *words[:1]]), extra, package)
        _report(missing, as_json=as_json)
        code = missing.exit_code
    except BrokenPipeError:
        # The interpreter flushes stdout once more on its way out, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is: three lines
        _internal(error, debug=debug)
    sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings of the zoo as sentences, without the line of code that gave them."""
    before = warnings.showwarning

    def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, ZooWarning):
            warn(str(message))
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
    print(f"{paint('error:', 'red', stream=sys.stderr)} {what}", file=sys.stderr)
    for line in rest:
        print(line, file=sys.stderr)
    print(paint(f"  ({error.code})", "dim", stream=sys.stderr), file=sys.stderr)


def _internal(error: BaseException, *, debug: bool) -> NoReturn:
    from zoo.api.plugins import responsible

    plugin = responsible(error)
    # SIGTERM ends a training so, also that of a plugin. A plugin that exits by itself must not look
    # as if all was done.
    is_exit = isinstance(error, SystemExit) and (plugin is None or error.code == TERMINATED)
    if debug or is_exit:
        raise error
    message = (str(error).strip().splitlines() or ["(no message)"])[0]
    origin = f"{plugin.label}, a plugin" if plugin else "the zoo"
    fix = f"{plugin.way_out}; " if plugin else ""
    print(
        f"{paint('internal error:', 'red', stream=sys.stderr)} {type(error).__name__}: {message}\n"
        f"  why: this is a fault of {origin}, not of your command\n"
        f"  try: {fix}the same command with --debug, and report what it shows",
        file=sys.stderr,
    )
    sys.exit(INTERNAL_ERROR)
