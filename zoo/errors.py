"""Every error the zoo raises on purpose.

::

    ZooError                        exit 1
    ├── RegistryError               exit 3
    │   ├── UnknownModel            no installed plugin offers the name
    │   ├── NameCollision           two distributions offer it
    │   ├── PluginBroken            it was found, and does not work
    │   ├── PolicyDenied            it was found, and your policy refuses it
    │   └── CatalogInvalid        a registry.yaml does not follow its schema
    ├── ConfigError                 exit 4   one finding a field
    ├── DataError                   exit 5
    │   ├── UnknownDataset          neither a dataset's name nor a path
    │   ├── DatasetUnavailable      it exists, and cannot be had now (offline, no network)
    │   ├── ChecksumMismatch        the bytes are not the pinned ones
    │   ├── BadRecord               file, row, column
    │   └── UnsafeArchive           a member that would escape, or exhaust the machine
    ├── TrainError                  exit 6
    │   ├── Diverged                a loss or a weight is no longer a finite number
    │   ├── CheckpointCorrupt       a saved state is not what was written
    │   └── RunBusy                 another process holds the run
    ├── ExportError                 exit 7
    │   ├── Unsupported             no ONNX form exists for this model
    │   ├── ParityFailed            the graph and the model disagree
    │   └── QuantisationRejected    no smaller variant is good enough
    ├── ArtifactError               exit 8
    │   ├── Tampered                a file is not the one in the manifest
    │   └── Incompatible            made by a newer format, or not an artifact
    ├── MissingExtra                exit 9   an optional dependency is not installed
    ├── StorageError                exit 10  a folder cannot be written
    └── HookFailed                  exit 11  a hook package failed, and your policy minds

An error says what happened, why, and the next command. The command line prints it without a
traceback (``--debug`` shows that) and exits with the code above; 2 is a wrong command line,
130 an interrupt, 143 SIGTERM.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class ZooError(Exception):
    """The root of every error the zoo raises on purpose.

    Args:
        what: What happened, in one sentence, with the offending value.
        why: Why it is an error, or what was expected.
        fix: The next command or step.
    """

    code: ClassVar[str] = "ZOO-E000"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what = what
        self.why = why
        self.fix = fix
        super().__init__(what, why, fix)

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.fix:
            lines.append(f"  try: {self.fix}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain data, for ``--json``."""
        return {
            "error": type(self).__name__,
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
        }


class ZooWarning(UserWarning):
    """Something that goes on, and is probably not what was meant. The command line prints it."""


class ModelDeprecated(ZooWarning):
    """A name goes on working, and will not for ever."""


class InterfaceDeprecated(ZooWarning):
    """A plugin uses a part of the plugin interface that will go."""


class RegistryError(ZooError):
    """Something about finding a model by name."""

    code = "ZOO-E100"
    exit_code = 3


class UnknownModel(RegistryError):
    """No installed plugin offers the name."""

    code = "ZOO-E101"


class NameCollision(RegistryError):
    """Two distributions offer one name."""

    code = "ZOO-E102"


class PluginBroken(RegistryError):
    """A plugin was found, and does not work."""

    code = "ZOO-E103"


class PolicyDenied(RegistryError):
    """A plugin was found, and the user's policy refuses it."""

    code = "ZOO-E104"


class CatalogInvalid(RegistryError):
    """A ``registry.yaml`` does not follow its schema."""

    code = "ZOO-E105"


@dataclass(frozen=True)
class Finding:
    """One wrong field of a configuration.

    Attributes:
        where: Dotted path of the field, e.g. ``optimizer.learning_rate``.
        received: The offending value.
        allowed: What would be right, in words.
        did_you_mean: The nearest valid name, if a name is wrong.
    """

    where: str
    received: Any
    allowed: str
    did_you_mean: str | None = None

    def __str__(self) -> str:
        hint = f" Did you mean {self.did_you_mean!r}?" if self.did_you_mean else ""
        return f"{self.where}: {self.allowed}. Received: {self.received!r}.{hint}"


