"""Datasets: a spec, a fingerprint, and splits that are loaded at the first use.

A dataset plugin offers a :class:`NamedDataset`; :class:`Dataset` is one that was opened.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zoo.config import Frozen
from zoo.data.options import SeedOptions, SplitOptions, read_options
from zoo.data.splits import SPLITS
from zoo.errors import ConfigError, DataError, Finding
from zoo.files import sha256_json
from zoo.spec import Arrays, DataSpec, Split, TensorSpec


class NamedDataset(Frozen):
    """A dataset with a name. An entry point of the group ``zoo.datasets`` leads to one.

    Args:
        spec: Its tensors with the default options; ``spec.id`` is the name. What only the data
            itself can tell (a vocabulary) is empty.
        summary: One line about it.
        size: Number and kind of examples, and of bytes to download: "70,000 images, 11 MB".
        license: SPDX identifier, or what is stated.
        source: Citation or address.
        offline: Whether it can be loaded without a network.
        options: Pydantic model of its options.
        load: Function from validated options to the splits ``train``, ``validation`` and ``test``.
        describe: Function from validated options to the spec, if the spec depends on them or on
            the data.

    Example:
        >>> FLOWERS = NamedDataset(
        ...     spec=DataSpec(id="flowers", task=Task.CLASSIFICATION, inputs=..., targets=...),
        ...     summary="Photos of flowers", size="3,670 images, 228 MB", license="CC BY 2.0",
        ...     source="https://example.org/flowers", offline=False, load=load_flowers)
    """

    spec: DataSpec
    summary: str = Field(min_length=8, max_length=200)
    size: str = Field(min_length=1, max_length=80)
    license: str
    source: str
    offline: bool
    options: type[SeedOptions] = Field(SplitOptions, exclude=True)
    load: Callable[[Any], Mapping[str, Split]] = Field(exclude=True)
    describe: Callable[[Any], DataSpec] | None = Field(None, exclude=True)

    @property
    def id(self) -> str:
        """Name of the dataset."""
        return self.spec.id

    @property
    def task(self) -> str:
        """Task that the data is for."""
        return self.spec.task


class FileReader(Frozen):
    """A reader of people's own files. An entry point of the group ``zoo.readers`` leads to one.

    It is used where its name is said, ``zoo.dataset("scans", reader="image_masks")``: no reader is
    chosen by looking into files.

    Args:
        summary: One line about the files that it reads.
        accepts: Function from a path to whether the file or folder is of its kind, by names and
            not by contents.
        open: Function from a path and validated options to a :class:`Dataset`.
        options: Pydantic model of its options.

    Example:
        >>> MASKS = FileReader(
        ...     summary="A folder of images, and one of masks of the same names",
        ...     accepts=lambda path: (path / "masks").is_dir(), open=open_masks)
    """

    summary: str = Field(min_length=8, max_length=200)
    accepts: Callable[[Path], bool] = Field(exclude=True)
    open: Callable[[Path, Any], Dataset] = Field(exclude=True)
    options: type[SeedOptions] = Field(SplitOptions, exclude=True)

    def read(self, name: str, path: Path, options: Mapping[str, Any]) -> Dataset:
        """Open a file or folder.

        Raises:
            DataError: If it is not of its kind.
            ConfigError: If an option is wrong.
        """
        if not self.accepts(path):
            raise DataError(
                f"the reader {name!r} does not read {path}",
                why=f"it reads: {self.summary}",
                fix="leave the option reader out, for the kinds that the zoo reads itself",
            )
        return self.open(path, read_options(self.options, options, str(path)))


def arrays_digest(arrays: Arrays) -> str:
    """Return the SHA-256 of the contents of named arrays.

    Names, dtypes, shapes and values count; byte order and memory layout do not.
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.reshape(-1).view(np.uint8).data)
    return total.hexdigest()


