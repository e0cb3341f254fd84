"""The key that signs, which nobody else may read, and the keys that are trusted."""

import os
import stat
from pathlib import Path

import zoo

_MAKE = "zoo-signer keygen makes one; ZOO_SIGNER_KEY says where yours is"


def key_file():
    """Return where the private key is: ``ZOO_SIGNER_KEY``, or a folder of your own."""
    chosen = os.environ.get("ZOO_SIGNER_KEY")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return Path(chosen).expanduser() if chosen else home / "zoo-signer" / "key.pem"


def trusted_files():
    """Return the public keys that count: of ``ZOO_SIGNER_TRUSTED``, or of your own key.

    The variable names files and folders of ``.pub`` files, with the separator of ``PATH`` between.
    """
    chosen = os.environ.get("ZOO_SIGNER_TRUSTED")
    if not chosen:
        return [key_file().with_suffix(".pub")]
    places = [Path(place).expanduser() for place in chosen.split(os.pathsep) if place]
    return [
        file
        for place in places
        for file in (sorted(place.glob("*.pub")) if place.is_dir() else [place])
    ]


def make_key(file):
    """Make a key pair: the private half for its owner alone, the public half beside it.

    Raises:
        StorageError: If there is a file of that name, or it cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Never readable by others, not for the moment between making and changing it either.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(private)
        file.with_suffix(".pub").write_bytes(public)
    except FileExistsError as error:
        raise zoo.errors.StorageError(
            f"{file} is there already",
            why="a key that is replaced makes everything it signed untrusted",
            fix="keep it, or give another name: zoo-signer keygen --key FILE",
        ) from error
    except OSError as error:
        raise zoo.errors.StorageError(f"{file} cannot be written", why=str(error)) from error
    return file.with_suffix(".pub")


def private_key(artifact):
    """Return the key that signs.

    Raises:
        ConfigError: If there is none, others can read it, it lies where artifacts are handed out,
            or it is no Ed25519 key.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    file = key_file()
    if not file.is_file():
        raise zoo.errors.ConfigError(f"there is no key at {file}", why="unsigned", fix=_MAKE)
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise zoo.errors.ConfigError(
            f"others can read the key {file}",
            why="whoever has it signs in your name",
            fix=f"chmod 600 {file}, and a new key if somebody did",
        )
    if file.resolve().is_relative_to(artifact.resolve().parents[1]):
        raise zoo.errors.ConfigError(
            f"the key {file} lies in the model repository",
            why="what lies there is handed out",
            fix="move it, and set ZOO_SIGNER_KEY",
        )
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise zoo.errors.ConfigError(f"{file} is no key", why=str(error), fix=_MAKE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise zoo.errors.ConfigError(f"{file} is no Ed25519 key", why="the only kind here")
    return key


def trusted_keys():
    """Return the public keys that count, by the file each is in.

    Raises:
        ConfigError: If there is none, or one is no Ed25519 key.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    keys = {}
    for file in trusted_files():
        try:
            key = serialization.load_pem_public_key(file.read_bytes())
        except (OSError, ValueError) as error:
            raise zoo.errors.ConfigError(
                f"the trusted key {file} cannot be read",
                why=str(error),
                fix="ZOO_SIGNER_TRUSTED names the public keys that you trust, or their folder",
            ) from error
        if not isinstance(key, Ed25519PublicKey):
            raise zoo.errors.ConfigError(f"{file} is no Ed25519 key", why="the only kind here")
        keys[file] = key
    if not keys:
        raise zoo.errors.ConfigError(
            "no key is trusted", why="ZOO_SIGNER_TRUSTED holds no .pub file", fix=_MAKE
        )
    return keys


__all__ = ["key_file", "make_key", "private_key", "trusted_files", "trusted_keys"]
