"""A user's pictures with what they show in words: a file of captions beside them.

All captions of one picture stay on one side of every split that is drawn here, and pictures that
look nearly the same do (see :mod:`zoo.data.images.near_duplicates`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from zoo.data.captions.jsonl import Line, check_summaries, find_captions, read_captions
from zoo.data.dataset import Dataset, arrays_digest
from zoo.data.images.files import MEMORY_BOUND, ImageFiles, image_shape, image_tensor
from zoo.data.images.near_duplicates import near_groups
from zoo.data.options import CAPTION, SUMMARY, CaptionOptions
from zoo.data.splits import SPLITS, Indices, grouped_split
from zoo.data.text.specs import caption_spec, text_spec
from zoo.data.text.split import fits, left_out, none_short, short_enough
from zoo.data.text.vocabulary import learn_vocabulary, read_wordpieces
from zoo.errors import BadRecord, DataError
from zoo.files import sha256_json
from zoo.runtime.images import PADDED, Image
from zoo.runtime.text import encode_text
from zoo.spec import Arrays, DataSpec, Split, TextSpec

_Found = TypeVar("_Found")


class CaptionedSplit:
    """Pictures on disk, an example a caption.

    A picture with several captions is as many examples; its pixels are kept once. Texts are
    between their start and end signs, in rows as wide as the longest that the spec allows.

    Args:
        data: What the tensors are; it has the vocabulary.
        lines: The captions.
        bound: Bytes of decoded pictures that may be kept in memory.

    Attributes:
        data: As given.
        texts: By the name of a target, one text an example, as they were written.
        image_ids: Which image each example shows, a number from 0.
    """

    def __init__(self, data: DataSpec, lines: Sequence[Line], *, bound: int = MEMORY_BOUND) -> None:
        self.data = data
        self.texts = texts_of(lines)
        files, self.image_ids = _pictures(lines)
        image = data.inputs[0]
        height, width, channels = (int(size) for size in image.shape)
        self._lines, self._bound = tuple(lines), bound
        self._photos = ImageFiles(
            files, (height, width, channels), padded=image.outside == PADDED, bound=bound
        )
        self._fits = len(lines) * height * width * channels <= bound
        self._pixels: Image | None = None
        self._ids: Arrays | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the pictures and the texts at these positions.

        Raises:
            BadRecord: If a picture cannot be decoded; it names the line of its caption.
        """
        chosen = np.arange(len(self))[np.asarray(indices)]
        pixels = located(self._lines, lambda: self._photos.take(self.image_ids[chosen]))
        return {"image": pixels}, {name: ids[chosen] for name, ids in self._encoded().items()}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound.

        Raises:
            BadRecord: As :meth:`take`.
        """
        if not self._fits:
            return None
        if self._pixels is None:
            pixels = located(self._lines, self._photos.all)
            # A picture with one caption needs no copy.
            alone = len(self._photos) == len(self)
            self._pixels = pixels if alone else pixels[self.image_ids]
            self._pixels.flags.writeable = False
        return {"image": self._pixels}, self._encoded()

    def digest(self) -> str:
        """Return the SHA-256 over the files' bytes and the ids in their order.

        Raises:
            BadRecord: As :meth:`take`.
        """
        files = located(self._lines, self._photos.digests)
        return sha256_json([files, self.image_ids.tolist(), arrays_digest(self._encoded())])

    def encoded_by(self, data: DataSpec) -> CaptionedSplit:
        """Return the same pictures with their texts in the vocabulary of another spec.

        What is longer than that spec allows is left out, as it was when its model learned.

        Raises:
            DataError: If nothing is short enough.
        """
        if data == self.data:
            return self
        kept = short_enough(self.texts, data)
        return CaptionedSplit(data, [self._lines[i] for i in kept.tolist()], bound=self._bound)

    def _encoded(self) -> Arrays:
        if self._ids is None:
            self._ids = {
                spec.name: _encode(self.texts[spec.name], spec.text)
                for spec in self.data.targets
                if spec.text is not None
            }
        return dict(self._ids)


def is_captioned(path: Path) -> bool:
    """Return whether a folder holds captioned pictures: a file of captions, or one a split.

    Raises:
        DataError: If it could be read in two ways.
    """
    return bool(find_captions(path))


def open_captioned(path: Path, options: CaptionOptions, *, bound: int = MEMORY_BOUND) -> Dataset:
    """Read a folder for which :func:`is_captioned` holds.

    ``train``, ``validation`` (or ``valid``, ``val``) and ``test`` may have a file of captions
    each; what is missing of the latter two is drawn from ``train``. The vocabulary is that of the
    training split, with the prompt of the summaries, or a file's. A caption or a summary of more
    than ``max_length`` ids is left out with its line, and the spec says how many were.

    Args:
        path: The folder.
        options: Size, shares, seed, vocabulary.
        bound: See :class:`CaptionedSplit`.

    Raises:
        BadRecord: If a line is wrong, or the picture that it names; it names the line.
        DataError: If there are too few pictures, or no text of a split is short enough.
        ConfigError: If the pictures differ in size, and no size is asked for.
    """
    given = {split: read_captions(file) for split, file in find_captions(path).items()}
    check_summaries([line for lines in given.values() for line in lines])
    parts = {**given, **_drawn(given, options, path)}
    every = [line for lines in parts.values() for line in lines]
    shape = located(every, lambda: image_shape(_pictures(every)[0], options, path))
    image = image_tensor(shape, padded=options.image_fit == "pad")
    name, summary = path.resolve().name, every[0].summary is not None
    text = _text(parts["train"], options)
    short = fits(texts_of(every), caption_spec(name, image, text, summary=summary))
    note = left_out(short, "captions", options.max_length)
    spec = caption_spec(name, image, text, summary=summary, note=note)
    splits: dict[str, Split] = {}
    place = 0
    for split, lines in parts.items():
        kept = [line for i, line in enumerate(lines) if short[place + i]]
        place += len(lines)
        if not kept:
            raise none_short(name, split, "caption", options.max_length)
        splits[split] = CaptionedSplit(spec, kept, bound=bound)
    return Dataset(spec, lambda: splits)


def texts_of(lines: Sequence[Line]) -> dict[str, tuple[str, ...]]:
    """Return the captions, and the summaries where there are any, by the name of their target."""
    texts = {CAPTION: tuple(line.caption for line in lines)}
    summaries = tuple(line.summary for line in lines if line.summary is not None)
    return {**texts, SUMMARY: summaries} if summaries else texts


def located(lines: Sequence[Line], work: Callable[[], _Found]) -> _Found:
    """Do some work on pictures; what is wrong with one names the first line that it is in.

    Raises:
        BadRecord: As the work does, with the place of the line.
    """
    try:
        return work()
    except BadRecord as error:
        line = next((line for line in lines if str(line.photo) == error.file), None)
        if line is None:
            raise
        reason = error.what.removeprefix(f"{error.file}: ")
        raise line.bad(
            f"the picture {line.photo}: {reason}",
            why=error.why,
            fix="replace the file, or take its lines out",
        ) from error


def _drawn(
    given: Mapping[str, list[Line]], options: CaptionOptions, path: Path
) -> dict[str, list[Line]]:
    """Return the splits that are drawn from the training set, and what is left of it."""
    shares = {
        "validation": 0 if "validation" in given else options.validation_share,
        "test": 0 if "test" in given else options.test_share,
    }
    needed = 1 + sum(share > 0 for share in shares.values())
    if needed == 1:
        return {}
    lines = given["train"]
    files, pictures = _pictures(lines)
    groups = pictures
    if options.near_duplicates == "together":
        groups = near_groups(files)[pictures]
    if (count := len(set(groups.tolist()))) < needed:
        raise DataError(
            f"{path} has {count} different picture{'s' if count != 1 else ''}",
            why=f"each of the {needed} splits needs one at least, and pictures that are nearly "
            "the same stay together",
            fix="add other pictures",
        )
    parts = grouped_split(
        groups, validation=shares["validation"], test=shares["test"], seed=options.split_seed
    )
    return {split: [lines[i] for i in parts[split].tolist()] for split in SPLITS if split in parts}


def _text(train: Sequence[Line], options: CaptionOptions) -> TextSpec:
    """Return how texts become ids, with the vocabulary of the training split or of a file."""
    texts = texts_of(train)
    prompts = ((SUMMARY, options.prompt),) if SUMMARY in texts else ()
    if options.vocabulary is not None:
        spec = read_wordpieces(Path(options.vocabulary).expanduser(), options.max_length)
        return spec.model_copy(update={"prompts": prompts})
    bare = text_spec(options).model_copy(update={"prompts": prompts})
    # A summary is learned behind its prompt, so that its words are as frequent as summaries are.
    prompted = [f"{prompt} {text}" for name, prompt in prompts for text in texts[name]]
    return learn_vocabulary([*texts[CAPTION], *prompted], bare, options.vocabulary_size)


def _pictures(lines: Sequence[Line]) -> tuple[list[Path], Indices]:
    """Return the different pictures in the order of their first lines, and which each line has."""
    number: dict[Path, int] = {}
    places = [number.setdefault(line.photo, len(number)) for line in lines]
    return list(number), np.array(places, np.int64)


def _encode(texts: Sequence[str], spec: TextSpec) -> npt.NDArray[np.int32]:
    ids = encode_text(texts, spec, signs=True, width=spec.max_length)
    ids.flags.writeable = False
    return ids
