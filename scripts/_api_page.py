"""Generate ``docs/api.md``, the reference of the public Python API, from signatures and docstrings.

python scripts/_api_page.py    write this page and that of _plugin_api_page.py; tests compare them
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from _promised_names import MODULES, promised
from pydantic import BaseModel

TARGET = Path(__file__).parents[1] / "docs" / "api.md"
_INTRO = """\
# Python API

Every public name of the package, generated from its signature and docstring by
`python scripts/_api_page.py`. [The plugin interface](plugin-api.md) groups them by purpose, and
[errors](errors.md) has a table of all errors.
"""
_SECTION = re.compile(
    r"^(Args|Attributes|Returns|Yields|Raises|Shapes|Input shapes?|Output shapes?|Call arguments|"
    r"Examples?|References?|Notes?):$"
)
_WIDTH = 100


def render() -> str:
    """Return the page."""
    spaces = {name: _names(name) for name in MODULES}
    parts = [_INTRO, "".join(_contents(name, names) for name, names in spaces.items())]
    for module, names in spaces.items():
        text = _prose(inspect.getdoc(importlib.import_module(module)))
        parts.append(f"## {_title(module)}\n\n{text}\n")
        for name, value in names.items():
            known = described_as(module, name)
            if known == f"{module}.{name}":
                parts.append(_entry(module, name, value))
            else:
                parts.append(f"### {module}.{name}\n\nThe same as [`{known}`](#{anchor(known)}).\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip("\n") + "\n"


def _names(module: str) -> dict[str, Any]:
    found = importlib.import_module(module)
    return {name: getattr(found, name) for name in sorted(found.__all__) if name[:1] != "_"}


def described_as(module: str, name: str) -> str:
    """Return the first public name of an object: `zoo.Score` for `zoo.metrics.Score`."""
    value = getattr(importlib.import_module(module), name)
    return next(
        f"{one}.{name}"
        for one in MODULES
        if name in promised(one) and getattr(importlib.import_module(one), name) is value
    )


def _title(module: str) -> str:
    # Not the name alone: zoo.architecture and zoo.Architecture would be one anchor.
    return f"Module {module}"


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _contents(module: str, names: dict[str, Any]) -> str:
    links = ", ".join(f"[`{name}`](#{anchor(f'{module}.{name}')})" for name in names)
    return f"- [`{module}`](#{anchor(_title(module))}): {links}\n"


def _entry(module: str, name: str, value: Any) -> str:
    title = f"### {module}.{name}\n"
    if inspect.isclass(value):
        return "\n".join([title, *_class(name, value)])
    value = getattr(value, "__wrapped__", value)
    if inspect.isfunction(value) and value.__doc__:
        return "\n".join([title, _code(_signature(name, value)), _prose(inspect.getdoc(value)), ""])
    return "\n".join(
        [title, _code(f"{name} = {_annotation(value)}"), _prose(constant_comment(name, value))]
    )


def constant_comment(name: str, value: Any) -> str:
    """Return the string below the assignment of a constant."""
    for module in [*sys.modules.values()]:
        if module.__name__.startswith("zoo.") and vars(module).get(name) is value:
            body = ast.parse(inspect.getsource(module)).body
            for node, after in itertools.pairwise(body):
                match node, after:
                    case (
                        ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(ast.Name(found)),
                        ast.Expr(ast.Constant(str(text))),
                    ) if found == name:
                        return inspect.cleandoc(text)
    return ""


def _class(name: str, kind: type) -> Iterator[str]:
    if issubclass(kind, enum.Enum):
        yield _code("\n".join(f"{name}.{member.name} = {member.value!r}" for member in kind))
    elif issubclass(kind, msgspec.Struct):
        # Their annotations hold ranges and patterns, which the docstring says in words.
        yield _code(_call(name, ["*", *kind.__struct_fields__]))
    elif issubclass(kind, BaseModel):
        yield _code(_call(name, ["*", *kind.model_fields]))
    elif issubclass(kind, Exception):
        yield _code(f"class {name}({kind.__bases__[0].__name__})")
    elif not getattr(kind, "_is_protocol", False):
        yield _code(_signature(name, kind))
    text = inspect.getdoc(kind) or ""
    yield _prose(text)
    if issubclass(kind, BaseModel) and "Attributes:" not in text:
        described = ((key, field.description) for key, field in kind.model_fields.items())
        fields = [f"- `{key}`: {description}" for key, description in described if description]
        if fields:
            yield "\n".join(["", "**Fields**", "", *fields])
    methods = [*_methods(kind)]
    if methods:
        yield "\n".join(["", "**Methods and properties**", "", *methods])
    yield ""


def _methods(kind: type) -> Iterator[str]:
    for name, member in [*vars(kind).items()]:
        inner = getattr(member, "__func__", getattr(member, "func", member))
        inner = member.fget if isinstance(member, property) else inner
        # Keras and pydantic call some methods themselves; those have no docstring of their own.
        if name.startswith("_") or not inspect.isfunction(inner) or not inner.__doc__:
            continue
        first = inline(inspect.cleandoc(inner.__doc__).split("\n\n")[0].replace("\n", " "))
        shown = name
        if inspect.isfunction(member) or hasattr(member, "__func__"):
            takes = [p for p in inspect.signature(inner).parameters if p not in ("self", "cls")]
            shown = f"{name}({', '.join(takes)})"
        yield f"- `{shown}`: {first}"


def _signature(name: str, value: Callable[..., Any]) -> str:
    signature = inspect.signature(value)
    shown: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(s[0] == "*" for s in shown):
            shown.append("*")
        text = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        typed = parameter.annotation is not parameter.empty
        text += f": {_annotation(parameter.annotation)}" if typed else ""
        if parameter.default is not parameter.empty:
            default = re.sub(r"<(?:function )?(\w+).*>", r"\1", repr(parameter.default))
            text += f" = {default}" if typed else f"={default}"
        shown.append(text)
    returned = signature.return_annotation
    plain = inspect.isclass(value) or returned is signature.empty
    after = "" if plain else f" -> {_annotation(returned)}"
    return _call(name, shown, after)


def _call(name: str, arguments: Sequence[str], after: str = "") -> str:
    line = f"{name}({', '.join(arguments)}){after}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {text}," for text in arguments), f"){after}"])


def _annotation(value: Any) -> str:
    if isinstance(value, str):
        return value
    if inspect.isclass(value) and not getattr(value, "__args__", None):
        return str(value.__name__)
    if hasattr(value, "__metadata__"):
        value = value.__origin__
    if isinstance(value, frozenset):
        return f"frozenset({sorted(value)!r})"
    text = repr(value)
    if " at 0x" in text:
        return type(value).__name__
    text = re.sub(r"Annotated\[(\w+), FieldInfo\(.*?\]\)\]", r"\1", text)
    text = re.sub(r"\b(?:typing|collections\.abc|zoo(?:\.\w+)+)\.", "", text)
    return re.sub(r"'(\w+\.\w+)'", r"\1", text)


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"


def inline(text: str) -> str:
    """Write reStructuredText's marks as Markdown's."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return text.replace("``", "`")


def _prose(text: str | None) -> str:
    """Write a Google-style docstring as Markdown."""
    lines = (text or "").splitlines()
    shown: list[str] = []
    at = 0
    while at < len(lines):
        found = _SECTION.match(lines[at])
        if found is None:
            indented = lines[at].startswith("    ")
            block = [lines[at]]
            while indented and at + 1 < len(lines) and lines[at + 1][:4] in ("", "    "):
                at += 1
                block.append(lines[at])
            shown += _block(block) if indented else [inline(lines[at])]
            at += 1
            continue
        at += 1
        begin = at
        while at < len(lines) and (not lines[at] or lines[at].startswith(" ")):
            at += 1
        body = textwrap.dedent("\n".join(lines[begin:at])).strip("\n").splitlines()
        shown += [f"**{found[1]}**", ""]
        shown += _block(body) if found[1].startswith("Example") else [*_items(body), ""]
    return "\n".join(shown).strip("\n") + "\n"


def _block(lines: list[str]) -> list[str]:
    text = textwrap.dedent("\n".join(lines)).strip("\n")
    return ["", "```python", text, "```", ""]


def _items(lines: list[str]) -> list[str]:
    """Write the entries of a section as a list; free text stays a paragraph."""
    shown: list[str] = []
    for line in lines:
        entry = re.match(r"^(\*{0,2}[\w.]+(?:, \*{0,2}\w+)*): (.*)$", line)
        if entry is not None:
            shown.append(f"- `{entry[1]}`: {inline(entry[2])}")
        elif shown and line.startswith("    ") and shown[-1].strip():
            shown.append(f"  {inline(line.strip())}")
        else:
            shown.append(inline(line.strip()))
    return shown


def main() -> None:
    """Write the page, and the one that is made from the same docstrings."""
    # It takes its words from here.
    import _plugin_api_page

    TARGET.write_text(render(), encoding="utf-8")
    _plugin_api_page.main()


if __name__ == "__main__":
    main()
