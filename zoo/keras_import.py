"""A step after the import of Keras, so that ``import zoo`` is enough for Keras to open models."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def register_with_keras() -> None:
    """Register the custom objects of all models with Keras, now or once it is imported."""
    if hasattr(sys.modules.get("keras"), "saving"):
        _register()
    else:
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras:
    """Finder of modules that adds a step to the import of Keras."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "keras":
            return None
        others = [one for one in sys.meta_path if one is not self]
        found = (one.find_spec(name, path, target) for one in others)
        spec = next((one for one in found if one is not None), None)
        loader = spec.loader if spec is not None else None
        # To be found is not to be imported: find_spec may be called for a look.
        if loader is not None and hasattr(loader, "exec_module"):
            execute = loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                _quietly(execute, module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    _register()

            loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _quietly(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Import Keras without TensorFlow's info logs where a person would read them.

    Whoever has set ``TF_CPP_MIN_LOG_LEVEL`` has chosen.
    """
    from zoo.native_logs import in_notebook, native_logs_hidden

    terminal = sys.stderr is not None and sys.stderr.isatty()
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or not (terminal or in_notebook()):
        execute(module)
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"  # warnings are shown
    with native_logs_hidden():
        execute(module)


def _register() -> None:
    import importlib

    # By name: whatever imports the zoo must not be taken to need Keras.
    importlib.import_module("zoo.api.custom_objects").register()
