"""Make the layers, losses and initializers of models known to Keras, so that it opens their files.

Keras finds a custom object under the name that it was registered with, and imports no module for
it. So the zoo's own layers are registered once Keras is imported, and a stand-in is put under each
name that a catalog lists for a plugin. The plugin is imported when a file names its object.
"""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Register the zoo's own objects, and stand-ins for those of plugins."""
    import keras

    import zoo.layers  # noqa: F401 - it registers them
    from zoo.api.catalog import registry
    from zoo.errors import ZooError
    from zoo.registry.entrypoints import ARCHITECTURES

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