class ArraySplit:
    """Examples in memory.

    Args:
        inputs: Named arrays that share their first axis.
        targets: Named arrays with the same first axis.

    Raises:
        DataError: If they have different numbers of examples.
    """

    def __init__(self, inputs: Arrays, targets: Arrays) -> None:
        sizes = {name: len(array) for name, array in [*inputs.items(), *targets.items()]}
        if len(set(sizes.values())) != 1:
            raise DataError(
                "the arrays of a split have different lengths: "
                + ", ".join(f"{name} {size}" for name, size in sizes.items()),
                why="the first axis is the examples, and is shared",
            )
        self._size = next(iter(sizes.values()))
        self._inputs = {name: _locked(array) for name, array in inputs.items()}
        self._targets = {name: _locked(array) for name, array in targets.items()}

    def __len__(self) -> int:
        return self._size

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions."""
        chosen = np.asarray(indices)
        return (
            {name: array[chosen] for name, array in self._inputs.items()},
            {name: array[chosen] for name, array in self._targets.items()},
        )

    def arrays(self) -> tuple[Arrays, Arrays]:
        """Return everything at once. The arrays are read-only."""
        return dict(self._inputs), dict(self._targets)

    def digest(self) -> str:
        """Return the SHA-256 of the examples in their order."""
        return sha256_json([arrays_digest(self._inputs), arrays_digest(self._targets)])


class Dataset:
    """Data with a spec, and the splits ``train``, ``validation`` and ``test``.

    Args:
        spec: Inputs, targets and task.
        load: Loads the splits; called once, at the first use of one.

    Attributes:
        source: The name or the absolute path that finds it again.
        options: The options that it was opened with.
    """

    def __init__(self, spec: DataSpec, load: Callable[[], Mapping[str, Split]]) -> None:
        self._spec = spec
        self._load = load
        self._splits: Mapping[str, Split] | None = None
        self._fingerprint: str | None = None
        self.source = spec.id
        self.options: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Dataset({self.id!r}, task={self._spec.task!r})"

    @property
    def id(self) -> str:
        """The registered name, or the name of the file or folder."""
        return self._spec.id

    @property
    def spec(self) -> DataSpec:
        """Inputs, targets and task."""
        return self._spec

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the examples, their splits, and the spec without its id.

        Examples count by their array contents (in a folder of images: by its files' bytes), so
        the same data in another file, under another name, has the same fingerprint.
        """
        if self._fingerprint is None:
            digests = {name: _digest(split) for name, split in self._all().items()}
            # Defaults are left out, so that a new field of a spec does not change fingerprints.
            spec = self._spec.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)
            self._fingerprint = sha256_json({"spec": spec, "splits": digests})
        return self._fingerprint

    def split(self, name: str) -> Split:
        """Return one split. Only an evaluation asks for ``test``.

        Raises:
            ConfigError: If there is no split of that name.
            DataError: If the data cannot be loaded.
        """
        if name not in SPLITS:
            nearest = difflib.get_close_matches(name, SPLITS, n=1, cutoff=0.3)
            finding = Finding(
                "split",
                name,
                f"the splits are {', '.join(SPLITS)}",
                nearest[0] if nearest else None,
            )
            raise ConfigError(f"the data {self.id!r} has no split {name!r}", findings=[finding])
        return self._all()[name]

    def encoded_by(self, model: DataSpec) -> Dataset:
        """Return the same texts as ids of a model's vocabularies.

        Data without texts, with the same vocabularies, or that does not keep its texts, is
        returned as it is.
        """
        spec = self._spec.model_copy(
            update={
                kind: tuple(
                    _with_text_of(tensor, getattr(model, kind))
                    for tensor in getattr(self._spec, kind)
                )
                for kind in ("inputs", "targets")
            }
        )
        if spec == self._spec:
            return self
        encoders = {name: getattr(split, "encoded_by", None) for name, split in self._all().items()}
        if not all(encoders.values()):
            return self
        splits = {name: encode(spec) for name, encode in encoders.items() if encode is not None}
        dataset = Dataset(spec, lambda: splits)
        dataset.source, dataset.options = self.source, dict(self.options)
        return dataset

    def sizes(self) -> dict[str, int]:
        """Return the number of examples in each split."""
        splits = self._all()
        return {name: len(splits[name]) for name in SPLITS}

    def _all(self) -> Mapping[str, Split]:
        if self._splits is None:
            splits = self._load()
            if missing := [name for name in SPLITS if name not in splits]:
                raise DataError(
                    f"the data {self.id!r} came without {' and '.join(missing)}",
                    why="its loader must return the splits train, validation and test",
                )
            self._splits = splits
        return self._splits


def _with_text_of(tensor: TensorSpec, others: tuple[TensorSpec, ...]) -> TensorSpec:
    """Return the other text tensor of the same name, or the tensor itself."""
    for other in others:
        if tensor.text is not None and other.text is not None and other.name == tensor.name:
            return other
    return tensor


def _locked(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _digest(split: Split) -> str:
    """Return a split's own digest, or that of its arrays in blocks."""
    own = getattr(split, "digest", None)
    if own is not None:
        return str(own())
    blocks = []
    for start in range(0, len(split), 1024):
        inputs, targets = split.take(np.arange(start, min(start + 1024, len(split))))
        blocks.append([arrays_digest(inputs), arrays_digest(targets)])
    return sha256_json(blocks)
