"""Archives from elsewhere: what is in them is looked at before it is used."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from zoo.data.archives import tar_members, unpack_tar, zip_member
from zoo.errors import BadRecord, UnsafeArchive


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _read(path: Path, **limits: int) -> dict[str, bytes]:
    return dict(tar_members(path, lambda name: name.endswith(".txt"), **limits))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_only_what_is_wanted_is_read(tmp_path: Path, mode: str) -> None:
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    path = _tar(
        tmp_path / "a.tar",
        (folder, b""),
        (tarfile.TarInfo("a/x.txt"), b"one"),
        (tarfile.TarInfo("a/x.bin"), b"two"),
        mode=mode,
    )
    assert _read(path) == {"a/x.txt": b"one"}


def test_too_much_is_refused(tmp_path: Path) -> None:
    members = [(tarfile.TarInfo(f"{n}.txt"), b"0123456789") for n in range(5)]
    path = _tar(tmp_path / "a.tar.gz", *members)
    assert len(_read(path)) == 5
    for limit in ({"max_members": 4}, {"max_bytes": 49}, {"max_member": 9}):
        with pytest.raises(UnsafeArchive):
            _read(path, **limit)


def test_a_broken_archive_is_said_to_be_one(tmp_path: Path) -> None:
    whole = _tar(tmp_path / "a.tar.gz", (tarfile.TarInfo("x.txt"), bytes(range(256)) * 400))
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-30])
    (tmp_path / "no.tar.gz").write_bytes(b"this is no archive")
    for path in (cut, tmp_path / "no.tar.gz", tmp_path / "absent.tar.gz"):
        with pytest.raises(BadRecord, match="cannot be read as an archive"):
            _read(path)


def test_one_member_of_a_zip_is_read_within_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/x.txt", b"0" * 1000)
        archive.writestr("../evil.txt", b"never looked at")
    assert zip_member(path, "a/x.txt", max_member=1000) == b"0" * 1000
    with pytest.raises(UnsafeArchive, match="1,000 bytes"):
        zip_member(path, "a/x.txt", max_member=999)
    with pytest.raises(BadRecord, match="cannot be read"):
        zip_member(path, "a/y.txt", max_member=999)


def _is_text(name: str) -> bool:
    return name.endswith(".txt")


def test_members_are_unpacked_to_a_folder_that_appears_whole(tmp_path: Path) -> None:
    path = _tar(
        tmp_path / "a.tar",
        (tarfile.TarInfo("./top/x.txt"), b"one"),
        (tarfile.TarInfo("top/deep/y.txt"), b"two"),
        (tarfile.TarInfo("top/z.bin"), b"three"),
    )
    folder = unpack_tar(path, tmp_path / "cache" / "a", _is_text)
    found = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    assert found == {"top/x.txt": b"one", "top/deep/y.txt": b"two"}
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["a"]
    (folder / "top" / "x.txt").write_bytes(b"kept")
    assert (unpack_tar(path, folder, _is_text) / "top" / "x.txt").read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("names", "error", "says"),
    [
        (("a/x.txt", "../x.txt"), UnsafeArchive, "leave its folder"),
        (("a/x.txt", "a/X.txt"), UnsafeArchive, "twice"),
        (("a/x.txt", "a/./x.txt"), UnsafeArchive, "twice"),
        (("a/x.txt", "a/x.txt/y.txt"), UnsafeArchive, "a file and a folder"),
        (("a/x.bin",), BadRecord, "none of the expected"),
    ],
)
def test_what_is_refused_leaves_nothing_unpacked(
    tmp_path: Path, names: tuple[str, ...], error: type[Exception], says: str
) -> None:
    path = _tar(tmp_path / "a.tar", *((tarfile.TarInfo(name), b"one") for name in names))
    with pytest.raises(error, match=says):
        unpack_tar(path, tmp_path / "cache" / "a", _is_text)
    assert list(tmp_path.glob("cache/*")) == []
    assert not (tmp_path / "x.txt").exists()
