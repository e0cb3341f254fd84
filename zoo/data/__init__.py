"""Datasets, splits and downloads: what dataset plugins may use.

Every name below is a promise to plugins, as those of :mod:`zoo.layers` and :mod:`zoo.metrics` are.

Contract: ``NamedDataset``, ``Dataset``.
Options: ``SeedOptions``, ``SplitOptions``, ``GroupOptions``, ``ImageOptions``, ``ImageSize``,
``WindowOptions``, ``VocabularyOptions``, ``PairVocabularyOptions``.
Files: ``Remote``, ``fetch``, ``tar_members``, ``unpack_tar``, ``zip_member``, ``read_npz``,
``read_table``, ``read_series``.
Splits: ``ArraySplit``, ``TextSplit``, ``arrays_digest``, ``stratified_split``,
``stratified_sample``, ``split_rows``, ``shuffled``, ``split_by_text``.
Images: ``read_image``, ``open_image_folder``, ``caption_spec``.
Series: ``Series``, ``series_spec``, ``windows``.
Text: ``encode_text``, ``words``, ``token_tensor``, ``labeled_spec``, ``labeled_dataset``,
``pair_spec``, ``pair_splits``, ``parse_pairs``, ``source_key``, ``hash_order``.

Importing this package costs nothing: a module is loaded with the first name that is asked of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.data.archives import (
        tar_members as tar_members,
        unpack_tar as unpack_tar,
        zip_member as zip_member,
    )
    from zoo.data.arrays import read_npz as read_npz
    from zoo.data.dataset import (
        ArraySplit as ArraySplit,
        Dataset as Dataset,
        arrays_digest as arrays_digest,
    )
    from zoo.data.download import Remote as Remote, fetch as fetch
    from zoo.data.images.folder import open_image_folder as open_image_folder
    from zoo.data.named_dataset import NamedDataset as NamedDataset
    from zoo.data.options import (
        GroupOptions as GroupOptions,
        ImageOptions as ImageOptions,
        ImageSize as ImageSize,
        PairVocabularyOptions as PairVocabularyOptions,
        SeedOptions as SeedOptions,
        SplitOptions as SplitOptions,
        VocabularyOptions as VocabularyOptions,
        WindowOptions as WindowOptions,
    )
    from zoo.data.series import series_spec as series_spec, windows as windows
    from zoo.data.splits import (
        shuffled as shuffled,
        split_rows as split_rows,
        stratified_sample as stratified_sample,
        stratified_split as stratified_split,
    )
    from zoo.data.text.labeled import (
        labeled_dataset as labeled_dataset,
        split_by_text as split_by_text,
    )
    from zoo.data.text.pairs import (
        hash_order as hash_order,
        pair_splits as pair_splits,
        parse_pairs as parse_pairs,
        source_key as source_key,
    )
    from zoo.data.text.specs import (
        caption_spec as caption_spec,
        labeled_spec as labeled_spec,
        pair_spec as pair_spec,
        token_tensor as token_tensor,
    )
    from zoo.data.text.split import TextSplit as TextSplit
    from zoo.runtime.csv import read_table as read_table
    from zoo.runtime.images import read_image as read_image
    from zoo.runtime.series import Series as Series, read_series as read_series
    from zoo.runtime.text import encode_text as encode_text, words as words

_HOMES = {
    "zoo.data.archives": ("tar_members", "unpack_tar", "zip_member"),
    "zoo.data.arrays": ("read_npz",),
    "zoo.data.dataset": ("ArraySplit", "Dataset", "arrays_digest"),
    "zoo.data.download": ("Remote", "fetch"),
    "zoo.data.images.folder": ("open_image_folder",),
    "zoo.data.named_dataset": ("NamedDataset",),
    "zoo.data.options": (
        "GroupOptions",
        "ImageOptions",
        "ImageSize",
        "PairVocabularyOptions",
        "SeedOptions",
        "SplitOptions",
        "VocabularyOptions",
        "WindowOptions",
    ),
    "zoo.data.series": ("series_spec", "windows"),
    "zoo.data.splits": ("shuffled", "split_rows", "stratified_sample", "stratified_split"),
    "zoo.data.text.labeled": ("labeled_dataset", "split_by_text"),
    "zoo.data.text.pairs": ("hash_order", "pair_splits", "parse_pairs", "source_key"),
    "zoo.data.text.specs": ("caption_spec", "labeled_spec", "pair_spec", "token_tensor"),
    "zoo.data.text.split": ("TextSplit",),
    "zoo.runtime.csv": ("read_table",),
    "zoo.runtime.images": ("read_image",),
    "zoo.runtime.series": ("Series", "read_series"),
    "zoo.runtime.text": ("encode_text", "words"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table says what there is and where


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'zoo.data' has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
