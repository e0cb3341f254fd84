"""Labeled texts: class folders of ``.txt`` files, or two columns of a table.

Equal texts stay in one split, so that a model is not measured on texts it was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.class_folders import FileKind, list_class_folders
from zoo.data.columns import (
    absent_columns,
    check_present,
    encode_classes,
    read_target,
    refuse_options,
)
from zoo.data.dataset import Dataset
from zoo.data.options import LabeledOptions, VocabularyOptions, read_options
from zoo.data.splits import Indices, check_classes, place_files, stratified_split
from zoo.data.text.encoding import TextSplit, text_spec, token_tensor
from zoo.data.text.vocabulary import Tokens, learn_vocabulary
from zoo.errors import BadRecord, ConfigError, Finding
from zoo.runtime.csv import read_text_table
from zoo.runtime.inputs import TEXT_TABLES
from zoo.runtime.table import Table, join
from zoo.runtime.table_files import read_file
from zoo.runtime.text import normalize
from zoo.runtime.text_files import read_text
from zoo.spec import DataSpec, Task, TensorSpec

_KIND = FileKind("a text file", "text files", (".txt",))


def open_text_folder(path: Path, options: LabeledOptions) -> Dataset:
    """Read a folder with one folder of ``.txt`` files per class, one text per file.

    Raises:
        ConfigError: If an option names the file of a split.
        BadRecord: If a file is not text, is empty, or has another encoding.
        DataError: If there are no classes, only one, or different ones in different splits.
    """
    if given := options.files():
        raise ConfigError(
            f"{path} is a folder",
            findings=[Finding(split, str(file), "for a table") for split, file in given.items()],
            fix=f"put the classes into the folders train, validation and test of {path}",
        )
    found = list_class_folders(path, _KIND)
    texts = [_text_of(file, options) for file in found.files["train"]]
    codes = [found.labels["train"]]
    shares = options.shares(given=found.files)
    parts = split_by_text(texts, codes[0], found.names, shares, options.split_seed)
    place_files(parts, {split: len(files) for split, files in found.files.items()})
    for split in found.files:
        if split != "train":
            texts += [_text_of(file, options) for file in found.files[split]]
            codes.append(found.labels[split])
    name = path.resolve().name
    dataset = labeled_dataset(name, found.names, texts, np.concatenate(codes), parts, options)
    dataset.drawn = "test" not in found.files
    return dataset


def open_text_table(path: Path, options: LabeledOptions) -> Dataset:
    """Read a ``.csv`` or ``.tsv`` file with a column of texts and a column of classes.

    Raises:
        ConfigError: If an option names a column that is not there.
        BadRecord: If a text or a class is empty, or the classes look like measurements.
        DataError: If there is only one class, or too few examples of one.
    """
    tables = {"train": path, **options.files()}
    read = {split: _read_table(file, options) for split, file in tables.items()}
    table = join(list(read.values()))
    text, target = _columns(table, options)
    texts = _texts(table, text)
    names, codes = _classes(table, target)
    check_classes(codes, names, "whole", str(path))
    count, shares = len(read["train"]), options.shares(given=read)
    parts = split_by_text(texts[:count], codes[:count], names, shares, options.split_seed)
    for split, part in parts.items():
        check_classes(codes[part], names, split, str(path))
    # Only now: a test file may lack a class.
    place_files(parts, {split: len(one) for split, one in read.items()})
    dataset = labeled_dataset(path.name, names, texts, codes, parts, options)
    dataset.drawn = "test" not in read
    return dataset


def labeled_rows(path: Path, spec: DataSpec, options: Mapping[str, Any]) -> TextSplit:
    """Return every row of a table of labeled texts, with a model's vocabulary and classes.

    Args:
        path: The table.
        spec: The spec of the model's data.
        options: The options that this data was read with.

    Raises:
        DataError: If a text is empty, or a class is not one of the model's.
        ConfigError: If a column is not there.
    """
    known = {name: options[name] for name in LabeledOptions.model_fields if name in options}
    asked = read_options(LabeledOptions, known, str(path))
    table = _read_table(path, asked)
    if asked.text is None and "text" in table.header:
        asked = asked.model_copy(update={"text": "text"})
    text, target = _columns(table, asked)
    check_present(table, target, "class")
    labels = read_target(table.columns[target], spec.targets[0])
    return TextSplit(
        spec, {spec.inputs[0].name: _texts(table, text)}, {spec.targets[0].name: labels}
    )


def _read_table(path: Path, options: LabeledOptions) -> Table:
    if path.suffix.lower() in TEXT_TABLES:
        return read_text_table(path, options.layout)
    return read_file(path)


def _texts(table: Table, column: str) -> list[str]:
    texts = table.column(column)
    for row, cell in enumerate(texts):
        if not cell:
            raise table.bad(
                "the text is empty",
                row,
                column,
                why="there is nothing to learn from",
                fix="fill it in, or take the row out",
            )
    return texts


def labeled_spec(
    name: str,
    labels: tuple[str, ...],
    options: VocabularyOptions,
    vocabulary: tuple[str, ...] = (),
) -> DataSpec:
    """Return the spec of labeled texts: ``tokens`` and ``label``.

    Example:
        >>> labeled_spec("reviews", ("bad", "good"), VocabularyOptions()).targets[0].labels
        ('bad', 'good')
    """
    note = f"at most {options.max_length} ids: of a longer text, its beginning"
    tokens = token_tensor("tokens", text_spec(options, vocabulary), note)
    label = TensorSpec(name="label", dtype="int64", labels=labels)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(tokens,), targets=(label,))


def labeled_dataset(
    name: str,
    names: tuple[str, ...],
    texts: Sequence[str],
    codes: npt.NDArray[np.int64],
    parts: Mapping[str, Indices],
    options: VocabularyOptions,
) -> Dataset:
    """Return a dataset of labeled texts, with the vocabulary of the training split.

    Args:
        name: Id of the data.
        names: The classes' names.
        texts: One text per example.
        codes: One class index per example.
        parts: The positions of each split's examples.
        options: Tokenization, vocabulary size and length.

    Example:
        >>> parts = {"train": np.array([0, 1]), "validation": np.array([2]), "test": np.array([3])}
        >>> reviews = labeled_dataset("reviews", ("bad", "good"), ["no", "yes", "yes", "no"],
        ...     np.array([0, 1, 1, 0]), parts, VocabularyOptions())
        >>> reviews.split("train").data.inputs[0].text.vocabulary[4:]
        ('no', 'yes')
    """
    divided = {split: [texts[i] for i in part.tolist()] for split, part in parts.items()}
    bare = text_spec(options)
    tokens = None if bare.split == "subwords" else Tokens(texts, bare)
    if tokens is None:
        learned = learn_vocabulary(divided["train"], bare, options.vocabulary_size)
    else:
        learned = tokens.learn(parts["train"], options.vocabulary_size)
    spec = labeled_spec(name, names, options, learned.vocabulary)
    splits = {
        split: TextSplit(
            spec,
            {"tokens": divided[split]},
            {"label": codes[part].astype(np.int64)},
            {"tokens": partial(tokens.encode, part, learned)} if tokens else None,
        )
        for split, part in parts.items()
    }
    return Dataset(spec, lambda: splits)


def split_by_text(
    texts: Sequence[str],
    labels: npt.NDArray[np.int64],
    names: tuple[str, ...],
    shares: Mapping[str, float],
    seed: int,
) -> dict[str, Indices]:
    """Split texts class by class, equal ones together.

    Args:
        texts: One text per example; two are equal if their normal forms in lower case are.
        labels: One class index per example; that of the first of equal texts counts.
        names: The classes' names.
        shares: The share of ``validation`` and of ``test``; 0 for no such split.
        seed: Seed of the order.

    Example:
        >>> parts = split_by_text(
        ...     ["good", "Good", "fine", "great", "bad", "poor", "awful"],
        ...     np.array([1, 1, 1, 1, 0, 0, 0]),
        ...     ("negative", "positive"), {"validation": 0.2, "test": 0.2}, seed=0)
        >>> any({0, 1} <= set(rows.tolist()) for rows in parts.values())   # "good" and "Good"
        True
    """
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(normalize(text, lowercase=True), []).append(place)
    groups = list(places.values())
    parts = stratified_split(
        labels[[group[0] for group in groups]],
        **shares,
        seed=seed,
        names=names,
        kind="example" if len(groups) == len(texts) else "different text",
    )
    return {
        split: np.sort(np.array([i for group in chosen for i in groups[group]], np.int64))
        for split, chosen in parts.items()
    }


def _text_of(file: Path, options: LabeledOptions) -> str:
    text = read_text(file, options.encoding)
    if not text.strip():
        raise BadRecord(
            "the text is empty",
            file=str(file),
            why="there is nothing to learn from",
            fix="write into it, or remove it",
        )
    return text


def _columns(table: Table, options: LabeledOptions) -> tuple[str, str]:
    """Return the columns of the text and of the class."""
    asked = {"text": options.text, "target": options.target}
    findings = absent_columns(table, {k: (name,) for k, name in asked.items() if name is not None})
    text = options.text or ""
    others = [name for name in table.header if name != text]
    target = options.target if options.target is not None else (others or [""])[-1]
    if not findings and not others:
        findings.append(Finding("target", None, "a column beside the text is needed"))
    if not findings and target == text:
        findings.append(Finding("target", target, "this is the text"))
    refuse_options(table, findings)
    return text, target


def _classes(table: Table, name: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    check_present(table, name, "class")
    cells = table.columns[name]
    known = sorted(cells.texts)
    if cells.plain is not None and all(cell.isdecimal() for cell in known):
        known.sort(key=int)
    return encode_classes(table, name, cells, known, "class")
