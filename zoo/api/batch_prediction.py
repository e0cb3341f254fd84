"""Predict for inputs of any size, block by block: in Python, or into a file that can be resumed."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import importlib.util
import io
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.api.prediction import open_predictor
from zoo.console import plain
from zoo.errors import ConfigError, DataError, Finding, Incompatible, MissingExtra, StorageError
from zoo.files import exists, is_file, replacing, sha256_file, storage_errors, sync_file, write_json
from zoo.runtime import Prediction
from zoo.runtime.decoding import generated_outputs, text_generation
from zoo.runtime.rows import Row, RowReader

FORMATS = (".csv", ".jsonl", ".parquet")
"""Suffixes of the files that are written."""

_GROUP = 16_384
"""Rows of a row group of a Parquet file."""

_SECONDS = 1.0
"""The most work that a killed process loses."""


@dataclass(frozen=True)
class PredictedBatch:
    """The outputs for one block of rows.

    Attributes:
        rows: What names each row: its ``file``, its number in it, ``row``, from 0, and its id.
        prediction: The outputs for the rows without an error; ``None`` if all have one.
        errors: What is wrong with a row, by its position in ``rows``.
    """

    rows: Sequence[Mapping[str, Any]]
    prediction: Prediction | None
    errors: Mapping[int, DataError]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per row: its name and its outputs, or its ``error``."""
        found = iter(self.prediction.as_dicts() if self.prediction is not None else ())
        return [
            {**name, **({"error": self.errors[at].what} if at in self.errors else next(found))}
            for at, name in enumerate(self.rows)
        ]


def predict_batches(
    model: Any,
    source: Any,
    *,
    batch_size: int = 256,
    id_column: str | None = None,
    input_format: str | None = None,
    shard: tuple[int, int] = (1, 1),
    skip_errors: bool = False,
    signature: str | None = None,
    beams: int = 1,
    prompt: str = "",
    weights: str | Path | None = None,
) -> Iterator[PredictedBatch]:
    r"""Predict for an input of any size, with one block of rows in memory at a time.

    Args:
        model: As for :func:`predict`.
        source: The path of a folder or a file, or several: images, tables (CSV, TSV, JSON lines,
            Parquet, Arrow, Excel), texts (one a line) or arrays, by what the model takes; an open
            binary file; a frame; or an iterator of records, texts, images or arrays.
        batch_size: Rows of a block.
        id_column: Column of the input that names a row in the output, beside its number.
        input_format: Format of an open file, ``csv``, ``jsonl`` or ``lines``; by default what the
            model takes.
        shard: ``(i, n)`` for every n-th block, from the i-th on: n processes share the work.
        skip_errors: Whether a wrong row is one of the ``errors`` of its batch, instead of raised.
        signature: As for :func:`predict`.
        beams: As for :func:`predict`.
        prompt: As for :func:`predict`.
        weights: As for :func:`predict`.

    Yields:
        The rows of each block, and their outputs.

    Raises:
        ConfigError: If an option is wrong, or does not fit the model.
        DataError: If a file is wrong, or, without ``skip_errors``, a row of it.

    Example:
        >>> _ = Path("words.txt").write_text("one\ntwo\n")
        >>> for batch in zoo.predict_batches("exports/transformer/1", "words.txt"):
        ...     found: zoo.PredictedBatch = batch
        ...     print([record["text"] for record in batch.as_dicts()])
        ['uno', 'dos']
    """
    reading = (batch_size, id_column, input_format, shard, skip_errors)
    job = _Job(model, source, *reading, signature, beams, prompt, weights)
    return (job.predict(rows) for number, rows in job.blocks() if job.is_ours(number))


