"""Fuzz targets: one function per parser, which takes any bytes and lets only typed errors pass.

A target reads its bytes as an untrusted file and ignores the documented errors of the parser. Where
there is a writer, the result is written and must be read as the same. Any other exception, and any
input that takes long, is a fault of the parser.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import io
import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from zoo.config import OptimizerConfig, configure
from zoo.console import pairs, scalar
from zoo.data.arrays import read_npz
from zoo.data.captions import open_captioned
from zoo.data.options import CaptionOptions
from zoo.data.sources import open_path
from zoo.data.text.pairs import parse_pairs
from zoo.errors import TrainError, ZooError
from zoo.files import sha256_json
from zoo.metrics.figures import dump_figures, encode_png, load_figures
from zoo.registry.catalog import parse_catalog
from zoo.registry.entrypoints import own_catalog_path
from zoo.report.records import read_run
from zoo.runtime.calendar import parse_date
from zoo.runtime.csv import read_table, read_text_table
from zoo.runtime.golden_vectors import Vector, pack_vectors, unpack_vectors
from zoo.runtime.images import probe_image, read_image
from zoo.runtime.inputs import encode
from zoo.runtime.manifest import Manifest, read_manifest
from zoo.runtime.onnx_inspection import inspect_graph
from zoo.runtime.text_files import decode, read_lines
from zoo.runtime.wordpiece import bert_words, detokenize, longest_match
from zoo.spec import SPECIAL_TOKENS, TensorSpec, TextSpec
from zoo_serve.protocol import BadRequest, read_request

ROOT = Path(__file__).parents[2]
ARTIFACT = ROOT / "exports" / "mlp_regressor" / "1"
TOKENS = TensorSpec(
    name="tokens",
    shape=("time",),
    dtype="int32",
    text=TextSpec(split="words", vocabulary=(*SPECIAL_TOKENS, "a"), max_length=8),
)
_SMALL = 48
_PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass(frozen=True)
class Target:
    """A parser to fuzz.

    Attributes:
        read: Takes any bytes, and returns whether they were good; what it raises is a fault.
        seeds: Good inputs to begin with.
        text: Whether its inputs are text, mostly.
    """

    read: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]]
    text: bool = False


@functools.cache
def _folder() -> Path:
    keep = tempfile.TemporaryDirectory(prefix="zoo-fuzz-", dir=_PLACE)
    _folders.append(keep)
    return Path(keep.name)


_folders: list[Any] = []


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def graph(data: bytes) -> bool:
    """Walk an ONNX file."""
    with contextlib.suppress(ZooError):
        facts = inspect_graph(data, "model.onnx")
        assert facts.nodes > 0 and facts.opset > 0
        return True
    return False


def png(data: bytes) -> bool:
    """Read a file that may begin like a PNG."""
    return _picture(_file("a.png", data))


def pixels(data: bytes) -> bool:
    """Read a PNG that is whole but for what it says and holds: its checksums are right."""
    if len(data) < 8:
        return False
    width, height, depth, kind, interlace, cut = struct.unpack("<BBBBBB", data[:6])
    header = struct.pack(
        ">IIBBBBB",
        *(width % _SMALL, height % _SMALL),
        *((1, 2, 4, 8, 16)[depth % 5], (0, 2, 3, 4, 6)[kind % 5], 0, 0, interlace % 2),
    )
    rest = data[6:]
    extra = (b"PLTE", b"tRNS", b"gAMA")[cut % 3]
    size = min(len(rest), (cut // 3) * 3)
    parts = (
        _chunk(b"IHDR", header),
        *([_chunk(extra, rest[:size])] if size else []),
        _chunk(b"IDAT", zlib.compress(rest[size:] * (1 + cut % 7), 1)),
        _chunk(b"IEND", b""),
    )
    return _picture(_file("a.png", b"\x89PNG\r\n\x1a\n" + b"".join(parts)))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _picture(path: Path) -> bool:
    with contextlib.suppress(ZooError):
        shape = probe_image(path)
        array = read_image(path)
        assert array.dtype == np.uint8
        # An entry for one transparent color changes no shape.
        assert array.shape == shape
        again = read_image(_file("again.png", encode_png(array)))
        np.testing.assert_array_equal(again, array)
        return True
    return False


def vectors(data: bytes) -> bool:
    """Unpack golden vectors, and pack them again."""
    with contextlib.suppress(ZooError):
        found = unpack_vectors(data, "predict")
        again = unpack_vectors(pack_vectors({"predict": found}), "predict")
        for one, two in zip(found, again, strict=True):
            for name, array in one.inputs.items():
                np.testing.assert_array_equal(array, two.inputs[name])
        return True
    return False


def npz(data: bytes) -> bool:
    """Read a user's arrays."""
    path = _file("a.npz", data)
    with contextlib.suppress(ZooError):
        for array in read_npz(path).values():
            assert array.dtype.kind != "O"
    with contextlib.suppress(ZooError):
        return min(open_path(path).sizes().values()) > 0
    return False


