"""How far a model has come, by the receipt that its package ships."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.api.packages import version_of
from zoo.errors import ZooError
from zoo.receipts import Receipt, digest_of, files_of, read_receipt
from zoo.registry.registry import Listing


@dataclass(frozen=True)
class Conformance:
    """What a package says that ``zoo check`` found of its model.

    Attributes:
        level: The highest level that it reached; ``None`` if it reached none.
        counts: How many checks had each outcome.
        versions: Of Python and of the packages that it was checked with.
        problem: Why it says nothing of what is installed here: other files, another version.
    """

    level: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=dict)
    problem: str = ""


def conformance_of(listing: Listing) -> Conformance | None:
    """Return what the receipt of a model says, importing nothing of it.

    It is what the package claims: ``zoo check`` measures it again. Whether it was written for the
    files that are installed is looked at here.

    Args:
        listing: The model's.

    Returns:
        ``None`` of a model that is not installed, or names no receipt.
    """
    entry = listing.entry
    if entry is None or entry.receipt is None or not listing.providers:
        return None
    package, _, inside = entry.receipt.partition("/")
    folder = listing.providers[0].package_folder(package)
    if folder is None:
        return Conformance(problem=f"there is no package {package!r}")
    try:
        receipt = read_receipt(folder / inside)
    except ZooError as error:
        return Conformance(problem=error.what)
    return Conformance(
        level=receipt.level,
        counts={outcome: count for outcome, count in receipt.counts.items() if count},
        versions=receipt.versions,
        problem=_mismatch(receipt, listing),
    )


def _mismatch(receipt: Receipt, listing: Listing) -> str:
    """Return why a receipt is not about what is installed; empty if it is."""
    about, provider = receipt.architecture, listing.providers[0]
    model = listing.identity.partition("@")[0]
    if (about.name, about.distribution) != (model, listing.distribution):
        return f"it is about {about.name!r} of {about.distribution}"
    if about.version != provider.version:
        return f"it is about version {about.version}, and {provider.version} is installed"
    folder = provider.package_folder(provider.module.partition(".")[0])
    if folder is None or digest_of(files_of(folder)) != about.files_sha256:
        return "the files have changed since"
    if (used := receipt.versions.get("neural-zoo")) != version_of("neural-zoo"):
        return f"it was checked with neural-zoo {used}"
    return ""


__all__ = ["Conformance", "conformance_of"]
