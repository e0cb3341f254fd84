"""Folders of captioners: valid ones, those of other models, and incomplete ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.plugins.blip import tiny
from zoo.errors import ConfigError, DataError, DatasetUnavailable, Incompatible, ZooError
from zoo_blip_captioner.hub import find_folder, is_named
from zoo_blip_captioner.pretrained import read_folder, read_vocabulary

pytest.importorskip("transformers", reason="it knows what a configuration leaves out")


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


def test_a_folder_has_the_sizes_and_the_vocabulary(source: Path) -> None:
    found = read_folder(source)
    assert found.side == tiny.SIDE
    assert found.vision == {k: v for k, v in tiny.VISION.items() if k != "image_size"}
    assert found.text == {**tiny.TEXT, "dropout": 0.0}
    words = found.text_spec
    assert words.vocabulary == tiny.PIECES and words.split == "wordpiece" and words.lowercase
    assert (words.pad, words.unk, words.start, words.end) == (0, 1, tiny.START, tiny.END)
    assert words.prompts == (("summary", "a detailed photo of"),) and words.max_length == 32


def test_missing_fields_have_the_defaults_of_transformers(folder: Path) -> None:
    tiny.change(folder, text_config={"num_attention_heads": None})
    assert read_folder(folder).text["num_heads"] == 8
    tiny.change(folder, text_config={"num_attention_heads": 2})
    assert read_folder(folder).text["num_heads"] == 2
    (folder / "config.json").write_text('{"model_type": "blip"}')
    pieces = [f"word{i}" for i in range(30524)]
    for place, sign in {0: "[PAD]", 100: "[UNK]", 102: "[SEP]", 30522: "[DEC]"}.items():
        pieces[place] = sign
    tiny.write_vocabulary(folder, tuple(pieces))
    found = read_folder(folder)
    base = {"hidden_dim": 768, "num_layers": 12, "intermediate_dim": 3072}
    assert found.vision == {**base, "num_heads": 12, "patch_size": 16} and found.side == 384
    assert found.text == {**base, "num_heads": 8, "max_positions": 512, "dropout": 0.0}


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "blip-2", "architectures": ["Blip2ForConditionalGeneration"]},
        {"model_type": "blip", "architectures": ["BlipForQuestionAnswering"]},
        {"model_type": "bert", "architectures": ["BertModel"]},
        {"model_type": "blip", "architectures": 5},
        {"model_type": ["blip"]},
        {},
        [],
        "blip",
        None,
    ],
)
def test_the_configuration_of_another_model_is_refused(folder: Path, config: Any) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(Incompatible, match="configuration of another model") as caught:
        tiny.load(folder)
    assert str(folder / "config.json") in caught.value.what


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "\xff", "[" * 100_000])
def test_invalid_json_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read"):
        tiny.load(folder)


def test_a_folder_without_a_configuration_says_so(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(DataError, match="cannot be read") as caught:
        tiny.load(folder)
    assert "a folder of a captioner has one" in caught.value.fix


@pytest.mark.parametrize(
    ("side", "field", "value"),
    [
        ("vision_config", "hidden_act", "quick_gelu"),
        ("text_config", "hidden_act", "relu"),
        ("vision_config", "layer_norm_eps", 1e-6),
        ("text_config", "layer_norm_eps", 1e-5),
        ("text_config", "tie_word_embeddings", False),
        ("vision_config", "image_size", [36, 48]),
        ("vision_config", "patch_size", [12, 12]),
        ("vision_config", "image_size", 40),
        ("vision_config", "image_size", 0),
        ("vision_config", "patch_size", 0),
        ("vision_config", "patch_size", -12),
        ("vision_config", "image_size", 12_000_000),
        ("text_config", "vocab_size", 2_000_000_000),
        ("text_config", "vocab_size", 0),
        ("text_config", "bos_token_id", 30522),
        ("text_config", "sep_token_id", 4),
        ("text_config", "pad_token_id", 9),
    ],
)
def test_an_unsupported_value_is_refused_by_its_field(
    folder: Path, side: str, field: str, value: Any
) -> None:
    tiny.change(folder, **{side: {field: value}})
    with pytest.raises(Incompatible) as caught:
        tiny.load(folder)
    assert f"{side}.{field}: " in caught.value.why and repr(value) in caught.value.why


@pytest.mark.parametrize(
    ("side", "field", "value", "where"),
    [
        ("vision_config", "num_attention_heads", 5, "vision.hidden_dim 48 is not divisible"),
        ("text_config", "num_attention_heads", 0, "text.num_heads"),
        ("text_config", "hidden_dropout_prob", 1.5, "text.dropout"),
        ("text_config", "num_hidden_layers", 1_000_000, "text.num_layers"),
        ("vision_config", "intermediate_size", -1, "vision.intermediate_dim"),
        ("text_config", "max_position_embeddings", 1, "text.max_positions"),
    ],
)
def test_sizes_out_of_range_are_refused_by_name(
    folder: Path, side: str, field: str, value: Any, where: str
) -> None:
    tiny.change(folder, **{side: {field: value}})
    with pytest.raises(ConfigError, match="the sizes in") as caught:
        tiny.load(folder)
    assert where in caught.value.why


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 80) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=4,
)
_FIELDS = st.sampled_from(
    [
        *tiny.VISION_CONFIG, *tiny.TEXT_CONFIG, "hidden_act", "layer_norm_eps", "is_decoder",
        "hidden_dropout_prob", "model_type", "torch_dtype", "id2label",
    ]
)  # fmt: skip


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    side=st.sampled_from(["vision_config", "text_config", None]),
    changes=st.dictionaries(_FIELDS, _JSON, max_size=2),
)
def test_any_configuration_is_accepted_or_a_typed_error(
    source: Path, folder: Path, side: str | None, changes: dict[str, Any]
) -> None:
    config = json.loads((source / "config.json").read_text())
    (config if side is None else config[side]).update(changes)
    (folder / "config.json").write_text(json.dumps(config))
    try:
        found = read_folder(folder)
    except ZooError as error:
        assert error.what and error.why
    else:
        assert len(found.text_spec.vocabulary) == len(tiny.PIECES)


def test_weights_of_other_sizes_than_the_configuration_are_refused(folder: Path) -> None:
    tiny.change(folder, vision_config={"intermediate_size": 44})
    with pytest.raises(Incompatible, match="9 different"):
        tiny.load(folder)


def test_a_folder_without_a_vocabulary_says_so(folder: Path) -> None:
    (folder / "vocab.txt").unlink()
    with pytest.raises(DataError, match="has no vocabulary") as caught:
        tiny.load(folder)
    assert "vocab.txt" in caught.value.fix


@pytest.mark.parametrize("sign", ["[PAD]", "[UNK]", "[SEP]"])
def test_a_vocabulary_without_a_special_token_is_refused(folder: Path, sign: str) -> None:
    tiny.write_vocabulary(folder, tuple("x" if p == sign else p for p in tiny.PIECES))
    with pytest.raises(DataError) as caught:
        tiny.load(folder)
    assert f"has no {sign}" in caught.value.what


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ((*tiny.PIECES, "more"), "has 61 tokens, and the captioner 60"),
        ((*tiny.PIECES[:-1], "w3"), "repeats 'w3'"),
    ],
)
def test_the_vocabulary_of_another_captioner_is_refused(
    folder: Path, pieces: tuple[str, ...], message: str
) -> None:
    tiny.write_vocabulary(folder, pieces)
    with pytest.raises(DataError, match="does not fit the captioner") as caught:
        tiny.load(folder)
    assert message in caught.value.why


def test_the_special_tokens_of_blip_are_appended_to_berts_vocabulary(folder: Path) -> None:
    tiny.write_vocabulary(folder, tiny.PIECES[:-2])
    assert read_folder(folder).text_spec.vocabulary == tiny.PIECES
    words = read_vocabulary(folder, len(tiny.PIECES) + 2)
    assert words.vocabulary[-3:] == ("[ENC]", "[unused_60]", "[unused_61]")


def tokenizer(folder: Path, **other: Any) -> None:
    """Write the words as the package tokenizers does, instead of vocab.txt."""
    (folder / "vocab.txt").unlink()
    index = {piece: place for place, piece in enumerate(tiny.PIECES[:-2])}
    added = [{"id": tiny.START + i, "content": p} for i, p in enumerate(tiny.PIECES[-2:])]
    found = {"model": {"type": "WordPiece", "vocab": index}, "added_tokens": added, **other}
    (folder / "tokenizer.json").write_text(json.dumps(found))


def test_a_tokenizer_json_is_read_without_a_vocabulary_file(folder: Path, source: Path) -> None:
    tokenizer(folder)
    assert read_folder(folder) == read_folder(source)


@pytest.mark.parametrize(
    "other",
    [
        {"model": {}},
        {"model": None},
        {"model": {"vocab": [["a", -1.0]]}},
        {"model": {"vocab": {"[PAD]": "zero"}}},
        {"model": {"vocab": {"[PAD]": 0, "[UNK]": 7}}},
        {"added_tokens": [{"id": 3}]},
        {"added_tokens": 3},
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(folder: Path, other: Any) -> None:
    tokenizer(folder, **other)
    with pytest.raises(DataError):
        tiny.load(folder)


def test_a_vocabulary_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "vocab.txt").write_bytes(b"[PAD]\n\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read"):
        tiny.load(folder)


@pytest.mark.parametrize("name", ["nothing/here/at-all", "./captioner", "/nowhere", "nowhere"])
def test_a_missing_path_is_not_requested_from_the_hub(name: str) -> None:
    with pytest.raises(DatasetUnavailable, match="there is no folder"):
        tiny.load(name)
    assert not is_named(name)


def test_the_home_of_an_unknown_user_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable):
        find_folder("~nobody-of-that-name/a/b")
    with pytest.raises(DatasetUnavailable, match="there is no folder"):
        find_folder(tmp_path / "x.safetensors")
