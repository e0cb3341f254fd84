"""Captioners are downloaded from the hub once, as pinned, and then read from its cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.plugins.blip import loopback, tiny
from tests.plugins.blip.loopback import COMMIT, OTHER, Hub
from zoo.errors import ChecksumMismatch, ConfigError, DatasetUnavailable, Incompatible
from zoo_blip_captioner import hub as places
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.checkpoint import WEIGHTS
from zoo_blip_captioner.hub import PINS, Pin, find_folder
from zoo_blip_captioner.pretrained import read_folder
from zoo_blip_captioner.training_model import captioner_of

huggingface_hub = pytest.importorskip("huggingface_hub", reason="it speaks with the hub")

NAME = "someone/tiny-captioner"
FILES = {"config.json", "vocab.txt", "model.safetensors"}


@pytest.fixture
def hub(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    with loopback.running() as found:
        found.publish(NAME, source)
        template = found.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.delenv("ZOO_OFFLINE", raising=False)
        yield found


def weights_of(source: Path) -> str:
    return hashlib.sha256((source / WEIGHTS).read_bytes()).hexdigest()


def test_a_repository_is_downloaded_once_and_then_read_without_a_network(
    hub: Hub, loaded: BlipCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tiny.values(loaded)
    assert tiny.same(tiny.values(tiny.load(NAME)), wanted)
    assert sorted(hub.fetched) == sorted(FILES)

    find_folder(NAME)
    assert len(hub.fetched) == 3

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    hub.requests.clear()
    assert tiny.same(tiny.values(tiny.load(NAME)), wanted)
    assert hub.requests == []


def test_a_cached_captioner_is_found_while_the_hub_is_down(hub: Hub) -> None:
    folder = find_folder(NAME)
    hub.status = 503
    assert find_folder(NAME) == folder


def test_a_captioner_that_is_not_cached_is_not_requested_offline(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(DatasetUnavailable, match="is missing") as caught:
        tiny.load(NAME)
    assert caught.value.why == "ZOO_OFFLINE forbids the network"
    assert all(name in caught.value.fix for name in FILES)
    assert hub.requests == []


def test_a_revision_is_a_commit_a_branch_or_a_tag(hub: Hub, tmp_path: Path) -> None:
    hub.commits["v2"] = OTHER
    other = tiny.published(tmp_path / "other", seed=3)
    hub.publish(NAME, other, "v2")
    for revision in ("v2", OTHER):
        assert weights_of(find_folder(NAME, revision=revision)) == weights_of(other)
    assert weights_of(find_folder(NAME)) != weights_of(other)
    wanted = tiny.values(tiny.load(other))
    assert tiny.same(tiny.values(tiny.load(NAME, revision="v2")), wanted)
    with pytest.raises(DatasetUnavailable, match="cannot be downloaded"):
        tiny.load(NAME, revision="nowhere")


def test_weights_must_have_the_given_sha256(hub: Hub, source: Path) -> None:
    tiny.load(NAME, sha256=weights_of(source))
    with pytest.raises(ChecksumMismatch, match="not the expected file") as caught:
        tiny.load(NAME, sha256="0" * 64)
    assert weights_of(source) in caught.value.why
    with pytest.raises(ChecksumMismatch):
        tiny.load(source, sha256="0" * 64)


def pinned(monkeypatch: pytest.MonkeyPatch, config: bytes) -> None:
    pin = Pin(COMMIT, "refs/pr/50", {"config.json": hashlib.sha256(config).hexdigest()})
    monkeypatch.setitem(PINS, NAME, pin)


def test_configuration_and_weights_may_lie_in_two_revisions(
    hub: Hub, source: Path, loaded: BlipCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hub.files[NAME, COMMIT, WEIGHTS]
    hub.publish(NAME, source, "refs/pr/50", WEIGHTS)
    pinned(monkeypatch, (source / "config.json").read_bytes())
    assert tiny.same(tiny.values(tiny.load(NAME)), tiny.values(loaded))
    assert OTHER in str(find_folder(NAME))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    tiny.load(NAME)


def test_a_pinned_file_replaces_another_beside_the_weights(
    hub: Hub, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish(NAME, source, "refs/pr/50")
    hub.files[NAME, OTHER, "config.json"] = b'{"model_type": "bert"}'
    pinned(monkeypatch, (source / "config.json").read_bytes())
    # Another program has fetched the other one before.
    huggingface_hub.hf_hub_download(NAME, "config.json", revision="refs/pr/50")
    assert read_folder(find_folder(NAME)).side == tiny.SIDE


def test_a_pinned_file_that_has_changed_is_refused(
    hub: Hub, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish(NAME, source, "refs/pr/50", WEIGHTS)
    pinned(monkeypatch, b"another")
    with pytest.raises(ChecksumMismatch, match="config.json is not the expected file"):
        tiny.load(NAME)
    # Whoever names another revision means another one.
    tiny.load(NAME, revision="main")


def test_the_default_captioner_is_pinned() -> None:
    pin = PINS[places.DEFAULT]
    assert len(pin.revision) == 40
    assert set(pin.sha256) == {"config.json", "vocab.txt"}
    assert all(len(digest) == 64 for digest in pin.sha256.values())


@pytest.mark.parametrize("missing", sorted(FILES))
def test_a_repository_without_a_file_says_which(hub: Hub, missing: str) -> None:
    del hub.files[NAME, COMMIT, missing]
    hub.files[NAME, COMMIT, "pytorch_model.bin"] = b"pickle"
    with pytest.raises(Incompatible, match="lacks a file of a captioner") as caught:
        tiny.load(NAME)
    assert "404" in caught.value.why
    assert "is not opened" in caught.value.fix
    assert not any(path.endswith(".bin") for _, path in hub.requests)


def test_a_tokenizer_json_is_fetched_where_there_is_no_vocabulary(
    hub: Hub, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hub.files[NAME, COMMIT, "vocab.txt"]
    index = {piece: place for place, piece in enumerate(tiny.PIECES)}
    said = json.dumps({"model": {"vocab": index}}).encode()
    hub.files[NAME, COMMIT, "tokenizer.json"] = said
    assert tiny.load(NAME).text_spec.vocabulary == tiny.PIECES
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert tiny.load(NAME).text_spec.vocabulary == tiny.PIECES


def test_a_repository_that_is_not_there_is_unavailable(hub: Hub) -> None:
    with pytest.raises(DatasetUnavailable, match="cannot be downloaded"):
        tiny.load("nobody/nothing")


@pytest.mark.parametrize("name", ["a/b c", "a--/b", "a/b\0c", "-a/b", "ä/ö", "a/.."])
def test_a_name_that_cannot_be_one_is_unavailable(hub: Hub, name: str) -> None:
    with pytest.raises((DatasetUnavailable, Incompatible)):
        tiny.load(name)
    assert hub.fetched == []


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_refusing_hub_is_reported(hub: Hub, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.status = status
    with pytest.raises(DatasetUnavailable, match="cannot be downloaded"):
        tiny.load(NAME)


def test_an_unreachable_hub_is_reported(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(DatasetUnavailable, match="cannot be downloaded"):
        tiny.load(NAME)


def test_an_interrupted_download_leaves_no_weights(
    hub: Hub, loaded: BlipCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.cut = 10_000
    with pytest.raises(DatasetUnavailable, match="cannot be downloaded"):
        tiny.load(NAME)
    hub.cut = None
    assert tiny.same(tiny.values(tiny.load(NAME)), tiny.values(loaded))


def test_a_folder_of_that_name_comes_first(
    hub: Hub, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(source, tmp_path / NAME)
    tiny.load(NAME)
    assert hub.requests == []


def test_a_sha256_of_several_files_is_refused(source: Path, tmp_path: Path) -> None:
    from tests.plugins.blip.test_files import split

    folder = Path(shutil.copytree(source, tmp_path / "parts"))
    split(folder)
    with pytest.raises(ConfigError, match="needs a single weights file"):
        tiny.load(folder, sha256="0" * 64)


def test_a_model_is_built_from_the_hub(hub: Hub, loaded: BlipCaptioner) -> None:
    model = zoo.build("blip_captioner", weights=NAME)
    layer = captioner_of(model)
    assert tiny.same(tiny.values(layer), tiny.values(loaded))
    assert model.blueprint.config.pretrained == NAME and model.blueprint.data.id == NAME


@pytest.mark.slow
def test_the_command_line_reports_errors_without_a_traceback(hub: Hub, tmp_path: Path) -> None:
    def asked(name: str, **other: str) -> subprocess.CompletedProcess[str]:
        surroundings = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HUB_CACHE": str(tmp_path / "second"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "no_proxy": "*",
            **other,
        }
        return subprocess.run(
            [sys.executable, "-m", "zoo", "build", "blip_captioner", "--weights", name],
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )

    good = asked(NAME)
    assert good.returncode == 0, good.stderr
    assert "parameters" in good.stdout
    offline = asked("someone/else", ZOO_OFFLINE="1")
    assert offline.returncode == DatasetUnavailable.exit_code
    assert "ZOO_OFFLINE" in offline.stderr
    del hub.files[NAME, COMMIT, WEIGHTS]
    without = asked(NAME, HF_HUB_CACHE=str(tmp_path / "third"))
    assert without.returncode == Incompatible.exit_code
    assert "pickle" in without.stderr
    for found in (offline, without):
        assert "Traceback" not in found.stderr and "try: " in found.stderr
