"""Captioned images: a folder with a file of captions.

All captions of one image stay in one split, and so do near duplicates (see
:mod:`zoo.data.images.near_duplicates`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from zoo.data.caption_files import CaptionLine, check_summaries, find_captions, read_captions
from zoo.data.dataset import Dataset, arrays_digest
from zoo.data.images.files import MEMORY_BOUND, ImageFiles, ImageReader, image_tensor
from zoo.data.images.near_duplicates import near_groups
from zoo.data.options import CAPTION, SUMMARY, CaptionOptions
from zoo.data.splits import SPLITS, Indices, grouped_split
from zoo.data.text.encoding import (
    fits,
    left_out,
    none_short,
    short_enough,
    text_spec,
    token_tensor,
)
from zoo.data.text.vocabulary import learn_vocabulary, read_wordpieces
from zoo.errors import BadRecord, DataError
from zoo.files import sha256_json
from zoo.runtime.image_formats import Image
from zoo.runtime.text import encode_text
from zoo.spec import Arrays, DataSpec, Split, Task, TensorSpec, TextSpec

_Found = TypeVar("_Found")


class CaptionedSplit:
    """Images on disk with one caption per example.

    The pixels of an image with several captions are kept once. Texts are between their start and
    end tokens, in rows as wide as ``max_length``.

    Args:
        data: The spec, with the vocabulary.
        lines: The captions.
        reader: Reads the images.
        bound: The most bytes of decoded images to keep in memory.

    Attributes:
        data: The spec.
        texts: One text per example, as it was written, by the name of its target.
        image_ids: The index of each example's image, from 0.
    """

    def __init__(
        self,
        data: DataSpec,
        lines: Sequence[CaptionLine],
        reader: ImageReader,
        *,
        bound: int = MEMORY_BOUND,
    ) -> None:
        self.data = data
        self.texts = _texts_of(lines)
        files, self.image_ids = _images(lines)
        image = data.inputs[0]
        height, width, channels = (int(size) for size in image.shape)
        self._lines, self._bound, self._reader = tuple(lines), bound, reader
        self._images = ImageFiles(files, (height, width, channels), reader, bound=bound)
        self._fits = len(lines) * height * width * channels <= bound
        self._pixels: Image | None = None
        self._ids: Arrays | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the images and the texts at these positions.

        Raises:
            BadRecord: If an image cannot be decoded; it names the line of its caption.
        """
        chosen = np.arange(len(self))[np.asarray(indices)]
        pixels = _locate(self._lines, lambda: self._images.take(self.image_ids[chosen]))
        return {"image": pixels}, {name: ids[chosen] for name, ids in self._encoded().items()}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above the bound.

        Raises:
            BadRecord: As :meth:`take`.
        """
        if not self._fits:
            return None
        if self._pixels is None:
            pixels = _locate(self._lines, self._images.all)
            # If every image has one caption, no copy is needed.
            alone = len(self._images) == len(self)
            self._pixels = pixels if alone else pixels[self.image_ids]
            self._pixels.flags.writeable = False
        return {"image": self._pixels}, self._encoded()

    def digest(self) -> str:
        """Return the SHA-256 over the files' bytes and the ids in their order.

        Raises:
            BadRecord: As :meth:`take`.
        """
        files = _locate(self._lines, self._images.digests)
        return sha256_json([files, self.image_ids.tolist(), arrays_digest(self._encoded())])

    def encoded_by(self, data: DataSpec) -> CaptionedSplit:
        """Return the same images with their texts in the vocabulary of another spec.

        Texts longer than that spec allows are left out, as they were in training.

        Raises:
            DataError: If no text is short enough.
        """
        if data == self.data:
            return self
        kept = short_enough(self.texts, data)
        lines = [self._lines[i] for i in kept.tolist()]
        return CaptionedSplit(data, lines, self._reader, bound=self._bound)

    def _encoded(self) -> Arrays:
        if self._ids is None:
            self._ids = {
                spec.name: _encode(self.texts[spec.name], spec.text)
                for spec in self.data.targets
                if spec.text is not None
            }
        return dict(self._ids)


def caption_spec(
    name: str, image: TensorSpec, text: TextSpec, *, summary: bool, note: str = ""
) -> DataSpec:
    """Return the spec of captioned images: ``image``, and ``caption`` with start and end tokens.

    Args:
        name: Id of the data.
        image: The input.
        text: Text spec of a caption, and of a summary.
        summary: Whether there is a second target ``summary``, without its prompt.
        note: What else a reader of the artifact's card should know.

    Example:
        >>> text = TextSpec(split="words", max_length=16)
        >>> spec = caption_spec("scans", pets.spec.inputs[0], text, summary=False)
        >>> spec.task, spec.targets[0].name
        ('captioning', 'caption')
    """
    names = (CAPTION, SUMMARY) if summary else (CAPTION,)
    return DataSpec(
        id=name,
        task=Task.CAPTIONING,
        inputs=(image,),
        targets=tuple(token_tensor(target, text, note) for target in names),
    )


def is_captioned(path: Path) -> bool:
    """Return whether a folder holds captioned images: a file of captions, or one per split.

    Raises:
        DataError: If it could be read in two ways.
    """
    return bool(find_captions(path))


def open_captioned(path: Path, options: CaptionOptions, *, bound: int = MEMORY_BOUND) -> Dataset:
    """Read a folder of captioned images.

    ``train``, ``validation`` (or ``valid``, ``val``) and ``test`` may have a file of captions
    each; a missing split is drawn from ``train``. The vocabulary is that of the training split,
    with the prompt of the summaries, or that of a file. A line with a text of more than
    ``max_length`` ids is left out, and the spec says how many were.

    Args:
        path: A folder for which :func:`is_captioned` holds.
        options: Size, shares, seed, vocabulary.
        bound: See :class:`CaptionedSplit`.

    Raises:
        BadRecord: If a line is wrong, or its image; it names the line.
        DataError: If there are too few images, or no text of a split is short enough.
        ConfigError: If the images differ in size, and no size is given.
    """
    given = {split: read_captions(file) for split, file in find_captions(path).items()}
    check_summaries([line for lines in given.values() for line in lines])
    every = [line for lines in given.values() for line in lines]
    reader = ImageReader(path, options, bound=bound)
    parts = {**given, **_drawn(given, options, path, reader)}
    shape = _locate(every, lambda: reader.shape(_images(every)[0]))
    every = [line for lines in parts.values() for line in lines]
    image = image_tensor(shape, padded=options.image_fit == "pad")
    name, summary = path.resolve().name, every[0].summary is not None
    text = _text(parts["train"], options)
    short = fits(_texts_of(every), caption_spec(name, image, text, summary=summary))
    note = left_out(short, "captions", options.max_length)
    spec = caption_spec(name, image, text, summary=summary, note=note)
    splits: dict[str, Split] = {}
    place = 0
    for split, lines in parts.items():
        kept = [line for i, line in enumerate(lines) if short[place + i]]
        place += len(lines)
        if not kept:
            raise none_short(name, split, "caption", options.max_length)
        splits[split] = CaptionedSplit(spec, kept, reader, bound=bound)
    dataset = Dataset(spec, lambda: splits)
    dataset.drawn = "test" not in given
    return dataset


def _texts_of(lines: Sequence[CaptionLine]) -> dict[str, tuple[str, ...]]:
    """Return the captions, and the summaries if there are any, by the name of their target."""
    texts = {CAPTION: tuple(line.caption for line in lines)}
    summaries = tuple(line.summary for line in lines if line.summary is not None)
    return {**texts, SUMMARY: summaries} if summaries else texts


def _locate(lines: Sequence[CaptionLine], work: Callable[[], _Found]) -> _Found:
    """Work on images; an error names the first line of the image.

    Raises:
        BadRecord: As the work does, with the place of the line.
    """
    try:
        return work()
    except BadRecord as error:
        line = next((line for line in lines if str(line.image) == error.file), None)
        if line is None:
            raise
        reason = error.what.removeprefix(f"{error.file}: ")
        raise line.bad(
            f"the image {line.image}: {reason}",
            why=error.why,
            fix="replace the file, or take its lines out",
        ) from error


def _drawn(
    given: Mapping[str, list[CaptionLine]], options: CaptionOptions, path: Path, reader: ImageReader
) -> dict[str, list[CaptionLine]]:
    """Return the splits that are drawn from the training set, and what is left of it."""
    shares = options.shares(given)
    needed = 1 + sum(share > 0 for share in shares.values())
    if needed == 1:
        return {}
    lines = given["train"]
    files, groups = _images(lines)
    if options.near_duplicates == "together":
        groups = _locate(lines, lambda: near_groups(files, reader))[groups]
    if (count := len(set(groups.tolist()))) < needed:
        raise DataError(
            f"{path} has {count} different image{'s' if count != 1 else ''}",
            why=f"each of the {needed} splits needs at least one, and near duplicates stay "
            "together",
            fix="add other images",
        )
    parts = grouped_split(groups, **shares, seed=options.split_seed)
    return {split: [lines[i] for i in parts[split].tolist()] for split in SPLITS if split in parts}


def _text(train: Sequence[CaptionLine], options: CaptionOptions) -> TextSpec:
    """Return the text spec with the vocabulary of the training split, or that of a file."""
    texts = _texts_of(train)
    prompts = ((SUMMARY, options.prompt),) if SUMMARY in texts else ()
    if options.vocabulary is not None:
        spec = read_wordpieces(Path(options.vocabulary).expanduser(), options.max_length)
        return spec.model_copy(update={"prompts": prompts})
    bare = text_spec(options).model_copy(update={"prompts": prompts})
    # A summary follows its prompt in training, so the prompt's words are as frequent as summaries.
    prompted = [f"{prompt} {text}" for name, prompt in prompts for text in texts[name]]
    return learn_vocabulary([*texts[CAPTION], *prompted], bare, options.vocabulary_size)


def _images(lines: Sequence[CaptionLine]) -> tuple[list[Path], Indices]:
    """Return the different images in the order of their first lines, and the image of each line."""
    number: dict[Path, int] = {}
    places = [number.setdefault(line.image, len(number)) for line in lines]
    return list(number), np.array(places, np.int64)


def _encode(texts: Sequence[str], spec: TextSpec) -> npt.NDArray[np.int32]:
    ids = encode_text(texts, spec, special_tokens=True, width=spec.max_length)
    ids.flags.writeable = False
    return ids