class ConfigError(ZooError):
    """A configuration is wrong: one :class:`Finding` a field."""

    code = "ZOO-E200"
    exit_code = 4

    def __init__(
        self, what: str, *, findings: Iterable[Finding] = (), why: str = "", fix: str = ""
    ) -> None:
        self.findings: Sequence[Finding] = tuple(findings)
        reasons = "\n       ".join(str(finding) for finding in self.findings)
        if self.findings and not fix:
            fix = f"change {', '.join(dict.fromkeys(finding.where for finding in self.findings))}"
        super().__init__(what, why=why or reasons, fix=fix)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain data, findings included."""
        findings = [
            {
                "where": f.where,
                "received": repr(f.received),
                "allowed": f.allowed,
                "did_you_mean": f.did_you_mean,
            }
            for f in self.findings
        ]
        return {**super().as_dict(), "findings": findings}


class DataError(ZooError):
    """Something about a dataset."""

    code = "ZOO-E300"
    exit_code = 5


class UnknownDataset(DataError):
    """The text is neither the name of a dataset nor a path that exists."""

    code = "ZOO-E301"


class DatasetUnavailable(DataError):
    """The dataset exists, and cannot be had now."""

    code = "ZOO-E302"


class ChecksumMismatch(DataError):
    """The bytes are not the pinned ones."""

    code = "ZOO-E303"


class BadRecord(DataError):
    """One record of a user's file is wrong.

    Args:
        what: What is wrong with it.
        file: The file it stands in.
        row: Its line, counted from 1 as an editor counts, if the file has lines.
        column: Its column's name, if the file has columns.
    """

    code = "ZOO-E304"

    def __init__(
        self,
        what: str,
        *,
        file: str,
        row: int | None = None,
        column: str | None = None,
        why: str = "",
        fix: str = "",
    ) -> None:
        self.file, self.row, self.column = str(file), row, column
        place = self.file
        if row is not None:
            place += f", line {row}"
        if column is not None:
            place += f", column {column!r}"
        super().__init__(f"{place}: {what}", why=why, fix=fix)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain data, its place included."""
        return {**super().as_dict(), "file": self.file, "row": self.row, "column": self.column}


class UnsafeArchive(DataError):
    """An archive holds a member that would escape its folder, or exhaust the machine."""

    code = "ZOO-E305"


class TrainError(ZooError):
    """Something about a run."""

    code = "ZOO-E400"
    exit_code = 6


class Diverged(TrainError):
    """The loss, what the plan watches, or a weight is no longer a finite number."""

    code = "ZOO-E401"


class CheckpointCorrupt(TrainError):
    """A saved state is not what was written."""

    code = "ZOO-E402"


class RunBusy(TrainError):
    """Another process holds the run."""

    code = "ZOO-E403"


class ExportError(ZooError):
    """Something about turning a model into an artifact."""

    code = "ZOO-E500"
    exit_code = 7


class Unsupported(ExportError):
    """No ONNX form exists for this model."""

    code = "ZOO-E501"


class ParityFailed(ExportError):
    """The ONNX graph and the Keras model disagree."""

    code = "ZOO-E502"


class QuantisationRejected(ExportError):
    """A smaller variant loses more than the policy allows, or costs no less.

    Args:
        what: What was refused.
        report: Everything that was tried, with its numbers.
    """

    code = "ZOO-E503"

    def __init__(self, what: str, *, report: Any = None, why: str = "", fix: str = "") -> None:
        self.report = report
        super().__init__(what, why=why, fix=fix)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain data, the report included."""
        dump = getattr(self.report, "model_dump", None)
        return {**super().as_dict(), "report": dump(mode="json") if dump else None}


class ArtifactError(ZooError):
    """Something about an artifact that was published."""

    code = "ZOO-E600"
    exit_code = 8


class Tampered(ArtifactError):
    """A file is not the one in the manifest."""

    code = "ZOO-E601"


class Incompatible(ArtifactError):
    """Not an artifact, or one of a newer format."""

    code = "ZOO-E602"


class MissingExtra(ZooError):
    """An optional dependency is not installed.

    Args:
        feature: What needs it, as the subject of a sentence.
        extra: The extra of the distribution that brings it.
        package: The package that was not found, if only one is meant.
    """

    code = "ZOO-E700"
    exit_code = 9

    def __init__(self, feature: str, extra: str, package: str = "") -> None:
        self.feature, self.extra, self.package = feature, extra, package
        missing = package or f"the {extra!r} extra"
        super().__init__(
            f"{feature} needs {missing}, which is not installed",
            why="the base install stays light: it lists, verifies and runs artifacts",
            fix=f'pip install "neural-zoo[{extra}]"',
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.feature, self.extra, self.package)


class StorageError(ZooError):
    """A folder cannot be written, or is full."""

    code = "ZOO-E800"
    exit_code = 10


class HookFailed(ZooError):
    """A hook of another package failed, and the policy is to fail with it.

    Args:
        what: What happened, in one sentence.
        moment: The hook: ``zoo_after_epoch``.
        distribution: The package whose hook it is; empty if an object was registered here.
        version: The package's version.
    """

    code = "ZOO-E900"
    exit_code = 11

    def __init__(
        self,
        what: str,
        *,
        moment: str = "",
        distribution: str = "",
        version: str = "",
        why: str = "",
        fix: str = "",
    ) -> None:
        self.moment, self.distribution, self.version = moment, distribution, version
        super().__init__(what, why=why, fix=fix)

    def as_dict(self) -> dict[str, Any]:
        """Return the error as plain data, with whose hook it was."""
        own = {"hook": self.moment, "distribution": self.distribution, "version": self.version}
        return {**super().as_dict(), **own}


__all__ = sorted(
    name
    for name, value in list(globals().items())
    if isinstance(value, type) and (issubclass(value, ZooError) or value is Finding)
)
