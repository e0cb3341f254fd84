"""Cross-attention of a model that writes text: what it looks at for each word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import Diverged
from zoo.metrics.figures import Figure, ImageGrid, ImageRow, Matrix
from zoo.runtime import decode_text, generate
from zoo_inspect.pictures import stretched

if TYPE_CHECKING:
    import zoo
    from zoo.spec import TensorSpec

Array = np.ndarray[Any, Any]

_IMAGE_SIDE = 96
_MOST_WORDS = 24


@dataclass(frozen=True)
class WordAttention:
    """Attention to the source for each generated token. The likeliest token is taken each time.

    Attributes:
        text: What was generated.
        tokens: Its tokens, the last the end token if there was room for it.
        attention: Attention weights by layer, `(tokens, heads, positions)`.
        source: Names of the positions, if they are tokens; empty for the parts of an image.
        image: The image, from 0 to 1, if the source is one.
    """

    text: str
    tokens: tuple[str, ...]
    attention: Mapping[str, Array]
    source: tuple[str, ...]
    image: Array | None

    def figures(self) -> list[Figure]:
        """Return one picture a word, or one row a word, the mean over the heads."""
        if self.image is not None:
            return [self._over_image(self.image)]
        return [self._over_tokens(path, maps.mean(axis=1)) for path, maps in self.attention.items()]

    def _over_tokens(self, path: str, weights: Array) -> Matrix:
        positions = self.source or tuple(map(str, range(weights.shape[1])))
        return Matrix(
            title=f"{path}: attention for each word",
            caption="Rows are the words that are written, columns those that are read. In percent, "
            "mean over the heads.",
            rows=_numbered(self.tokens),
            columns=_numbered(positions),
            values=tuple(tuple(row[: len(positions)].tolist()) for row in weights),
            row_label="written",
            column_label="read",
            share=True,
        )

    def _over_image(self, image: Array) -> ImageGrid:
        places = len(self.tokens[:_MOST_WORDS])
        seen = ImageRow.of("image", [image])
        rows = [seen.model_copy(update={"images": seen.images + ("",) * (places - 1)})]
        for path, maps in self.attention.items():
            weights = maps.mean(axis=1)[:_MOST_WORDS]
            drawn = [_lit(image, _patches(row)) for row in weights]
            rows.append(ImageRow.of(path.rpartition("/")[0] or path, drawn))
        return ImageGrid(
            title="Attention for each word",
            caption="Bright where the decoder looks when it writes the word, dark where it does "
            "not; mean over the heads, each picture by itself. Where it looks explains a word only "
            "in part.",
            rows=tuple(rows),
            columns=self.tokens[:_MOST_WORDS],
        )


def word_attention(
    predictor: zoo.Predictor, signature: Any, inputs: Mapping[str, Array]
) -> WordAttention | None:
    """Generate a text, and record the cross-attention of each step.

    Args:
        predictor: The model.
        signature: Its signature that takes the inputs, and names the one of a step.
        inputs: One example.

    Returns:
        The attention, or ``None`` if the model writes no text, or no layer attends to as many
        positions at every step, or its scores are not finite.
    """
    from zoo_inspect.recording import record_calls

    step: Any = predictor.signatures.get(signature.decode) if signature.decode else None
    token = next((spec for spec in step.inputs if spec.name == "token"), None) if step else None
    if step is None or token is None or token.text is None:
        return None
    seen: list[dict[str, Array]] = []

    def decode(given: Mapping[str, Array]) -> dict[str, Array]:
        named = {tensor.name: given[tensor.name] for tensor in step.model.inputs}
        calls, outputs = record_calls(step.model, named)
        seen.append({call.path: call.attention[0][0] for call in calls if call.attention})
        return {name: np.asarray(_numpy(value)) for name, value in outputs.items()}

    functions = {"encode": predictor.predict_fns[signature.name], "decode": decode}
    try:
        found = generate(functions, dict(inputs), token.text)
    except Diverged:  # the table of layers says which output is not finite
        return None
    written = [int(one) for one in found.tokens[0]]
    # One step takes the token before, so that the first of them writes the first token.
    steps = seen[: len(written)]
    attended = _to_the_source(steps)
    if not attended:
        return None
    vocabulary = token.text.vocabulary
    (spec,) = signature.inputs[:1]
    ids = inputs[spec.name][0]
    return WordAttention(
        text=decode_text(found.tokens[:1], token.text)[0],
        tokens=tuple(vocabulary[one] for one in written[: len(steps)]),
        attention=attended,
        source=_source(spec, ids),
        image=_shown(ids, spec) if spec.is_image else None,
    )


def _to_the_source(steps: list[dict[str, Array]]) -> dict[str, Array]:
    """Return the maps that have one length at every step: attention to oneself grows by one."""
    found = {}
    for path, first in steps[-1].items() if steps else ():
        rows = [step[path] for step in steps if path in step]
        always = len(rows) == len(steps) > 1 and len({row.shape for row in rows}) == 1
        if always and first.shape[1] == 1:
            found[path] = np.stack([row[:, 0] for row in rows])
    return found


def _source(spec: TensorSpec, ids: Array) -> tuple[str, ...]:
    if spec.text is None:
        return ()
    return tuple(spec.text.vocabulary[int(one)] for one in ids if int(one) != spec.text.pad)


def _shown(pixels: Array, spec: TensorSpec) -> Array:
    low, high = spec.range or (0.0, 255.0)
    image = np.asarray(pixels, np.float64)
    step = -(-max(image.shape[:2]) // _IMAGE_SIDE)
    return np.clip((image[::step, ::step] - low) / (high - low), 0, 1)


def _patches(weights: Array) -> Array:
    """Return the weights of the parts of an image as a square, that of the class token left out."""
    side = int(np.sqrt(len(weights)))
    return weights[len(weights) - side * side :].reshape(side, side)


def _lit(image: Array, patches: Array) -> Array:
    """Return an image that is as bright as it is attended to."""
    side = len(patches)
    rows = np.arange(image.shape[0]) * side // image.shape[0]
    columns = np.arange(image.shape[1]) * side // image.shape[1]
    light = stretched(patches)[rows][:, columns]
    return np.asarray(image * (0.12 + 0.88 * light[..., None]))


def _numbered(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word or "·" for word in words)


def _numpy(value: Any) -> Any:
    from keras import ops

    return ops.convert_to_numpy(value)
