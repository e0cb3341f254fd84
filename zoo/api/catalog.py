"""Which models there are, and what is known of them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, Finding, ZooError
from zoo.names import nearest
from zoo.registry.registry import Listing, Registry

if TYPE_CHECKING:
    from zoo.api.conformance import Conformance
    from zoo.architecture import Architecture
    from zoo.registry.hooks import Hooks


@functools.cache
def registry() -> Registry:
    """Return the registry of this process, made when it is first asked for."""
    return Registry()


@functools.cache
def hooks() -> Hooks:
    """Return the lifecycle hooks of this process; ``hooks().register(...)`` adds an object."""
    from zoo.registry.hooks import Hooks

    known = registry()
    return Hooks(known.providers("zoo.hooks"), failures=known.policy.hook_failures)


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
    pattern: str = "*",
    *,
    task: str | None = None,
    tags: Iterable[str] = (),
    installed: bool = False,
    hidden: bool = False,
) -> list[str]:
    """Return the names of models that match, in natural order, importing no plugin.

    Args:
        pattern: A glob: ``*``, ``mlp*``.
        task: Only those for this task, e.g. ``classification``.
        tags: Only those that have all of these.
        installed: Only those that are installed, without what the catalog knows besides.
        hidden: With the other versions of an architecture. A pattern without wildcards finds
            these in any case.

    Raises:
        RegistryError: If there is no such task.

    Example:
        >>> zoo.list_models("mlp*", task="classification")
        ['mlp_classifier']
    """
    found = listings(pattern, task=task, tags=tags, installed=installed, hidden=hidden)
    return [listing.name for listing in found]


def listings(
    pattern: str = "*",
    *,
    task: str | None = None,
    tags: Iterable[str] = (),
    installed: bool = False,
    hidden: bool = False,
) -> list[Listing]:
    """Return what is known of the models that match, importing no plugin."""
    return registry().listings(pattern, task=task, tags=tags, installed=installed, hidden=hidden)


@dataclass(frozen=True)
class ModelInfo:
    """What is known of one model.

    Attributes:
        name: The model, with its version if that is not the first.
        versions: Of the architecture, the newest first, if there is more than one.
        version: Of the distribution.
        fix: What to do about the problem.
        schema: The JSON schema of its configuration.
        recipe: The ``config`` and the ``plan`` that it starts from on its default data.
        checked: What its package says that ``zoo check`` found, if it says so.
    """

    name: str
    summary: str
    status: str
    tasks: list[str]
    tags: list[str]
    license: str
    references: list[str]
    limits: list[str]
    default_dataset: str | None
    parameters: int | None
    distribution: str
    version: str
    location: str
    problem: str = ""
    fix: str = ""
    versions: list[str] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    checked: Conformance | None = None
    schema: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)


def info(name: str) -> ModelInfo:
    """Return what is known of a model; its plugin is imported for the schema, keras is not.

    A model that cannot be loaded is described as far as the catalog goes, with its problem.

    Args:
        name: A model of :func:`list_models`, or ``distribution:model``. With weights
            (``cnn:mnist``) those alone are described.

    Raises:
        UnknownModel: If nothing is known of the name.
        NameCollision: If it can be read in two ways.
        ConfigError: If it asks for weights that are not there.

    Example:
        >>> zoo.info("cnn").default_dataset
        'digits'
    """
    from zoo.api.conformance import conformance_of  # a listing does not need it

    listing = registry().listing(name)
    entry = listing.entry.model_dump(mode="json") if listing.entry else {}
    about: dict[str, Any] = {
        key: entry.get(key)
        for key in ("summary", "tasks", "tags", "license", "default_dataset", "parameters")
    }
    weights = entry.get("weights", [])
    if listing.weights:
        known = [found["id"] for found in weights]
        weights = [found for found in weights if found["id"] == listing.weights]
        if not weights:
            raise no_such_weights(name.removesuffix(f":{listing.weights}"), listing.weights, known)
    status, problem, fix = listing.status, listing.problem, listing.fix
    provider = listing.providers[0] if listing.providers else None
    schema: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    references: list[str] = []
    limits: list[str] = []
    if status != "not installed":
        try:
            architecture = registry().get(name)
        except ZooError as error:
            if status == "ready":
                status, problem, fix = "broken", error.why, error.fix
        else:
            own = architecture.info.model_dump(mode="json")
            about |= {key: own[key] for key in ("summary", "tasks", "tags", "license")}
            about["default_dataset"] = architecture.default_dataset
            references, limits = own["references"], own["limits"]
            schema = architecture.Config.model_json_schema()
            recipe = _recipe(architecture)
    return ModelInfo(
        name=listing.identity or listing.name,
        summary=about["summary"] or "",
        status=status,
        tasks=about["tasks"] or [],
        tags=about["tags"] or [],
        license=about["license"] or "unknown",
        references=references,
        limits=limits,
        default_dataset=about["default_dataset"],
        parameters=about["parameters"],
        distribution=listing.distribution,
        version=provider.version if provider else "",
        location=provider.location if provider else "",
        problem=problem,
        fix=fix if problem else "",
        versions=list(listing.versions) if len(listing.versions) > 1 else [],
        weights=weights,
        artifacts=entry.get("artifacts", []),
        checked=conformance_of(listing),
        schema=schema,
        recipe=recipe,
    )


def no_such_weights(
    model: str, weights: str, known: Sequence[str], *, more: str = ""
) -> ConfigError:
    """Return the error for weights that a model does not have.

    Args:
        model: Whose.
        weights: Which.
        known: Those that it has.
        more: What else would be right, in words.
    """
    near = nearest(weights, known, count=1)
    allowed = f"one of {', '.join(known) or '(none)'}{more}"
    return ConfigError(
        f"{model} has no weights {weights!r}",
        findings=[Finding("weights", weights, allowed, near[0] if near else None)],
        fix=f"zoo info {model}",
    )


def _recipe(architecture: Architecture[Any]) -> dict[str, Any]:
    """Return the recipe for the default data, or nothing where that data is not known here."""
    from zoo.api.datasets import find_dataset

    data = find_dataset(architecture.default_dataset)
    if data is None:
        return {}
    recipe = architecture.default_config(data.spec)
    return {
        "config": recipe.config.model_dump(mode="json"),
        "plan": recipe.plan.model_dump(mode="json"),
    }


__all__ = [
    "ModelInfo",
    "hooks",
    "info",
    "list_models",
    "listings",
    "no_such_weights",
    "register",
    "registry",
]
