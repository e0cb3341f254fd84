"""The signature of an artifact: of its manifest, which has the SHA-256 of every other file."""

import base64
import binascii
import hashlib
import json
import os
from pathlib import Path

import zoo
from zoo_signer.keys import private_key, trusted_keys

FORMAT = "zoo-signature/1"


def place_of(artifact):
    """Return where the signature of an artifact is: beside the model repository, never inside.

    ``exports/cnn/1`` has ``exports.signatures/cnn/1.json``: an artifact holds what was proven and
    no other file, and ``zoo verify`` would refuse it. ``ZOO_SIGNATURES`` names another folder.
    """
    version = Path(artifact).resolve()
    model, repository = version.parent, version.parent.parent
    chosen = os.environ.get("ZOO_SIGNATURES")
    folder = Path(chosen) if chosen else repository.with_name(f"{repository.name}.signatures")
    return folder / model.name / f"{version.name}.json"


def sign(artifact):
    """Sign an artifact, and return the file of the signature.

    Raises:
        ConfigError: If there is no key, or one that should not sign.
        ArtifactError: If it is no artifact.
        StorageError: If the signature cannot be written.
    """
    artifact = Path(artifact)
    statement = _statement(artifact)
    signature = private_key(artifact).sign(_bytes(statement))
    place = place_of(artifact)
    text = json.dumps({**statement, "signature": base64.b64encode(signature).decode()}, indent=1)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(text + "\n", "utf-8")
        draft.replace(place)
    except OSError as error:
        raise zoo.errors.StorageError(f"{place} cannot be written", why=str(error)) from error
    return place


def verify(artifact):
    """Return the file of the trusted key that signed an artifact as it is now.

    Raises:
        ArtifactError: If it is not signed.
        Tampered: If it was signed with a key that is not trusted, or is not what was signed.
        ConfigError: If no key is trusted.
    """
    from cryptography.exceptions import InvalidSignature

    artifact = Path(artifact)
    keys, place = trusted_keys(), place_of(artifact)
    try:
        signed = json.loads(place.read_text("utf-8"))
        signature = base64.b64decode(signed.pop("signature"), validate=True)
    except FileNotFoundError as error:
        raise zoo.errors.ArtifactError(
            f"{artifact} is not signed", why=f"there is no {place}", fix="zoo-signer sign ARTIFACT"
        ) from error
    except (OSError, ValueError, binascii.Error, KeyError, TypeError, AttributeError) as error:
        raise zoo.errors.Tampered(
            f"the signature {place} cannot be read", why=str(error), fix="get it again"
        ) from error
    if signed != _statement(artifact):
        raise zoo.errors.Tampered(
            f"{artifact} is not what was signed",
            why="its manifest, its name or its version is another",
            fix="get the artifact and its signature again",
        )
    for file, key in keys.items():
        try:
            key.verify(signature, _bytes(signed))
        except InvalidSignature:
            continue
        return file
    raise zoo.errors.Tampered(
        f"no trusted key signed {artifact}",
        why=f"tried {', '.join(file.name for file in keys)}",
        fix="ask who published it for the public key, and compare it before you trust it",
    )


def _statement(artifact):
    """Return what is signed: which artifact, and the hash of its manifest."""
    try:
        manifest = (artifact / "manifest.json").read_bytes()
    except OSError as error:
        raise zoo.errors.ArtifactError(
            f"{artifact} is not an artifact", why=str(error), fix="give a folder like exports/cnn/1"
        ) from error
    folder = artifact.resolve()
    return {
        "format": FORMAT,
        "model": folder.parent.name,
        "version": folder.name,
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    }


def _bytes(statement):
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


__all__ = ["FORMAT", "place_of", "sign", "verify"]
