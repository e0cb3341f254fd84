"""Find models by name: entry points, catalogues, policy, quarantine. Imports no plugin to list."""

from zoo.registry.catalogue import ModelEntry, WeightsEntry
from zoo.registry.choosing import Choice
from zoo.registry.entrypoints import Provider
from zoo.registry.hooks import Hooks
from zoo.registry.listing import Listing
from zoo.registry.policy import Policy
from zoo.registry.registry import Registry

__all__ = [
    "Choice",
    "Hooks",
    "Listing",
    "ModelEntry",
    "Policy",
    "Provider",
    "Registry",
    "WeightsEntry",
]
