"""What a model is made to say first: the name of a prompt that it knows, or words."""

from __future__ import annotations

from zoo.errors import ConfigError, Finding
from zoo.runtime.text import tokenizer
from zoo.spec import TextSpec

_SHOWN = 80


def prompt_ids(prompt: str, text: TextSpec) -> tuple[int, ...]:
    """Return the ids that a model's text begins with.

    Args:
        prompt: The name of one of ``text.prompts``, or the words themselves; none if empty.
        text: What the model writes.

    Raises:
        ConfigError: If the words are empty once they are cleaned, if all of them are unknown to
            the model, or if they leave no room for a text.

    Example:
        >>> prompt_ids("summary", text) == prompt_ids("a detailed photo of", text)
        True
    """
    if not prompt:
        return ()
    words = dict(text.prompts).get(prompt, prompt)
    ids = tuple(tokenizer(text).ids(words))
    # The start sign and one token behind the prompt have to have a place, too.
    room = text.max_length - 2
    if not ids:
        wrong = "words; in these is nothing that can be seen"
    elif all(index == text.unk for index in ids):
        wrong = "words of the model's vocabulary; it knows none of these"
    elif len(ids) > room:
        wrong = f"at most {room:,} pieces, for the model's text to have a place; it is {len(ids):,}"
    else:
        return ids
    names = ", ".join(name for name, _ in text.prompts)
    known = f"the name of a prompt ({names}), or {wrong}" if names else wrong
    shown = prompt if len(prompt) <= _SHOWN else f"{prompt[:_SHOWN]}…"
    raise ConfigError(
        "the model cannot begin with this prompt", findings=[Finding("prompt", shown, known)]
    )


__all__ = ["prompt_ids"]
