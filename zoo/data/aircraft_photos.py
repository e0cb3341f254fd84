"""ImageFiles of cracks and dents in aircraft, in the three splits of a course.

The photos are those of *Aircraft Damage Detection* by Youssef Donia (Roboflow Universe, CC BY 4.0);
a course of IBM Skills Network, "Aircraft damage classification and captioning", divides 446 of them
into 300 to train on, 96 to validate on and 50 to test with, half of each with a crack. Its archive
holds ``aircraft_damage_dataset_v1/{train,valid,test}/{crack,dent}/*.jpg``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from zoo.data.archives import unpack_tar
from zoo.data.download import Remote, fetch
from zoo.data.images.folder import open_folder
from zoo.data.named.aircraft import AircraftOptions, photo_spec
from zoo.data.options import ImageOptions
from zoo.environment import cache_dir
from zoo.errors import BadRecord, DataError
from zoo.files import sha256_file
from zoo.runtime.images import SUFFIXES
from zoo.spec import DataSpec, Split

REMOTE = Remote(
    name="aircraft_damage_dataset_v1.tar",
    urls=(
        "https://cf-courses-data.s3.us.cloud-object-storage.appdomain.cloud/"
        "ZjXM4RKxlBK9__ZjHBLl5A/aircraft-damage-dataset-v1.tar",
    ),
    size=None,
    sha256=None,
    first_use=True,
)
"""Neither its size nor its SHA-256 has been published."""

_LARGEST_PHOTO = 32 << 20
_SPLITS = {"train", "valid", "test"}


def describe(options: AircraftOptions) -> DataSpec:
    """Return what the photos are with these options."""
    return photo_spec(options.image_size)


def load(options: AircraftOptions, *, remote: Remote = REMOTE) -> Mapping[str, Split]:
    """Load the photos in their three splits.

    The archive is unpacked once, beside the downloaded files, into a folder that is named by the
    archive's SHA-256.

    Args:
        options: ``file`` names a local archive or the folder that it unpacks to.
        remote: Where to download it.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If it is not the archive that was there first.
        UnsafeArchive: If it holds anything but files in folders.
        BadRecord: If a file is no picture.
        DataError: If it has other splits or classes.
    """
    path = Path(options.file).expanduser() if options.file else fetch(remote)
    if not path.exists():
        raise BadRecord(
            "there is no such file or folder",
            file=str(path),
            fix="file names the archive, or the folder with train, valid and test",
        )
    folder = _top(path if path.is_dir() else _unpacked(path))
    photos = open_folder(folder, ImageOptions(image_size=options.image_size, channels=3))
    if photos.spec.labels != photo_spec(options.image_size).labels:
        raise DataError(
            f"{folder} has the classes {', '.join(photos.spec.labels)}",
            why="the photos of aircraft damage are divided into crack and dent",
            fix=f"zoo train NAME --data {folder} uses the folder as your own data",
        )
    return {name: photos.split(name) for name in ("train", "validation", "test")}


def _unpacked(path: Path) -> Path:
    folder = cache_dir() / "datasets" / f"aircraft_damage-{sha256_file(path)[:16]}"
    return unpack_tar(path, folder, _is_photo, max_member=_LARGEST_PHOTO)


def _is_photo(name: str) -> bool:
    place = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in place.parts)
    return place.suffix.lower() in SUFFIXES and not hidden


def _top(path: Path) -> Path:
    """Return the folder of the splits: this one, or the only one in it."""
    for folder in (path, *sorted(entry for entry in path.iterdir() if entry.is_dir())):
        if all((folder / split).is_dir() for split in _SPLITS):
            return folder
    raise DataError(
        f"{path} does not have the folders train, valid and test",
        why="the archive of aircraft damage has them, with a folder for crack and for dent in each",
        fix=f"zoo train NAME --data {path} uses the folder as your own data",
    )


__all__ = ["REMOTE", "describe", "load"]