def manifest(data: bytes) -> bool:
    """Read a manifest: as it is, and with the digest that it should have."""
    folder = _folder() / "artifact"
    folder.mkdir(exist_ok=True)
    file = folder / "manifest.json"
    texts, good = [data], False
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(data)
        if isinstance(value, dict):
            value.pop("sha256", None)
            whole = {**value, "sha256": sha256_json(value)}
            texts.append(
                (json.dumps(whole, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
            )
    for text in texts:
        file.write_bytes(text)
        with contextlib.suppress(ZooError):
            found = read_manifest(folder)
            assert isinstance(found, Manifest)
            file.write_bytes(found.to_bytes())
            assert read_manifest(folder) == found
            good = True
    return good


def table(data: bytes) -> bool:
    """Read a CSV file: its cells, and the data that they are."""
    path = _file("a.csv", data)
    with contextlib.suppress(ZooError):
        found = read_table(path)
        assert all(len(cells) == len(found) for cells in found.columns.values())
        assert len(found.lines) == len(found) > 0
    with contextlib.suppress(ZooError):
        return min(open_path(path).sizes().values()) > 0
    return False


def series(data: bytes) -> bool:
    """Read a CSV file as a series."""
    path = _file("s.csv", data)
    with contextlib.suppress(ZooError):
        options = {"task": "forecasting", "window": 2, "horizon": 1, "gaps": "interpolate"}
        return min(open_path(path, options).sizes().values()) > 0
    return False


def texts(data: bytes) -> bool:
    """Read lines, tables and pairs of texts."""
    good = 0
    with contextlib.suppress(ZooError):
        good += len(parse_pairs(decode(data, "a.tsv"), "a.tsv"))
    with contextlib.suppress(ZooError):
        good += len(read_lines(_file("a.txt", data)))
    with contextlib.suppress(ZooError):
        good += len(read_text_table(_file("a.tsv", data)))
    for options in ({"text": "text"}, {"task": "sequence-to-sequence", "tokenization": "words"}):
        with contextlib.suppress(ZooError):
            assert min(open_path(_file("a.tsv", data), options).sizes().values()) > 0
    files = (_file(f"a{end}", data) for end in (".txt", ".tsv", ".csv"))
    for source in (*files, data.decode("utf-8", "replace")):
        with contextlib.suppress(ZooError):
            ids = encode(source, (TOKENS,))["tokens"]
            assert ids.size > 0 and 0 <= ids.min() <= ids.max() < 5 and ids.shape[1] <= 8
    return good > 0


def moments(data: bytes) -> bool:
    """Read a date."""
    text = data.decode("utf-8", "replace")
    found = parse_date(text)
    assert found is None or isinstance(found, dt.datetime)
    return found is not None


def pieces(data: bytes) -> bool:
    """Cut a text into words and pieces of words, and join them."""
    text = data.decode("utf-8", "replace")
    index = {piece: at for at, piece in enumerate(("?", "a", "b", "##a", "##b", "##ab", "."))}
    for lowercase in (False, True):
        words = bert_words(text, lowercase=lowercase)
        assert all(word and not word.isspace() for word in words)
        for word in words:
            ids = longest_match(word, index, longest=2, unknown=0, inside="##", whole=True)
            assert ids and all(0 <= at < len(index) for at in ids)
        detokenize(words)
    return True


def catalog(data: bytes) -> bool:
    """Read a ``registry.yaml``."""
    with contextlib.suppress(ZooError):
        return bool(parse_catalog(data.decode("utf-8", "replace"), source="registry.yaml"))
    return False


def captions(data: bytes) -> bool:
    """Read a folder of captioned pictures."""
    folder = _folder() / "captions"
    if not folder.is_dir():
        folder.mkdir()
        for number in range(4):
            level = np.full((4, 4, 1), 40 * number, np.uint8)
            (folder / f"{number}.png").write_bytes(encode_png(level))
    (folder / "captions.jsonl").write_bytes(data)
    with contextlib.suppress(ZooError):
        return min(open_captioned(folder, CaptionOptions()).sizes().values()) > 0
    return False


def vocabulary(data: bytes) -> bool:
    """Read a vocabulary of captions: as it is, and after the special tokens."""
    captions(_CAPTIONS.encode())
    good = False
    for content in (data, b"[PAD]\n[UNK]\n[SEP]\n" + data):
        options = CaptionOptions(vocabulary=str(_file("vocab.txt", content)))
        with contextlib.suppress(ZooError):
            good = min(open_captioned(_folder() / "captions", options).sizes().values()) > 0
    return good


def record(data: bytes) -> bool:
    """Read every file of a run's folder, each with these bytes."""
    folder = _folder() / "run"
    folder.mkdir(exist_ok=True)
    for name in ("run.json", "history.csv", "metrics.json", "figures.json", "mistakes.npz"):
        (folder / name).write_bytes(b'{"format_version": 1}' if name == "run.json" else data)
    good = len(read_run(folder).notices) < 4
    (folder / "run.json").write_bytes(data)
    with contextlib.suppress(TrainError):
        read_run(folder)
        good = True
    with contextlib.suppress(ValueError):
        found = load_figures(data)
        assert load_figures(dump_figures(found)) == found
        good = True
    return good


def options(data: bytes) -> bool:
    """Read ``KEY=VALUE`` of a command line, and configure with it."""
    text, good = data.decode("utf-8", "replace"), False
    with contextlib.suppress(click.BadParameter):
        scalar(text)
        good = True
    with contextlib.suppress(click.BadParameter, ZooError):
        values = pairs(text.split("\n"), option="--set")
        configure(OptimizerConfig(), values, what="the optimizer")
        good = True
    return good


def request(data: bytes) -> bool:
    """Read a request to a server, with and without raw tensors behind its JSON."""
    good = False
    for length in (None, str(len(data) // 2), str(len(data)), data[:3].decode("latin-1")):
        with contextlib.suppress(BadRequest):
            good = bool(read_request(data, length, _served()).inputs)
    return good


@functools.cache
def _served() -> Any:
    from zoo_serve import open_models

    found = open_models(ARTIFACT)
    return found.find("mlp_regressor", None)


def _exports(name: str) -> Callable[[], list[bytes]]:
    def read() -> list[bytes]:
        files = sorted((ROOT / "exports").glob(f"*/*/{name}"), key=lambda file: file.stat().st_size)
        return [file.read_bytes() for file in files[:4]]

    return read


def _manifests() -> list[bytes]:
    """Return the smallest manifests, without the blanks."""
    texts = [json.dumps(json.loads(raw)).encode() for raw in _exports("manifest.json")()]
    return texts[:2]


def _catalog() -> list[bytes]:
    """Return the beginning of the zoo's own catalog: its first model."""
    text = own_catalog_path().read_text(encoding="utf-8")
    return [
        text.split("\n- name: ")[0].encode() + b"\n- name: " + text.split("\n- name: ")[1].encode()
    ]


def _several(*given: bytes | str) -> Callable[[], list[bytes]]:
    return lambda: [item.encode() if isinstance(item, str) else item for item in given]


def _pngs() -> list[bytes]:
    random = np.random.default_rng(0)
    shapes = ((1, 1, 1), (5, 7, 3), (9, 4, 1))
    return [encode_png(random.integers(0, 256, shape, np.uint8)) for shape in shapes]


def _whole() -> list[bytes]:
    """Return pictures as :func:`pixels` takes them: one gray, one of colors, interlaced."""
    lines = [bytes([row % 5, *range(8)]) for row in range(8)]
    return [b"\x08\x08\x03\0\0\0" + b"".join(lines), b"\5\7\3\1\1\0" + bytes(400)]


def _arrays() -> list[bytes]:
    found = []
    for x in (np.zeros((20, 4, 4, 1), np.uint8), np.ones((20, 3), np.float32)):
        stream = io.BytesIO()
        np.savez(stream, x=x, y=np.arange(20) % 2)
        found.append(stream.getvalue())
    return found


def _golden() -> list[bytes]:
    one = Vector({"x": np.zeros((1, 2), np.float32)}, {"y": np.ones((1,), np.int64)})
    return [pack_vectors({"predict": [one, one]}), pack_vectors({"other": [one]})]


def _rows(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


_TABLE = _rows("a,b,answer", *(f"{i},{i % 3}.5,{'yes' if i % 2 else 'no'}" for i in range(24)))
_DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days) for days in range(280)]
_SERIES = _rows("day,load", *(f"{day},{day.day % 7}.25" for day in _DAYS))
_MONTHS = _rows(
    "month;a", *(f"{2000 + at // 12}-{at % 12 + 1:02};{at % 5}" for at in range(48) if at != 4)
)
_CAPTIONS = _rows(*(json.dumps({"image": f"{n}.png", "caption": f"a {n}"}) for n in range(4)))
_TEXTS = _rows(*(f'{{"file_name":"./{n}.png","text":"é {n}"}}' for n in range(4)))
_NUMERIC = {"name": "numeric", "shape": [1, 9], "datatype": "FP32", "data": [0.5] * 9}
_SEX = {"name": "categorical", "shape": [1, 1], "datatype": "INT32", "data": [1]}
_WANTED = [{"name": "prediction", "parameters": {"binary_data": True}}]
_REQUEST = json.dumps({"id": "1", "inputs": [_NUMERIC, _SEX], "outputs": _WANTED})

TARGETS: dict[str, Target] = {
    "graph": Target(graph, _exports("model.onnx")),
    "png": Target(png, _pngs),
    "pixels": Target(pixels, _whole),
    "vectors": Target(vectors, _golden),
    "npz": Target(npz, _arrays),
    "manifest": Target(manifest, _manifests, text=True),
    "table": Target(table, _several(_TABLE, _SERIES, _TABLE.replace(",", ";")), text=True),
    "series": Target(series, _several(_SERIES, _MONTHS), text=True),
    "texts": Target(texts, _several("a\tb\nc d\te\n", 'text\tlabel\n"x ""y"""\tno\n'), text=True),
    "moments": Target(moments, _several("2024-02-29", "2024-02-29T23:59:59", "2024-02"), text=True),
    "pieces": Target(pieces, _several("Isn't it déjà-vu?", "新しい abab ", "İ ß"), text=True),
    "catalog": Target(catalog, _catalog, text=True),
    "captions": Target(captions, _several(_CAPTIONS, _TEXTS), text=True),
    "vocabulary": Target(vocabulary, _several("a\n##b\n0\n1\n", "é\n"), text=True),
    "record": Target(
        record,
        _several(
            '{"format_version":1,"status":"finished"}',
            "epoch,loss\n1,0.5\n",
            '[{"kind":"bars","title":"t","x":"x","y":"y","names":["a"],"values":[1]}]',
        ),
        text=True,
    ),
    "options": Target(options, _several("learning_rate=1e-3\nname=sgd", "[1, {a: 2}]"), text=True),
    "request": Target(request, _several(_REQUEST), text=True),
}
