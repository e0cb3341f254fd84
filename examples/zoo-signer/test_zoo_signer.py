"""The signer, tested as its author would: genuine and tampered artifacts."""

# ruff: noqa: D103, S101, S603 - a name says what a test is about; asserting, and starting
# this interpreter again, are its purpose

import json
import os
import shutil
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import zoo

# So that the tests also run before the plugin is installed.
sys.path.insert(0, str(Path(__file__).parent))
import zoo_signer
import zoo_signer.hooks
from zoo_signer.keys import make_key

pytest.importorskip("cryptography", reason="it signs with cryptography")
HERE = str(Path(__file__).parent)

if not any(plugin.distribution == "zoo-signer" for plugin in zoo.plugins()):
    zoo.hooks().register(zoo_signer.hooks, "signer")


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A repository with one artifact, signed as it was exported."""
    folder = tmp_path_factory.mktemp("published")
    make_key(folder / "keys" / "key.pem")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("ZOO_SIGNER_KEY", str(folder / "keys" / "key.pem"))
        warnings.simplefilter("error", zoo.errors.ZooWarning)
        zoo.export(zoo.build("mlp_classifier", units=[4]), folder / "exports")
    return folder


@pytest.fixture
def copy(published, tmp_path, monkeypatch):
    """A copy of everything, as somebody has it who trusts the key."""
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("ZOO_SIGNER_KEY", str(tmp_path / "keys" / "key.pem"))
    return tmp_path


def artifact_in(folder):
    return folder / "exports" / "mlp_classifier" / "1"


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "zoo_signer", *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([HERE, *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_export_is_signed_and_verifies_with_the_key_beside_the_private_one(copy):
    assert zoo_signer.verify(artifact_in(copy)) == copy / "keys" / "key.pub"
    zoo.verify(artifact_in(copy))
    assert not [result for result in zoo.verify_all(artifact_in(copy).parent) if result.error]
    done = command("verify", artifact_in(copy))
    assert (done.returncode, "signed by" in done.stdout) == (0, True), done.stderr


def test_the_key_is_for_its_owner_alone_and_in_no_artifact(copy):
    key = copy / "keys" / "key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    secret = key.read_bytes().splitlines()[1]
    for file in [*(copy / "exports").rglob("*"), *(copy / "exports.signatures").rglob("*")]:
        assert file.is_dir() or secret not in file.read_bytes()


def test_a_key_is_never_made_over_another(copy):
    before = (copy / "keys" / "key.pem").read_bytes()
    done = command("keygen")
    assert (done.returncode, "is there already" in done.stderr) == (10, True)
    assert (copy / "keys" / "key.pem").read_bytes() == before


def test_a_key_that_others_can_read_signs_nothing(copy):
    (copy / "keys" / "key.pem").chmod(0o640)
    with pytest.raises(zoo.errors.ConfigError, match="others can read"):
        zoo_signer.sign(artifact_in(copy))


def test_a_key_in_the_model_repository_signs_nothing(copy, monkeypatch):
    make_key(copy / "exports" / "key.pem")
    monkeypatch.setenv("ZOO_SIGNER_KEY", str(copy / "exports" / "key.pem"))
    with pytest.raises(zoo.errors.ConfigError, match="lies in the model repository"):
        zoo_signer.sign(artifact_in(copy))


def test_another_key_than_the_trusted_one_is_refused(copy, monkeypatch):
    other = make_key(copy / "other" / "key.pem")
    monkeypatch.setenv("ZOO_SIGNER_TRUSTED", str(other))
    with pytest.raises(zoo.errors.Tampered, match="no trusted key signed"):
        zoo_signer.verify(artifact_in(copy))
    done = command("verify", artifact_in(copy))
    assert done.returncode == zoo.errors.Tampered.exit_code
    monkeypatch.setenv("ZOO_SIGNER_TRUSTED", f"{other.parent}{os.pathsep}{copy / 'keys'}")
    assert zoo_signer.verify(artifact_in(copy)) == copy / "keys" / "key.pub"


def test_a_manifest_that_was_changed_is_refused(copy):
    manifest = artifact_in(copy) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    with pytest.raises(zoo.errors.Tampered, match="is not what was signed"):
        zoo_signer.verify(artifact_in(copy))


@pytest.mark.parametrize("field", ["manifest_sha256", "model", "version", "format"])
def test_a_signature_that_was_rewritten_for_another_artifact_is_refused(copy, field):
    place = zoo_signer.place_of(artifact_in(copy))
    place.write_text(json.dumps({**json.loads(place.read_text()), field: "another"}))
    with pytest.raises(zoo.errors.Tampered):
        zoo_signer.verify(artifact_in(copy))


def test_a_signature_of_one_version_says_nothing_of_the_same_files_under_another(copy):
    second = artifact_in(copy).with_name("2")
    shutil.copytree(artifact_in(copy), second)
    shutil.copyfile(zoo_signer.place_of(artifact_in(copy)), zoo_signer.place_of(second))
    with pytest.raises(zoo.errors.Tampered, match="is not what was signed"):
        zoo_signer.verify(second)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"signature": 3}', '{"signature": "no"}'])
def test_what_is_no_signature_is_refused(copy, text):
    zoo_signer.place_of(artifact_in(copy)).write_text(text)
    with pytest.raises(zoo.errors.Tampered):
        zoo_signer.verify(artifact_in(copy))


def test_a_verification_warns_of_an_unsigned_artifact_and_fails_where_the_policy_says_so(
    copy,
):
    zoo_signer.place_of(artifact_in(copy)).unlink()
    with pytest.warns(zoo.errors.ZooWarning, match="is not signed"):
        zoo.verify(artifact_in(copy))
    done = command("verify", artifact_in(copy))
    assert (done.returncode, "is not signed" in done.stderr) == (8, True)
    done = command("sign", artifact_in(copy))
    assert done.returncode == 0, done.stderr
    zoo.verify(artifact_in(copy))


def test_without_a_key_an_export_is_published_and_says_that_it_is_unsigned(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_SIGNER_KEY", str(tmp_path / "none.pem"))
    with pytest.warns(zoo.errors.ZooWarning, match="zoo-signer keygen"):
        artifact = zoo.export(zoo.build("mlp_classifier", units=[4]), tmp_path / "exports")
    assert artifact.path.is_dir()
    assert not (tmp_path / "exports.signatures").exists()
