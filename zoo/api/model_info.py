"""Describe a model: catalog entry, configuration, weights, conformance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.api.catalog import registry
from zoo.api.environment import version_of
from zoo.conformance import Receipt, digest_of, files_of, read_receipt
from zoo.errors import ConfigError, Finding, ZooError
from zoo.names import nearest
from zoo.registry.registry import Listing

if TYPE_CHECKING:
    from zoo.architecture import Architecture


@dataclass(frozen=True)
class Conformance:
    """The result of ``zoo check`` that a package ships for its model.

    Attributes:
        level: The highest level that was reached, if any.
        counts: Number of checks by outcome.
        versions: Versions of Python and packages at that time.
        problem: Why it does not apply to the installed files; empty if it does.
    """

    level: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class ModelInfo:
    """The description of a model.

    Attributes:
        name: The name of the model, with its version if that is not the first.
        versions: Versions of the architecture, newest first, if there is more than one.
        version: The version of the distribution.
        fix: A solution of the problem.
        schema: The JSON schema of its configuration.
        default_config: The default ``config`` and ``plan`` for its default dataset.
        checked: The result of ``zoo check`` that its package ships.
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
    default_config: dict[str, Any] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        from zoo.html_views import model_info_html

        return model_info_html(self)


def info(name: str) -> ModelInfo:
    """Describe a model. Its plugin is imported for the schema, keras is not.

    A model that cannot be loaded is described by the catalog, with its problem.

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
    listing = registry().listing(name)
    entry = listing.entry.model_dump(mode="json") if listing.entry else {}
    weights = entry.get("weights", [])
    if listing.weights:
        known = [found["id"] for found in weights]
        weights = [found for found in weights if found["id"] == listing.weights]
        if not weights:
            raise no_such_weights(name.removesuffix(f":{listing.weights}"), listing.weights, known)
    about = entry
    status, problem, fix = listing.status, listing.problem, listing.fix
    schema: dict[str, Any] = {}
    default_config: dict[str, Any] = {}
    if status != "not installed":
        try:
            architecture = registry().get(name)
        except ZooError as error:
            if status == "ready":
                status, problem, fix = "broken", error.why, error.fix
        else:
            about = architecture.info.model_dump(mode="json")
            about["default_dataset"] = architecture.default_dataset
            schema = architecture.Config.model_json_schema()
            default_config = _default_config(architecture)
    provider = listing.providers[0] if listing.providers else None
    return ModelInfo(
        name=listing.identity or listing.name,
        summary=about.get("summary", ""),
        status=status,
        tasks=about.get("tasks", []),
        tags=about.get("tags", []),
        license=about.get("license") or "unknown",
        references=about.get("references", []),
        limits=about.get("limits", []),
        default_dataset=about.get("default_dataset"),
        parameters=entry.get("parameters"),
        distribution=listing.distribution,
        version=provider.version if provider else "",
        location=provider.location if provider else "",
        problem=problem,
        fix=fix if problem else "",
        versions=list(listing.versions) if len(listing.versions) > 1 else [],
        weights=weights,
        artifacts=entry.get("artifacts", []),
        checked=_conformance(listing),
        schema=schema,
        default_config=default_config,
    )


def no_such_weights(
    model: str, weights: str, known: Sequence[str], *, more: str = ""
) -> ConfigError:
    """Return the error for weights that a model does not have.

    Args:
        model: The name of the model.
        weights: The unknown weights.
        known: The known weights.
        more: Another allowed value, in words.
    """
    near = nearest(weights, known, count=1)
    allowed = f"one of {', '.join(known) or '(none)'}{more}"
    return ConfigError(
        f"{model} has no weights {weights!r}",
        findings=[Finding("weights", weights, allowed, near[0] if near else None)],
        fix=f"zoo info {model}",
    )


def _default_config(architecture: Architecture[Any]) -> dict[str, Any]:
    """Return the default configuration and plan for the default dataset, if that is installed."""
    from zoo.api.datasets import find_dataset

    data = find_dataset(architecture.default_dataset)
    if data is None:
        return {}
    default = architecture.default_config(data.spec)
    return {
        "config": default.config.model_dump(mode="json"),
        "plan": default.plan.model_dump(mode="json"),
    }


def _conformance(listing: Listing) -> Conformance | None:
    """Return the receipt that a package ships for its model, importing nothing of it.

    It is the package's own claim: ``zoo check`` measures it again. ``None`` if there is none.
    """
    entry = listing.entry
    if entry is None or entry.receipt is None or not listing.is_installed:
        return None
    package, _, inside = entry.receipt.partition("/")
    try:
        receipt = read_receipt(listing.provider.package_folder(package) / inside)
    except ZooError as error:
        return Conformance(problem=error.what)
    return Conformance(
        level=receipt.level,
        counts={outcome: count for outcome, count in receipt.counts.items() if count},
        versions=receipt.versions,
        problem=_mismatch(receipt, listing),
    )


def _mismatch(receipt: Receipt, listing: Listing) -> str:
    """Return why a receipt does not apply to the installed files; empty if it does."""
    about, provider = receipt.plugin, listing.providers[0]
    if (about.name, about.distribution) != (listing.identity, listing.distribution):
        return f"it is about {about.name!r} of {about.distribution}"
    if about.version != provider.version:
        return f"it is about version {about.version}, and {provider.version} is installed"
    folder = provider.package_folder(provider.module.partition(".")[0])
    if digest_of(files_of(folder)) != about.files_sha256:
        return "the files have changed since"
    if (used := receipt.versions.get("neural-zoo")) != version_of("neural-zoo"):
        return f"it was checked with neural-zoo {used}"
    return ""
