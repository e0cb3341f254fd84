"""English sentences with Spanish translations, from Tatoeba by way of manythings.org."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

from zoo.data.archives import zip_member
from zoo.data.download import Remote, fetch
from zoo.data.named.text import SpaEngOptions
from zoo.data.text.pairs import Pairs, hash_order, members, pair_splits, parse_pairs, source_key
from zoo.errors import ChecksumMismatch
from zoo.runtime.text_files import decode
from zoo.spec import DataSpec, Split

REMOTE = Remote(
    name="spa-eng.zip",
    urls=("https://storage.googleapis.com/download.tensorflow.org/data/spa-eng.zip",),
    size=2_638_744,
    sha256=None,
)
"""The copy of 2018 that TensorFlow's tutorials use; manythings.org itself changes with Tatoeba."""

MEMBER = "spa-eng/spa.txt"
CONTENT = "6ec60e212f812ee3430f7568ea6f33b6fb080e32193c5952e8da0ee8ba45574c"
"""SHA-256 of ``spa.txt``, 8,042,772 bytes, whatever archive it came in."""

TEST, VALIDATION = 2_000, 2_000
"""How many different English sentences are held out, with all their translations."""

_LIMIT = 16 << 20


def describe(options: SpaEngOptions) -> DataSpec:
    """Return what the pairs are, with the vocabularies of the training split."""
    return _opened(options)[0]


def load(options: SpaEngOptions) -> Mapping[str, Split]:
    """Load the pairs.

    The test split is fixed: the 2,000 different English sentences (case apart) whose SHA-256
    comes first, with all their translations. ``split_seed`` draws 2,000 others, which is the
    validation split. No English sentence is in two splits; a Spanish one may be, where it
    translates several.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the sentences are not the ones that all measurements were made on.
        MissingExtra: If subwords are asked for, and ``tokenizers`` is not installed.
    """
    return _opened(options)[1]


def read_pairs(file: str | None, *, remote: Remote = REMOTE, content: str = CONTENT) -> Pairs:
    """Return the pairs of a local archive, or of the downloaded one.

    Args:
        file: A local ``spa-eng.zip``, or ``spa.txt`` itself.
        remote: Where to download it.
        content: SHA-256 of ``spa.txt``.
    """
    path = Path(file).expanduser() if file else fetch(remote)
    is_text = path.suffix.lower() == ".txt"
    data = path.read_bytes() if is_text else zip_member(path, MEMBER, max_member=_LIMIT)
    if (found := hashlib.sha256(data).hexdigest()) != content:
        raise ChecksumMismatch(
            f"the sentences in {path} are not the known ones",
            why=f"their SHA-256 is {found}, expected {content}",
            fix="a newer file is your own data: unzip it, and give spa.txt as --data with "
            "--data-option task=sequence-to-sequence",
        )
    return parse_pairs(decode(data, f"{path}:{MEMBER}"), str(path))


@functools.lru_cache(maxsize=2)
def _opened(options: SpaEngOptions) -> tuple[DataSpec, Mapping[str, Split]]:
    pairs = read_pairs(options.file)
    keys = [source_key(source) for source, _ in pairs]
    order = hash_order(keys, "test")
    home = dict.fromkeys(order, "train")
    home.update(dict.fromkeys(order[:TEST], "test"))
    others = hash_order(order[TEST:], f"validation {options.split_seed}")
    home.update(dict.fromkeys(others[:VALIDATION], "validation"))
    return pair_splits("spa_eng", pairs, members([home[key] for key in keys]), options)


__all__ = ["CONTENT", "MEMBER", "REMOTE", "TEST", "VALIDATION", "describe", "load", "read_pairs"]
