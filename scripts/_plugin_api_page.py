"""Generate ``docs/plugin-api.md``: what plugins are promised, by purpose, with examples.

python scripts/_api_page.py    write the page; a test compares it and runs its examples

The prose is that of ``docs/plugin-api.md.in``. A comment in it names what belongs together, and may
hold an example of what has no docstring:

    <!-- names
    zoo.files: sha256_file write_json
    >>> write_json(Path("a.json"), [1])
    -->

It becomes one line for each name, from its docstring, and one block with the examples of their
docstrings. ``<!-- slow names`` says that the examples take seconds. ``<!-- hooks -->`` becomes the
table of hooks.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _api_page
from _promised_names import MODULES, promised

from zoo import hookspecs

SOURCE = Path(__file__).parents[1] / "docs" / "plugin-api.md.in"
TARGET = SOURCE.with_suffix("")
_GROUP = re.compile(r"^<!-- (slow )?names\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^Examples?:\n((?:(?: .*)?\n)+)", re.MULTILINE)
_IMPORTS = {
    "Field": "from pydantic import Field",
    "Image": "from PIL import Image",
    "Iterable": "from collections.abc import Iterable",
    "Path": "from pathlib import Path",
    "Sequence": "from collections.abc import Sequence",
    "click": "import click",
    "keras": "import keras",
    "np": "import numpy as np",
    "tarfile": "import tarfile",
    "zipfile": "import zipfile",
    "zoo": "import zoo",
}
_WIDTH = 96


@dataclass(frozen=True)
class Group:
    """Names that belong together.

    Attributes:
        names: The names by module.
        written: Examples that the source of the page has for them.
        slow: Whether the examples take seconds.
    """

    names: tuple[tuple[str, str], ...]
    written: str
    slow: bool

    @property
    def examples(self) -> str:
        """The examples of the page and of the docstrings, with what they import."""
        found = [self.written, *(_docstring_example(_value(*name)) for name in self.names)]
        text = "\n".join(part for part in dict.fromkeys(found) if part)
        return "".join(self._imports(text)) + text

    def _imports(self, text: str) -> Iterator[str]:
        """Yield the statements that import what the examples use."""
        used = {node.id for node in _nodes(text) if isinstance(node, ast.Name)}
        bound = {
            node.id
            for node in _nodes(text)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        bound |= {
            getattr(node, "asname", None) or getattr(node, "name", None) or getattr(node, "arg", "")
            for node in _nodes(text)
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias | ast.arg)
        }
        needed = sorted(used - bound - set(vars(builtins)))
        for line in sorted(_IMPORTS[name] for name in needed if name in _IMPORTS):
            yield f">>> {line}\n"
        modules: dict[str, list[str]] = {}
        for name in needed:
            if name not in _IMPORTS and (module := self._module(name)):
                modules.setdefault(module, []).append(name)
        for module, names in sorted(modules.items()):
            line = f">>> from {module} import {', '.join(names)}"
            if len(line) > _WIDTH:
                body = textwrap.fill(", ".join(names) + ",", _WIDTH - 8)
                line = f">>> from {module} import (\n{textwrap.indent(body, '...     ')}\n... )"
            yield f"{line}\n"

    def _module(self, name: str) -> str | None:
        """Return the module of a name: that of the group, else the first that has it."""
        own = (module for module, one in self.names if one == name)
        others = (module for module in MODULES if name in promised(module))
        parent = "zoo" if f"zoo.{name}" in MODULES else None
        return next(own, None) or next(others, parent)

    def without_example(self) -> list[str]:
        """Return the names that no example uses."""
        nodes = [*_nodes(self.examples)]
        used = {getattr(node, "id", None) or getattr(node, "attr", None) for node in nodes}
        return [name for _, name in self.names if name not in used]

    def render(self) -> str:
        """Return the lines of the names and the block of examples."""
        lines = "\n".join(_line(*name) for name in self.names)
        return f"{lines}\n\n```python\n{self.examples}```"


def groups() -> list[Group]:
    """Return the groups of the page in order."""
    return [_group(match) for match in _GROUP.finditer(SOURCE.read_text("utf-8"))]


def left_out() -> list[str]:
    """Return the promised names that are in no group."""
    listed = {(name, id(_value(module, name))) for one in groups() for module, name in one.names}
    return [
        f"{module}.{name}"
        for module in MODULES
        for name in sorted(promised(module))
        if name[0] != "_" and (name, id(_value(module, name))) not in listed
    ]


def render() -> str:
    """Return the page."""
    note = f"<!-- made from {SOURCE.name} by scripts/_api_page.py -->\n\n"
    text = SOURCE.read_text("utf-8").replace("<!-- hooks -->\n", "".join(_hooks()))
    return note + _GROUP.sub(lambda match: _group(match).render(), text)


def _hooks() -> Iterator[str]:
    """Yield the lines of the table of hooks."""
    yield "| hook | arguments | when |\n| --- | --- | --- |\n"
    for name, hook in vars(hookspecs).items():
        if name.startswith("zoo_"):
            takes = ", ".join(f"`{argument}`" for argument in inspect.signature(hook).parameters)
            yield f"| `{name}` | {takes} | {_api_page.inline(inspect.getdoc(hook) or '')} |\n"


def _group(match: re.Match[str]) -> Group:
    head, found, rest = match[2].partition(">>> ")
    names = []
    for line in head.replace("\n ", " ").splitlines():
        module, _, listed = line.partition(": ")
        for name in listed.split():
            if name not in promised(module):
                raise ValueError(f"{module}.{name} is not promised")
            names.append((module, name))
    return Group(tuple(names), found + rest, match[1] is not None)


def _value(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _docstring_example(value: Any) -> str:
    found = _EXAMPLE.search(f"{_docstring(value)}\n")
    return textwrap.dedent(found[1]).strip("\n") + "\n" if found else ""


def _docstring(value: Any) -> str:
    value = getattr(value, "__wrapped__", value)
    own = inspect.isclass(value) or inspect.isfunction(value)
    return (inspect.getdoc(value) or "") if own else ""


def _nodes(text: str) -> Iterator[ast.AST]:
    for example in doctest.DocTestParser().get_examples(text):
        yield from ast.walk(ast.parse(example.source))


def _line(module: str, name: str) -> str:
    value = _value(module, name)
    summary = _docstring(value) or _api_page.constant_comment(name, value)
    first = _api_page.inline(summary.split("\n\n")[0].replace("\n", " "))
    link = f"api.md#{_api_page.anchor(_api_page.described_as(module, name))}"
    return f"- [`{_call(name, value)}`]({link}): {first}"


def _call(name: str, value: Any) -> str:
    """Return a name as it is called, without types."""
    value = getattr(value, "__wrapped__", value)
    fields = getattr(value, "model_fields", None) or getattr(value, "__struct_fields__", None)
    if fields:
        shown = ["*", *fields]
    elif (inspect.isfunction(value) and value.__doc__) or _has_arguments(value):
        shown = [*_parameters(inspect.signature(value).parameters)]
    else:
        return name
    call = f"{name}({', '.join(shown)})"
    while len(call) > _WIDTH:
        shown = [*[word for word in shown if word != "…"][:-1], "…"]
        call = f"{name}({', '.join(shown)})"
    return call


def _has_arguments(value: Any) -> bool:
    """Return whether a class has arguments of its own, or of a base class of the zoo."""
    if not inspect.isclass(value) or getattr(value, "_is_protocol", False):
        return False
    if "__init__" in vars(value):
        return True
    ours = getattr(value.__init__, "__module__", "").startswith("zoo.")
    return ours and not issubclass(value, Exception)


def _parameters(parameters: Mapping[str, inspect.Parameter]) -> Iterator[str]:
    starred = False
    for parameter in parameters.values():
        if parameter.name.startswith("_"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            yield "*"
        starred = starred or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        plain = parameter.replace(annotation=parameter.empty, default=parameter.empty)
        yield f"{plain}{default if len(default) < 24 else '=…'}"


def main() -> None:
    """Write the page."""
    TARGET.write_text(render(), encoding="utf-8")
    for name in left_out():
        print(f"{name} is promised and not on the page")
    for group in groups():
        for name in group.without_example():
            print(f"{name} has no example")
