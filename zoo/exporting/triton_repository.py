"""What an export writes beside the versions of a model, taken back if it fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from zoo.errors import ExportError, Incompatible
from zoo.files import atomic_write, storage_errors
from zoo.runtime.manifest import MANIFEST, VECTORS, read_manifest
from zoo.runtime.triton_config import WARMUP, check_same_interface, repository_files
from zoo.runtime.verification import expected_files, version_folders


@contextlib.contextmanager
def joining(folder: Path) -> Iterator[Callable[[Path], None]]:
    """Let a new version join a model's folder, or leave the folder as it was.

    What stands beside the versions is written before the new one appears, since it holds for all
    of them: a server that looks in between finds the old versions with a configuration that fits.

    Args:
        folder: The folder of the versions; it may not exist yet.

    Yields:
        A function that takes the folder of the finished version, still out of sight. It raises
        :class:`ExportError` if the version takes or gives other things than those before it.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    undo: list[tuple[Path, bytes | None]] = []
    try:
        yield lambda stage: _join(folder, stage, undo)
    except BaseException:
        with contextlib.suppress(OSError):
            _restore(undo)
        for parent in (folder / WARMUP, *made):
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def _join(folder: Path, stage: Path, undo: list[tuple[Path, bytes | None]]) -> None:
    manifest = read_manifest(stage)
    versions = [path for path in version_folders(folder) if (path / MANIFEST).is_file()]
    for version in versions[-1:]:
        try:
            check_same_interface(
                manifest, read_manifest(version), where=folder, fix="export it --as another name"
            )
        except Incompatible as error:
            raise ExportError(
                error.what,
                why=error.why,
                fix=f"zoo export RUN --as {manifest.name}_2, or any other name",
            ) from error
    vectors = (stage / VECTORS).read_bytes()
    before = expected_files(folder) if len(versions) == len(version_folders(folder)) else []
    for name, raw in repository_files(manifest, vectors).items():
        path = folder / name
        with storage_errors(path, "reading"):
            old = path.read_bytes() if path.exists() else None
        fitting = [files.get(name) for files in before] if name.startswith(f"{WARMUP}/") else []
        if old is not None and old in (raw, *fitting):
            continue
        undo.append((path, old))
        atomic_write(path, raw)


def _restore(undo: list[tuple[Path, bytes | None]]) -> None:
    for path, old in reversed(undo):
        if old is None:
            path.unlink(missing_ok=True)
        else:
            atomic_write(path, old)


__all__ = ["joining"]
