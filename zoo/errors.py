"""Exceptions: every error that the zoo raises on purpose, with its exit code.

::

    ZooError                        exit 1
    ├── RegistryError               exit 3
    │   ├── UnknownModel            no installed plugin provides the name
    │   ├── NameCollision           two distributions provide it
    │   ├── PluginBroken            it was found and does not work
    │   ├── PolicyDenied            it was found and the user's policy denies it
    │   └── CatalogInvalid          a registry.yaml does not follow its schema
    ├── ConfigError                 exit 4   one finding per field
    ├── DataError                   exit 5
    │   ├── UnknownDataset          neither a dataset's name nor an existing path
    │   ├── DatasetUnavailable      it exists and is not available now (offline, no network)
    │   ├── ChecksumMismatch        the bytes do not have the pinned hash
    │   ├── BadRecord               file, row, column
    │   └── UnsafeArchive           a member would escape its folder or exhaust the machine
    ├── TrainError                  exit 6
    │   ├── Diverged                a loss or a weight is no longer a finite number
    │   ├── CheckpointCorrupt       a checkpoint is not what was written
    │   └── RunBusy                 another process works on the run
    ├── ExportError                 exit 7
    │   ├── Unsupported             the model cannot be converted to ONNX
    │   ├── ParityFailed            graph and model differ
    │   └── QuantizationRejected    no quantized variant is good enough
    ├── ArtifactError               exit 8
    │   ├── Tampered                a file differs from the manifest
    │   └── Incompatible            another format, or not an artifact
    ├── MissingExtra                exit 9   an optional dependency is not installed
    ├── StorageError                exit 10  a file or folder cannot be written
    └── HookFailed                  exit 11  a hook package failed, and the policy is to fail

An error says what happened, why, and the next command. The command line prints it without a
traceback (``--debug`` shows one) and exits with the code above. Exit code 2 is a wrong command
line, 130 an interrupt, 143 SIGTERM.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class ZooError(Exception):
    """Base class of every error that the zoo raises on purpose.

    Args:
        what: What happened, in one sentence, with the offending value.
        why: Why it is an error, or what was expected.
        fix: The next command or step.

    Example:
        >>> error = ZooError("the folder is empty", why="a run was expected", fix="zoo runs")
        >>> print(error)
        the folder is empty
          why: a run was expected
          try: zoo runs
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
    """Warning about something that works and is probably not intended."""


class RegistryError(ZooError):
    """A model could not be found or loaded by its name."""

    code = "ZOO-E100"
    exit_code = 3


class UnknownModel(RegistryError):
    """No installed plugin provides the name."""

    code = "ZOO-E101"


class NameCollision(RegistryError):
    """Two distributions provide the same name."""

    code = "ZOO-E102"


class PluginBroken(RegistryError):
    """A plugin was found and does not work."""

    code = "ZOO-E103"


class PolicyDenied(RegistryError):
    """A plugin was found and the user's policy denies it."""

    code = "ZOO-E104"


class CatalogInvalid(RegistryError):
    """A ``registry.yaml`` does not follow its schema."""

    code = "ZOO-E105"


@dataclass(frozen=True)
class Finding:
    """Wrong field of a configuration.

    Attributes:
        where: Dotted path of the field, e.g. ``optimizer.learning_rate``.
        received: The offending value.
        allowed: Allowed values, in words.
        did_you_mean: Nearest valid name, if a name is wrong.

    Example:
        >>> finding = Finding("units", 0, "at least 1")
    """

    where: str
    received: Any
    allowed: str
    did_you_mean: str | None = None

    def __str__(self) -> str:
        hint = f" Did you mean {self.did_you_mean!r}?" if self.did_you_mean else ""
        return f"{self.where}: {self.allowed}. Received: {self.received!r}.{hint}"


class ConfigError(ZooError):
    """A configuration is wrong: one :class:`Finding` per field.

    Example:
        >>> ConfigError("my_model config: 1 wrong value", findings=[finding]).fix
        'change units'
    """

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
    """A dataset could not be used."""

    code = "ZOO-E300"
    exit_code = 5


class UnknownDataset(DataError):
    """The text is neither the name of a dataset nor an existing path."""

    code = "ZOO-E301"


class DatasetUnavailable(DataError):
    """The dataset exists and is not available now."""

    code = "ZOO-E302"


class ChecksumMismatch(DataError):
    """The bytes of a file do not have the pinned hash."""

    code = "ZOO-E303"


class BadRecord(DataError):
    """A record of a user's file is wrong.

    Args:
        what: What is wrong with it.
        file: File that contains it.
        row: Line, counted from 1 as in an editor, if the file has lines.
        column: Name of the column, if the file has columns.

    Example:
        >>> str(BadRecord("not a number", file="a.csv", row=3, column="price"))
        "a.csv, line 3, column 'price': not a number"
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
    """An archive has a member that would escape its folder or exhaust the machine."""

    code = "ZOO-E305"


class TrainError(ZooError):
    """A run could not be trained or read."""

    code = "ZOO-E400"
    exit_code = 6


class Diverged(TrainError):
    """The loss, the monitored value or a weight is no longer a finite number."""

    code = "ZOO-E401"


class CheckpointCorrupt(TrainError):
    """A checkpoint is not what was written."""

    code = "ZOO-E402"


class RunBusy(TrainError):
    """Another process works on the run."""

    code = "ZOO-E403"


class ExportError(ZooError):
    """A model could not be exported."""

    code = "ZOO-E500"
    exit_code = 7


class Unsupported(ExportError):
    """The model cannot be converted to ONNX."""

    code = "ZOO-E501"


class ParityFailed(ExportError):
    """The outputs of the ONNX graph and of the Keras model differ."""

    code = "ZOO-E502"


class QuantizationRejected(ExportError):
    """No quantized variant is within the bounds of the loss, and smaller or faster.

    Args:
        what: A sentence that names the artifact.
        report: The measurements of every candidate.
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
    """An artifact could not be read or run."""

    code = "ZOO-E600"
    exit_code = 8


class Tampered(ArtifactError):
    """A file differs from its entry in the manifest."""

    code = "ZOO-E601"


class Incompatible(ArtifactError):
    """Not an artifact, or one of another format."""

    code = "ZOO-E602"


class MissingExtra(ZooError):
    """An optional dependency is not installed.

    Args:
        feature: Feature that needs it, as the subject of a sentence.
        extra: Extra of the distribution that installs it.
        package: Name of the missing package, if it is a single one.

    Example:
        >>> MissingExtra("the report", "report", "jinja2").fix
        'pip install "neural-zoo[report]"'
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
    """A file or folder cannot be written, or the disk is full."""

    code = "ZOO-E800"
    exit_code = 10


class HookFailed(ZooError):
    """A hook of another package failed, and the policy is to fail with it.

    Args:
        what: What happened, in one sentence.
        moment: Name of the hook: ``zoo_after_epoch``.
        distribution: Package of the hook; empty if an object was registered in this process.
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
    if isinstance(value, type) and (issubclass(value, ZooError | ZooWarning) or value is Finding)
)
