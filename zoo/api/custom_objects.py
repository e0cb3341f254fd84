"""Make the layers, losses and initializers of models known to Keras, so that it opens their files.

Keras finds a custom object under the name that it was registered with, and imports no module for
it. So ``import zoo`` waits for the import of Keras, registers the zoo's own layers after it, and
puts a stand-in under each name that a catalog lists for a plugin. The plugin is imported when a
file names its object.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


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
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    _register()

            loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register() -> None:
    """Register the zoo's own objects, and stand-ins for those of plugins."""
    import importlib

    import keras

    from zoo.api.catalog import registry
    from zoo.errors import ZooError
    from zoo.registry.entrypoints import ARCHITECTURES

    importlib.import_module("zoo.layers")
    known = keras.saving.get_custom_objects()
    try:
        catalog = registry().catalog
        entries = [
            entry
            for name in catalog.names(ARCHITECTURES)
            for entry in catalog.named(ARCHITECTURES, name)
        ]
    except ZooError:
        return  # whatever is asked of the zoo will say it; Keras can be used without
    for entry in entries:
        model = f"{entry.distribution}:{entry.identity}"
        for name, module in entry.custom_objects.items():
            known.setdefault(name, _StandIn(name, module, model))


class _StandIn:
    """Takes the place of a registered class until Keras makes an object of it.

    Args:
        name: The name that it is registered under.
        module: The module that registers it.
        model: The model whose plugin has that module.
    """

    def __init__(self, name: str, module: str, model: str) -> None:
        self._name, self._module, self._model = name, module, model

    def from_config(self, config: dict[str, Any]) -> Any:
        """Import the class, and make an object.

        Raises:
            RegistryError: If its plugin is not installed, not allowed, or broken.
        """
        import keras

        from zoo.api.catalog import registry
        from zoo.registry.loader import import_module

        provider = registry().resolve(self._model).provider
        import_module(provider, self._module)
        found = keras.saving.get_custom_objects()[self._name]
        if found is self:
            raise provider.broken(f"{self._module} registers no {self._name!r} with Keras")
        return found.from_config(config)
