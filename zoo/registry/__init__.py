"""Find models by name: entry points, catalogs, policy, quarantine. Imports no plugin to list."""

from zoo.registry.catalog import ModelEntry, WeightsEntry
from zoo.registry.entrypoints import Provider
from zoo.registry.hooks import Hooks
from zoo.registry.listing import Listing
from zoo.registry.policy import Policy
from zoo.registry.registry import Registry
from zoo.registry.resolver import Choice

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
