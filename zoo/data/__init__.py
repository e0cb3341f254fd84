"""Datasets, splits and downloads: what dataset plugins may use.

Every name below is a promise to plugins: ``docs/plugin-api.md`` groups them by purpose.
"""

from __future__ import annotations

from zoo.data.archives import tar_members, unpack_tar, zip_member
from zoo.data.arrays import read_npz
from zoo.data.captions import caption_spec
from zoo.data.dataset import ArraySplit, Dataset, FileReader, NamedDataset, arrays_digest
from zoo.data.download import Remote, fetch
from zoo.data.images.folder import open_image_folder
from zoo.data.options import (
    GroupOptions,
    ImageOptions,
    ImageSize,
    PairVocabularyOptions,
    SeedOptions,
    SplitOptions,
    VocabularyOptions,
    WindowOptions,
)
from zoo.data.panel import windows
from zoo.data.series import series_spec
from zoo.data.splits import shuffled, split_rows, stratified_sample, stratified_split
from zoo.data.summary import ColumnSummary, DatasetSummary
from zoo.data.text.encoding import TextSplit, token_tensor
from zoo.data.text.labeled import labeled_dataset, labeled_spec, split_by_text
from zoo.data.text.pairs import hash_order, pair_spec, pair_splits, parse_pairs, source_key
from zoo.runtime.csv import read_table
from zoo.runtime.images import read_image
from zoo.runtime.series import Series, read_series
from zoo.runtime.table_header import Layout
from zoo.runtime.text import encode_text, split_words

__all__ = [
    "ArraySplit",
    "ColumnSummary",
    "Dataset",
    "DatasetSummary",
    "FileReader",
    "GroupOptions",
    "ImageOptions",
    "ImageSize",
    "Layout",
    "NamedDataset",
    "PairVocabularyOptions",
    "Remote",
    "SeedOptions",
    "Series",
    "SplitOptions",
    "TextSplit",
    "VocabularyOptions",
    "WindowOptions",
    "arrays_digest",
    "caption_spec",
    "encode_text",
    "fetch",
    "hash_order",
    "labeled_dataset",
    "labeled_spec",
    "open_image_folder",
    "pair_spec",
    "pair_splits",
    "parse_pairs",
    "read_image",
    "read_npz",
    "read_series",
    "read_table",
    "series_spec",
    "shuffled",
    "source_key",
    "split_by_text",
    "split_rows",
    "split_words",
    "stratified_sample",
    "stratified_split",
    "tar_members",
    "token_tensor",
    "unpack_tar",
    "windows",
    "zip_member",
]
