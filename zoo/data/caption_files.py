"""Read files of captions: one JSON object per line, with an image and its caption.

``{"image": "photos/1.jpg", "caption": "…", "summary": "…"}``; the keys ``file_name`` and ``text``
of Hugging Face's ``metadata.jsonl`` are read too. Several lines for one image are several captions
of it. Other keys are ignored.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.class_folders import entries, split_folders
from zoo.data.splits import SPLITS
from zoo.errors import BadRecord, DataError
from zoo.names import nearest
from zoo.runtime.text import normalize
from zoo.runtime.text_files import read_lines

FILES = ("captions.jsonl", "metadata.jsonl")

_IMAGE = ("image", "file_name")
_CAPTION = ("caption", "text")
_SUMMARY = ("summary",)
_OBJECT = '{"image": "photos/1.jpg", "caption": "what it shows"}'


Fault = Callable[..., BadRecord]
"""An error about one line of a file."""


@dataclass(frozen=True)
class CaptionLine:
    """One caption of an image.

    Attributes:
        jsonl: The file of captions.
        row: The line there, from 1.
        image: The image file.
        caption: A short description.
        summary: A long description, if there is one.
    """

    jsonl: Path
    row: int
    image: Path
    caption: str
    summary: str | None

    @property
    def bad(self) -> Fault:
        """Error that names this line."""
        return functools.partial(BadRecord, file=str(self.jsonl), row=self.row)


def find_captions(path: Path) -> dict[str, Path]:
    """Return the file of captions of each split, or that of the whole data as ``train``.

    A folder without a file of captions gives nothing.

    Raises:
        DataError: If a folder has two, there are both kinds, or a split has none.
    """
    folders = split_folders(path, [entry for entry in entries(path) if entry.is_dir()])
    whole = _captions_in(path)
    inside = {split: _captions_in(folder) for folder, split in folders.items()}
    there = {split: file for split, file in inside.items() if file is not None}
    if whole is not None and there:
        raise DataError(
            f"{path} could be read in two ways",
            why=f"{whole.name} is one set, which is split here, and "
            f"{os.path.relpath(next(iter(there.values())), path)} is one of given splits",
            fix="take one of them out",
        )
    if whole is not None:
        return {"train": whole}
    if there:
        for folder, split in folders.items():
            if split not in there:
                raise DataError(
                    f"{folder} has no captions",
                    why=f"there are captions for {' and '.join(there)}, and every split needs "
                    f"its own {FILES[0]}",
                    fix=f"write {folder / FILES[0]}, or take the folder out: a missing split is "
                    "drawn from train",
                )
    return {split: there[split] for split in SPLITS if split in there}


def read_captions(jsonl: Path) -> list[CaptionLine]:
    """Return the lines of a file of captions.

    Raises:
        BadRecord: If a line is no object, lacks an image or a caption, or names an image that does
            not exist or lies outside the folder. It names the line.
    """
    lines = [_line(jsonl, row, text) for row, text in read_lines(jsonl)]
    check_summaries(lines)
    return lines


def check_summaries(lines: Sequence[CaptionLine]) -> None:
    """Refuse captions if some have a summary and some have none.

    Raises:
        BadRecord: It names the first line that differs from the first of all.
    """
    for line in lines:
        if (line.summary is None) != (lines[0].summary is None):
            raise line.bad(
                "there is no summary" if line.summary is None else "there is a summary",
                why=f"line {lines[0].row} of {lines[0].jsonl} has "
                f"{'none' if lines[0].summary is None else 'one'}: all lines have a summary, or "
                "none has",
                fix="complete them, or take them out",
            )


def _captions_in(folder: Path) -> Path | None:
    found = [folder / name for name in FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise DataError(
            f"{folder} has {' and '.join(FILES)}",
            why="both hold captions, and they may differ",
            fix="take one of them out",
        )
    return found[0] if found else None


def _line(jsonl: Path, row: int, text: str) -> CaptionLine:
    bad = functools.partial(BadRecord, file=str(jsonl), row=row)

    def unique(found: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise bad(
                f"the key {twice!r} is there twice",
                why="only one of its values could count",
                fix="take one of them out; a second caption is a line of its own",
            )
        return dict(found)

    try:
        record = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise bad(
            f"this is not JSON: {error}",
            why="every line is an object, in braces, and nothing follows it",
            fix=_OBJECT,
        ) from error
    if not isinstance(record, dict):
        raise bad(
            f"this is no JSON object: {text.strip()[:40]}",
            why="every line is an object: keys and values in braces",
            fix=_OBJECT,
        )
    name = _value(record, _IMAGE, bad)
    caption = _value(record, _CAPTION, bad)
    summary = _value(record, _SUMMARY, bad) if record.get(_SUMMARY[0]) is not None else None
    return CaptionLine(jsonl, row, _image(jsonl.parent, name, bad), caption, summary)


def _value(record: Mapping[str, Any], names: Sequence[str], bad: Fault) -> str:
    """Return the text under one of some keys.

    Raises:
        BadRecord: If there is none, or no text, or two of the keys.
    """
    there = [name for name in names if name in record]
    if not there:
        near = nearest(names[0], record, count=1)
        hint = f"call {near[0]!r} {names[0]!r}" if near else f"add {names[0]!r}"
        raise bad(
            f"the key {names[0]!r} is missing",
            why=f"the line has {', '.join(map(repr, record)) or 'no key'}; a folder with a file "
            "of this name holds captioned images",
            fix=f"{hint}, or take the file out if the folder's folders are classes",
        )
    if len(there) > 1:
        raise bad(
            f"there are {there[0]!r} and {there[1]!r}",
            why="both mean the same",
            fix="take one of them out",
        )
    value = record[there[0]]
    if not isinstance(value, str):
        raise bad(f"{there[0]!r} is {str(value)[:40]}, and no text", fix='write it in quotes: "…"')
    if "\0" in value:
        raise bad(f"{there[0]!r} holds a zero byte", fix="take it out")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise bad(f"{there[0]!r} holds half a character", fix="write it anew") from error
    if not normalize(value):
        raise bad(
            f"the {there[0]} is empty",
            why="there is nothing to learn from",
            fix="fill it in, or take the line out",
        )
    return value


def _image(folder: Path, name: str, bad: Fault) -> Path:
    """Return the path of an image.

    Raises:
        BadRecord: If it is outside the folder, or does not exist.
    """
    inside = os.path.normpath(name)
    if Path(name).is_absolute() or Path(inside).parts[:1] == (os.pardir,):
        raise bad(
            f"the image {name!r} is outside the folder",
            why="a path begins at the file of captions and stays below its folder, so that the "
            "folder can be moved and nothing else is read",
            fix="move the image into the folder, and write its path from there",
        )
    image = folder / inside
    # A name that is too long for the system raises, and is no image here.
    with contextlib.suppress(OSError):
        if image.is_file():
            return image
        if image.exists():
            # Opening a pipe would wait forever.
            raise bad(f"the image {name!r} is no regular file", fix="name an image")
    beside, likely = folder, inside.replace("\\", "/")
    with contextlib.suppress(OSError):
        if (folder / likely).parent.is_dir():
            beside = (folder / likely).parent
    names = [os.path.relpath(entry, folder) for entry in entries(beside)]
    near = nearest(likely, names, count=1)
    raise bad(
        f"there is no image {name!r}",
        why=f"paths begin at {folder}",
        fix=f"did you mean {near[0]!r}?" if near else "add it, or take the line out",
    )
