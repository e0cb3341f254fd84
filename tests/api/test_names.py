"""The public names: what they are, what they cost, how they are documented."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import zoo

FUNCTIONS = sorted(
    name for name in zoo.__all__ if inspect.isroutine(getattr(zoo, name)) and name != "hookimpl"
)
KINDS = sorted(name for name in zoo.__all__ if inspect.isclass(getattr(zoo, name)))


def _imported_for_types(module: ModuleType) -> list[str]:
    """Return the names that type checkers see."""
    names = []
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                names += [alias.asname for alias in line.names]
                if line.module == "zoo._model_types":  # all of what is generated
                    names += ["build", "train"]
    return [name for name in names if name is not None]


def test_all_is_sorted_and_names_nothing_twice():
    assert zoo.__all__ == sorted(set(zoo.__all__))


def test_type_checkers_see_exactly_the_public_names():
    modules = {"console", "data", "errors", "layers", "metrics", "runtime", "sklearn"}
    assert sorted({*_imported_for_types(zoo), "__version__"} - modules) == zoo.__all__


def test_dir_is_all():
    assert dir(zoo) == zoo.__all__


def test_every_public_name_is_there():
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        zoo.biuld  # noqa: B018 - the access is what fails


def test_no_package_inside_bears_the_name_of_a_public_function():
    packages = {module.name for module in pkgutil.iter_modules(zoo.__path__)}
    assert packages.isdisjoint(zoo.__all__)


def test_functions_stay_functions_whatever_is_imported():
    import zoo.exporting
    import zoo.training

    assert callable(zoo.train)
    assert callable(zoo.export)


def test_importing_the_zoo_imports_nothing_heavy_and_no_plugin():
    program = (
        "import json, sys; before = set(sys.modules); import zoo; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = json.loads(done.stdout)
    assert [name for name in modules if name.partition(".")[0] == "zoo"] == [
        *("zoo", "zoo.keras_import", "zoo.version")
    ]
    assert {name.partition(".")[0] for name in modules} <= {"zoo", *sys.stdlib_module_names}


def test_listing_and_describing_models_imports_no_framework():
    program = (
        "import json, sys, zoo; [zoo.info(name) for name in zoo.list_models()]; zoo.doctor(); "
        "zoo.plugins(); print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"keras", "onnx", "onnxruntime", "tensorflow", "tf2onnx", "torch", "transformers"}
    assert heavy.isdisjoint(json.loads(done.stdout))


@pytest.mark.parametrize("name", [*FUNCTIONS, *KINDS])
def test_every_public_name_has_a_docstring_with_a_first_sentence(name):
    first = (inspect.getdoc(getattr(zoo, name)) or "").partition("\n")[0]
    assert first.endswith((".", ":")), first


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_of_a_public_function_is_documented(name):
    function = getattr(zoo, name)
    text = inspect.getdoc(function) or ""
    arguments = inspect.signature(function).parameters
    if len(arguments) <= 1:
        return
    body = text.partition("Args:")[2] or text
    for argument in arguments:
        assert argument in body, f"{name}: {argument}"


@pytest.mark.parametrize(
    "name", ["bench", "build", "dataset", "evaluate", "export", "info", "load", "predict", "train"]
)
def test_a_verb_documents_what_it_raises_and_shows_how_it_is_called(name):
    text = inspect.getdoc(getattr(zoo, name)) or ""
    assert "Raises:" in text
    assert f"zoo.{name}(" in text.partition("Example:")[2], name


def test_every_public_class_says_where_it_lives():
    for name in KINDS:
        module = getattr(zoo, name).__module__
        assert module.partition(".")[0] == "zoo", (name, module)
