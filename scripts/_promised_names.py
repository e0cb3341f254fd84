"""Say whether plugins import only names that plugins are promised.

python scripts/_promised_names.py    print every other name; exit 1 if there is one

Looks at the packages under plugins/, the templates of ``zoo new`` and the examples: who copies them
copies what they import. A promise is a name in the ``__all__`` of one of the modules below.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = (
    "zoo",
    "zoo.architecture",
    "zoo.config",
    "zoo.console",
    "zoo.data",
    "zoo.environment",
    "zoo.errors",
    "zoo.files",
    "zoo.hookspecs",
    "zoo.layers",
    "zoo.metrics",
    "zoo.metrics.captioning",
    "zoo.metrics.corruptions",
    "zoo.metrics.figures",
    "zoo.metrics.intervals",
    "zoo.metrics.overlays",
    "zoo.metrics.reconstruction",
    "zoo.metrics.roc",
    "zoo.metrics.saliency",
    "zoo.metrics.scores",
    "zoo.metrics.translation",
    "zoo.names",
    "zoo.report",
    "zoo.runtime",
    "zoo.sklearn",
    "zoo.spec",
    "zoo.testing",
)
"""Modules that plugins may import; docs/plugin-api.md and docs/api.md are made from them."""


@functools.cache
def promised(module: str) -> frozenset[str]:
    """Return the names of a module that plugins may use."""
    place = ROOT / module.replace(".", "/")
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    for node in ast.parse(file.read_text("utf-8")).body:
        match node:
            # Read and not imported where that is possible: zoo.layers imports keras.
            case ast.Assign(targets=[ast.Name("__all__")], value=ast.List() as names):
                return frozenset(ast.literal_eval(names))
    return frozenset(importlib.import_module(module).__all__)


def is_promised(name: str) -> bool:
    """Return whether a dotted name is a promised module, or a promised name of one."""
    module, _, last = name.rpartition(".")
    return name in MODULES or (module in MODULES and last in promised(module))


def used_names(source: str) -> list[tuple[int, str]]:
    """Return the line and the dotted name of everything that a module takes from the zoo."""
    nodes = [*ast.walk(ast.parse(source))]
    found: set[tuple[int, str]] = set()
    modules: dict[str, str] = {}
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(module), level=0) if _is_ours(module):
                for alias in node.names:
                    name = f"{module}.{alias.name}"
                    found.add((node.lineno, name))
                    if name in MODULES:
                        modules[alias.asname or alias.name] = name
            case ast.Import():
                for alias in node.names:
                    if _is_ours(alias.name):
                        found.add((node.lineno, alias.name))
                        modules[alias.asname or "zoo"] = alias.name if alias.asname else "zoo"
    for node in nodes:
        if isinstance(node, ast.Attribute) and (name := _dotted(node, modules)):
            found.add((node.lineno, name))
    return sorted(found)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "zoo"


def _dotted(node: ast.expr, modules: Mapping[str, str]) -> str:
    """Return the name that an expression looks up in a module: ``zoo.errors.DataError``."""
    if isinstance(node, ast.Name):
        return modules.get(node.id, "")
    if not isinstance(node, ast.Attribute):
        return ""
    inside = _dotted(node.value, modules)
    # What is an attribute of a class is part of the class.
    return f"{inside}.{node.attr}" if inside in MODULES else inside


def files() -> list[Path]:
    """Return the modules that are held to the promise."""
    found = [
        path
        for folder in ("plugins", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.name.endswith((".py", ".py.template"))
    ]
    return sorted(path for path in found if ".venv" not in path.parts)


def main() -> int:
    """Print what is not promised."""
    wrong = 0
    for path in files():
        source = re.sub(r"\$\{(\w+)\}", r"\1", path.read_text("utf-8"))
        for line, name in used_names(source):
            if not is_promised(name):
                wrong += 1
                print(f"{path.relative_to(ROOT)}:{line}: {name} is not promised to plugins")
    if wrong:
        print("see docs/plugin-api.md; a promise is a name in the __all__ of a module there")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
