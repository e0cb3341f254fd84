"""Which models there are, and what is known of them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from zoo.architecture import Architecture
from zoo.errors import UnknownModel, ZooError
from zoo.registry import Hooks, Listing, Registry


@functools.cache
def registry() -> Registry:
    """Return the registry of this process, made when it is first asked for."""
    return Registry()


@functools.cache
def hooks() -> Hooks:
    """Return the lifecycle hooks of this process; ``hooks().register(...)`` adds an object."""
    policy = registry().policy
    return Hooks(registry().hook_providers(), strict=policy.strict, failures=policy.hook_failures)


def register(architecture: type[Architecture[Any]]) -> type[Architecture[Any]]:
    """Make an architecture that is defined here (in a notebook, say) known by its name.

    Can be used as a decorator.

    Raises:
        PluginBroken: If it does not follow the contract; the message says where.
        NameCollision: If an installed distribution offers the name.

    Example:
        >>> @zoo.register
        ... class Mine(zoo.Architecture[MyConfig]): ...
        >>> zoo.build("mine")
    """
    registry().register(architecture)
    return architecture


def list_models(
    pattern: str = "*", *, task: str | None = None, tags: Iterable[str] = ()
) -> list[str]:
    """Return the names of models that match, in natural order, importing no plugin.

    Args:
        pattern: A glob: ``*``, ``mlp*``.
        task: Only those for this task, e.g. ``classification``.
        tags: Only those that have all of these.

    Raises:
        RegistryError: If there is no such task.

    Example:
        >>> zoo.list_models("mlp*", task="classification")
        ['mlp_classifier']
    """
    return [listing.name for listing in listings(pattern, task=task, tags=tags)]


def listings(
    pattern: str = "*", *, task: str | None = None, tags: Iterable[str] = ()
) -> list[Listing]:
    """Return what is known of the models that match, importing no plugin."""
    return registry().listings(pattern, task=task, tags=tags)


@dataclass(frozen=True)
class ModelInfo:
    """What is known of one model.

    Attributes:
        schema: The JSON schema of its configuration.
        recipe: The ``config`` and the ``plan`` that it starts from on its default data.
    """

    name: str
    summary: str
    status: str
    tasks: list[str]
    tags: list[str]
    licence: str
    references: list[str]
    limits: list[str]
    default_dataset: str | None
    parameters: int | None
    distribution: str
    version: str
    location: str
    problem: str = ""
    weights: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    schema: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)


def info(name: str) -> ModelInfo:
    """Return what is known of a model; its plugin is imported for the schema, keras is not.

    A model that cannot be loaded is described as far as the catalogue goes, with its problem.

    Args:
        name: A model of :func:`list_models`, or ``distribution:model``.

    Raises:
        UnknownModel: If nothing is known of the name.

    Example:
        >>> zoo.info("cnn").default_dataset
        'digits'
    """
    model = name.rpartition(":")[2]
    listing = registry().listing(model)
    entry = listing.entry.model_dump(mode="json") if listing.entry else {}
    about: dict[str, Any] = {
        key: entry.get(key)
        for key in ("summary", "tasks", "tags", "licence", "default_dataset", "parameters")
    }
    status, problem = listing.status, listing.problem
    provider = listing.providers[0] if listing.providers else None
    schema: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    references: list[str] = []
    limits: list[str] = []
    if status != "not installed":
        try:
            architecture = registry().get(name)
        except UnknownModel:
            raise
        except ZooError as error:
            if status == "ready":
                status, problem = "broken", error.why
        else:
            status, problem = "ready", ""
            own = architecture.info.model_dump(mode="json")
            about |= {key: own[key] for key in ("summary", "tasks", "tags", "licence")}
            about["default_dataset"] = architecture.default_dataset
            references, limits = own["references"], own["limits"]
            schema = architecture.Config.model_json_schema()
            recipe = _recipe(architecture)
    return ModelInfo(
        name=model,
        summary=about["summary"] or "",
        status=status,
        tasks=about["tasks"] or [],
        tags=about["tags"] or [],
        licence=about["licence"] or "unknown",
        references=references,
        limits=limits,
        default_dataset=about["default_dataset"],
        parameters=about["parameters"],
        distribution=listing.distribution,
        version=provider.version if provider else "",
        location=provider.location if provider else "",
        problem=problem,
        weights=entry.get("weights", []),
        artifacts=entry.get("artifacts", []),
        schema=schema,
        recipe=recipe,
    )


def _recipe(architecture: Architecture[Any]) -> dict[str, Any]:
    """Return the recipe for the default data, or nothing where that data is not known here."""
    from zoo.data.catalog import find_dataset

    data = find_dataset(architecture.default_dataset)
    if data is None:
        return {}
    recipe = architecture.recipe(data.spec)
    return {
        "config": recipe.config.model_dump(mode="json"),
        "plan": recipe.plan.model_dump(mode="json"),
    }


__all__ = ["ModelInfo", "hooks", "info", "list_models", "listings", "register", "registry"]