@dataclass
class _Job:
    """A model, a source, and the options of :func:`predict_batches`."""

    model: Any
    source: Any
    batch_size: int = 256
    id_column: str | None = None
    input_format: str | None = None
    shard: tuple[int, int] = (1, 1)
    skip_errors: bool = False
    signature: str | None = None
    beams: int = 1
    prompt: str = ""
    weights: str | Path | None = None

    def __post_init__(self) -> None:
        opened = open_predictor(self.model, weights=self.weights)
        text = text_generation(opened.signatures) if self.signature is None else None
        name = text.encode if text is not None else self.signature or next(iter(opened.signatures))
        if name not in opened.signatures:
            raise Incompatible(
                f"the model has no signature {name!r}",
                why=f"it has: {', '.join(opened.signatures)}",
                fix="choose one of them",
            )
        self._opened, self._signature = opened, name if text is None else None
        self._inputs = opened.signatures[name].inputs
        self._outputs = generated_outputs(text.text) if text else opened.signatures[name].outputs
        wrong = []
        if self.batch_size < 1:
            wrong.append(Finding("batch_size", self.batch_size, "at least 1"))
        if not 1 <= self.shard[0] <= self.shard[1]:
            wrong.append(Finding("shard", self.shard, "(i, n) with i from 1 to n"))
        if self.id_column in self.columns(["file", "row"]):
            wrong.append(Finding("id_column", self.id_column, "not the name of an output"))
        if wrong:
            raise ConfigError("the rows cannot be predicted like this", findings=wrong)
        self._reader = RowReader(self._inputs, self.id_column, self.input_format)

    def blocks(self) -> Iterator[tuple[int, list[Row]]]:
        """Yield all blocks with their numbers."""
        return enumerate(self._reader.blocks(self.source, self.batch_size))

    def is_ours(self, number: int) -> bool:
        """Return whether a block is of the shard."""
        return number % self.shard[1] == self.shard[0] - 1

    def predict(self, rows: Sequence[Row]) -> PredictedBatch:
        """Predict for a block."""
        names = [row.name for row in rows]
        if not any(row.fault for row in rows):
            with contextlib.suppress(DataError):
                prediction = self._predict(rows)
                if prediction.series:  # a file may hold several
                    names = names * len(prediction)
                return PredictedBatch(names, prediction, {})
        found = {at: fault for at, row in enumerate(rows) if (fault := self._reader.fault(row))}
        if found and not self.skip_errors:
            raise found[min(found)]
        right = [row for at, row in enumerate(rows) if at not in found]
        # If no row is wrong by itself, this raises what is wrong with them together.
        return PredictedBatch(names, self._predict(right) if right else None, found)

    def _predict(self, rows: Sequence[Row]) -> Prediction:
        raw = self._reader.values(rows)
        return self._opened.predict(
            raw, signature=self._signature, beams=self.beams, prompt=self.prompt
        )

    def columns(self, names: Iterable[str], errors: int = 0) -> dict[str, Any]:
        """Return the columns of the output after those that name a row, with a value of each."""
        arrays = {
            spec.name: np.zeros(
                (1, *(size if isinstance(size, int) else 1 for size in spec.shape)), spec.dtype
            )
            for spec in self._outputs
        }
        groups = [name for spec in self._inputs if spec.series for name in spec.series.group_by]
        found: dict[str, Any] = {name: 0 if name == "row" else "" for name in (*names, *groups)}
        found |= _flat(Prediction(arrays, self._outputs).as_dicts()[0])
        if any(column.categories for spec in self._inputs for column in spec.columns or ()):
            found["unknown"] = {}
        return found | ({"error": ""} if self.skip_errors or errors else {})

    def digest(self) -> Any:
        """Return the hash of the model and of the options that decide on the output."""
        target = str(self.model)
        for name in ("", "manifest.json", "model.keras"):
            if is_file(Path(target, name)):
                target = sha256_file(Path(target, name))
        free = ("model", "source", "skip_errors")
        names = [field.name for field in dataclasses.fields(self) if field.name not in free]
        return hashlib.sha256(repr([target, *(getattr(self, name) for name in names)]).encode())


def partial_file(out: Path) -> Path:
    """Return the file that holds the finished part of an output, as JSON lines."""
    return out.with_name(f"{out.name}.partial")


def write_predictions(
    model: Any,
    source: Any,
    out: Path,
    *,
    resume: bool = False,
    on_rows: Callable[[int], object] = lambda count: None,
    **options: Any,
) -> tuple[int, int]:
    """Write what :func:`predict_batches` yields to a file.

    What is finished is kept beside it until the end. A prediction that was killed and is resumed
    ends with the same bytes as one that was not.

    Args:
        model: As for :func:`predict`.
        source: As for :func:`predict_batches`.
        out: A ``.csv``, ``.jsonl`` or ``.parquet`` file, which is replaced.
        resume: Whether to continue what is unfinished; if nothing is, it begins.
        on_rows: Called after each block with the number of its rows.
        **options: As for :func:`predict_batches`.

    Returns:
        The number of rows, and of those with an error.

    Raises:
        ConfigError: If the file has another suffix, or is unfinished and not resumed.
        MissingExtra: If pyarrow is not installed and the file is a Parquet file.
        DataError: As for :func:`predict_batches`; or if the rows, the model or the options are not
            those of what is resumed.
    """
    partial, record = partial_file(out), out.with_name(f"{out.name}.partial.json")
    _check_target(out, partial, source, resume=resume)
    job = _Job(model, source, **options)
    state: dict[str, Any] = {"blocks": 0, "bytes": 0, "rows": 0, "errors": 0, "names": []}
    if resume and is_file(partial) and is_file(record):
        state = json.loads(record.read_bytes())
    digest, last, done = job.digest(), time.monotonic(), 0
    with storage_errors(out, "writing"), contextlib.ExitStack() as stack:
        stream: Any = None

        def save() -> None:
            stream.flush()
            sync_file(partial)
            write_json(record, state)

        for done, rows in job.blocks():
            for row in rows:
                digest.update(_content(row))
            if done < state["blocks"]:
                if done + 1 == state["blocks"] and digest.hexdigest() != state["digest"]:
                    raise _changed(partial)
                continue
            batch = job.predict(rows) if job.is_ours(done) else None
            if stream is None:
                partial.parent.mkdir(parents=True, exist_ok=True)
                stream = stack.enter_context(partial.open("r+b" if state["bytes"] else "wb"))
                stream.truncate(state["bytes"])
                stream.seek(state["bytes"])
                known = [*rows[0].name, *([] if job.id_column is None else [job.id_column])]
                state["names"] = state["names"] or list(dict.fromkeys(known))
                stack.callback(save)
            if batch is not None:
                stream.write(_lines(batch.as_dicts()))
                state["rows"] += len(batch.rows)
                state["errors"] += len(batch.errors)
                on_rows(len(batch.rows))
            state |= {"blocks": done + 1, "digest": digest.hexdigest(), "bytes": stream.tell()}
            if time.monotonic() - last > _SECONDS:
                save()
                last = time.monotonic()
    if done + 1 < state["blocks"]:
        raise _changed(partial)
    if not state["blocks"]:
        raise DataError("the input has no rows", why="there is nothing to predict", fix="give rows")
    with replacing(out) as temporary:
        _finish(partial, temporary, job.columns(state["names"], state["errors"]))
    partial.unlink()
    record.unlink()
    return state["rows"], state["errors"]


def _check_target(out: Path, partial: Path, source: Any, *, resume: bool) -> None:
    suffix = out.suffix.lower()
    paths = source if isinstance(source, list | tuple) else [source]
    given = [Path(one) for one in paths if isinstance(one, str | Path)]
    if exists(out) and any(exists(one) and one.samefile(out) for one in given):
        wrong = Finding("out", str(out), "another file than the input")
        raise ConfigError("the outputs would replace the input", findings=[wrong])
    if suffix not in FORMATS:
        wrong = Finding("out", str(out), f"a file that ends in {', '.join(FORMATS)}")
        raise ConfigError("the outputs cannot be written there", findings=[wrong])
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("a .parquet file", "tables", "pyarrow")
    if exists(out) and not is_file(out):
        why = "a folder, a pipe or a device is there"
        raise StorageError(f"{out} cannot be written", why=why, fix="choose another name")
    if exists(partial) and not resume:
        raise ConfigError(
            f"{out} was begun, and is not finished",
            why=f"{partial} holds the finished part",
            fix=f"the same command with --resume, or remove {partial}",
        )


def _changed(partial: Path) -> DataError:
    return DataError(
        "this is another prediction than the unfinished one",
        why=f"the rows, the model or the options of {partial} were others",
        fix=f"give them again; or remove {partial}, and begin anew",
    )


def _content(row: Row) -> bytes:
    """Return what tells a row from another."""
    value = row.value
    if isinstance(value, Path) and is_file(value):
        value = sha256_file(value)
    elif isinstance(value, Mapping):  # numpy shortens what it shows of an array
        value = {
            key: (one.dtype.str, one.shape, one.tobytes()) if isinstance(one, np.ndarray) else one
            for key, one in value.items()
        }
    elif isinstance(value, np.ndarray):
        value = value.dtype.str, value.shape, value.tobytes()
    return repr((row.name, value, row.line)).encode("utf-8", "surrogatepass")


def _lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    for record in records:
        text.write(json.dumps(plain(record), ensure_ascii=False, allow_nan=False) + "\n")
    return text.getvalue().encode("utf-8", "backslashreplace")  # as JSON escapes half a character


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the columns of a record: what is nested has its keys joined by dots."""
    for key, value in record.items():
        if isinstance(value, Mapping) and key != "unknown":
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _finish(partial: Path, out: Path, columns: Mapping[str, Any]) -> None:
    """Write the JSON lines of an output in the format of its suffix.

    Args:
        partial: The lines.
        out: The file.
        columns: By column, a value of its type.
    """
    if out.suffix.lower() == ".jsonl":
        shutil.copyfile(partial, out)  # what is finished stays until this is in place
        return
    with partial.open(encoding="utf-8") as lines:
        records = (dict(_flat(json.loads(line))) for line in lines)
        if out.suffix.lower() == ".csv":
            with out.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(columns)
                writer.writerows([_cell(one.get(name)) for name in columns] for one in records)
            return
        import pyarrow as pa
        from pyarrow import parquet

        kinds = {name: _arrow_type(pa, example) for name, example in columns.items()}
        with parquet.ParquetWriter(out, pa.schema(kinds)) as writer:
            while group := list(itertools.islice(records, _GROUP)):
                arrays = []
                for name, kind in kinds.items():
                    found = [one.get(name) for one in group]
                    if kind == pa.string():
                        found = [_cell(value, None) for value in found]
                    arrays.append(pa.array(found, kind))
                writer.write_table(pa.table(arrays, names=list(kinds)))


def _cell(value: Any, missing: Any = "") -> Any:
    """Return a value as a cell: lists and mappings as JSON."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    # The name of a file may hold bytes that are no text.
    return missing if value is None else str(value).encode("utf-8", "backslashreplace").decode()


def _arrow_type(pa: Any, example: Any) -> Any:
    """Return the type of a column: lists of numbers stay lists, other structures become texts."""
    inner, depth = example, 0
    while isinstance(inner, list) and inner:
        inner, depth = inner[0], depth + 1
    if isinstance(inner, list | dict | str) or inner is None:
        return pa.string()
    kind = pa.bool_() if isinstance(inner, bool) else pa.array([inner]).type
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind
