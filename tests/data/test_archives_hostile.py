"""Archives that want out, or want everything: refused, with nothing outside the target.

The corpus is made here, header by header where the standard library would not write it. Each
archive is unpacked in a folder deep inside a fresh one, which is searched whole afterwards.
"""

from __future__ import annotations

import gzip
import io
import os
import resource
import stat
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from tests.hostile.harness import listing
from zoo.data.archives import name_fault, name_key, tar_members, unpack_tar, zip_member
from zoo.errors import BadRecord, UnsafeArchive

END = bytes(1024)


def header(
    name: bytes = b"x.txt",
    *,
    size: int | bytes = 0,
    kind: bytes = b"0",
    link: bytes = b"",
    mode: int = 0o644,
    prefix: bytes = b"",
) -> bytes:
    """Return the header of one member, with whatever it is told and a right checksum."""
    number = size if isinstance(size, bytes) else b"%011o\0" % size
    begin = name.ljust(100, b"\0") + b"%07o\0" % mode + b"0000000\0" * 2 + number.ljust(12, b"\0")
    begin += b"00000000000\0"
    end = kind + link.ljust(100, b"\0") + b"ustar\x0000" + bytes(80) + prefix.ljust(155, b"\0")
    end = end.ljust(512 - 156, b"\0")
    check = sum(begin) + sum(end) + 8 * 32
    return begin + b"%06o\0 " % check + end


def member(name: bytes = b"x.txt", data: bytes = b"one", **more: object) -> bytes:
    """Return a whole member."""
    return header(name, size=len(data), **more) + data + bytes(-len(data) % 512)  # type: ignore[arg-type]


def pax(**records: str | bytes) -> bytes:
    """Return a header that says more of the next member."""
    text = b""
    for key, value in records.items():
        raw = value if isinstance(value, bytes) else value.encode()
        body = b" " + key.replace("__", ".").encode() + b"=" + raw + b"\n"
        length = len(body) + 1
        while len(str(length)) + len(body) != length:
            length = len(str(length)) + len(body)
        text += str(length).encode() + body
    return member(b"PaxHeaders/x", text, kind=b"x")


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    """Return GNU's header for the name of the next member that does not fit."""
    return member(b"././@LongLink", name + b"\0", kind=kind)


GOOD = member(b"good.txt", b"good")
DEEP = b"/".join([b"d" * 200] * 20)

TARS: dict[str, bytes] = {
    "absolute": member(b"/tmp/zoo-escaped.txt"),
    "absolute by two slashes": member(b"//tmp/zoo-escaped.txt"),
    "absolute by prefix": member(b"x.txt", prefix=b"/tmp"),
    "absolute by pax": pax(path="/tmp/zoo-escaped.txt") + member(),
    "absolute by long name": long_name(b"/tmp/" + b"z" * 120 + b".txt") + member(),
    "above": member(b"../escaped.txt"),
    "far above": member(b"../" * 30 + b"escaped.txt"),
    "above from inside": member(b"a/b/../../../escaped.txt"),
    "above by prefix": member(b"escaped.txt", prefix=b".."),
    "above by pax": pax(path="../escaped.txt") + member(),
    "above and back": member(b"a/../x.txt"),
    "symbolic link": header(kind=b"2", link=b"/etc/passwd") + GOOD,
    "link above": header(b"up", kind=b"2", link=b"..") + member(b"up/escaped.txt"),
    "hard link": header(kind=b"1", link=b"/etc/passwd") + GOOD,
    "hard link to a link": header(b"a", kind=b"2", link=b"../..") + header(kind=b"1", link=b"a"),
    "chain of links through long paths": b"".join(
        long_name(DEEP + b"/" + bytes([97 + i]))
        + long_name(b"/".join([b".."] * 20), b"K")
        + header(bytes([97 + i]), kind=b"2", link=b"..")
        for i in range(16)
    ),
    "link by pax": pax(linkpath="/etc/passwd") + header(kind=b"2", link=b"x"),
    "character device": header(kind=b"3"),
    "block device": header(kind=b"4"),
    "pipe": header(kind=b"6"),
    "contiguous file": member(kind=b"7") + header(kind=b"2", link=b"/"),
    "sparse file": header(kind=b"S", size=0),
    "sparse file by pax": pax(GNU__sparse__major="1", GNU__sparse__minor="0",
                              GNU__sparse__name="x.txt", GNU__sparse__realsize="99999999999")
    + member(b"x.txt", b"1\n0\n1\n".ljust(512, b"\0") + b"x"),
    "unknown kind that is a link": header(kind=b"2", link=b"\xff" * 90),
    "the same name twice": member() + member(data=b"two"),
    "the same name in other cases": member(b"X.txt") + member(b"x.TXT"),
    "the same name in other forms": member("é.txt".encode()) + member("e\u0301.txt".encode()),
    "the same name by a dot": member(b"a/x.txt") + member(b"./a/./x.txt"),
    "a file and a folder": member(b"a.txt") + member(b"a.txt/x.txt"),
    "a folder and a file": member(b"a.txt/x.txt") + member(b"a.txt"),
    "no UTF-8": member(b"caf\xe9.txt"),
    "half of a character": member(b"\xf0\x9f\x98.txt"),
    "overlong slash": member(b"..\xc0\xafescaped.txt"),
    "backslashes": member(b"..\\escaped.txt"),
    "a drive": member(b"C:escaped.txt"),
    "a drive and a path": member(b"c:/escaped.txt"),
    "a share": member(b"\\\\host\\share\\x.txt"),
    "dot at the end": member(b"x.txt."),
    "dots at the end of a folder": member(b"a.../x.txt"),
    "blank at the end": member(b"x.txt "),
    "right to left": member("gepj.\u202etxt".encode()),
    "a line break": member(b"x\ny.txt"),
    "an escape": member(b"\x1b[2Jx.txt"),
    "NUL by pax": pax(path=b"x.txt\0/../../escaped.txt") + member(),
    "a long part": long_name(b"z" * 300 + b".txt") + member(),
    "a long path": long_name(b"/".join([b"d" * 100] * 12) + b"/x.txt") + member(),
    "a longer path than systems take": long_name(DEEP + b"/x.txt") + member(),
    "a huge size": header(size=b"\x80" + (2**62).to_bytes(11, "big")) + b"one",
    "a negative size": header(size=b"\xff" * 12) + b"one",
    "a huge size by pax": pax(size=str(2**61)) + member(),
    "a negative size by pax": pax(size="-512") + member(),
    "a huge header": header(kind=b"x", size=2**33),
    "a huge long name": header(b"././@LongLink", kind=b"L", size=2**33),
    "a header that is larger than the largest member": header(kind=b"x", size=2**21)
    + bytes(2**21) + member(),
    "long names without end": long_name(b"x") * 3000 + member(),
    "pax without end": pax(path="x.txt") * 3000 + member(),
}  # fmt: skip


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder deep inside one that is searched."""
    folder = tmp_path / "a" / "b" / "c" / "cache"
    folder.mkdir(parents=True)
    return folder


def _text(name: str) -> bool:
    return True


@pytest.mark.parametrize("name", TARS)
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_tar_is_refused_and_nothing_is_left(
    name: str, compress: Callable[[bytes], bytes], inside: Path, tmp_path: Path
) -> None:
    raw = compress(TARS[name] + END)
    path = inside / "a.tar"
    path.write_bytes(raw)
    before = listing(tmp_path)
    escaped = Path("/tmp/zoo-escaped.txt")
    assert not escaped.exists()
    started = time.monotonic()
    with pytest.raises((UnsafeArchive, BadRecord)) as caught:
        unpack_tar(path, inside / "out", _text)
    assert time.monotonic() - started < 5
    assert "a.tar" in str(caught.value)
    assert listing(tmp_path) == before
    assert not escaped.exists()


@pytest.mark.parametrize("name", [n for n in TARS if n.startswith(("absolute", "above", "link"))])
def test_what_would_escape_is_called_unsafe_and_not_merely_broken(name: str, inside: Path) -> None:
    (inside / "a.tar").write_bytes(TARS[name] + END)
    with pytest.raises(UnsafeArchive):
        unpack_tar(inside / "a.tar", inside / "out", _text)


def test_what_stands_before_the_bad_member_is_not_left_either(inside: Path, tmp_path: Path) -> None:
    (inside / "a.tar").write_bytes(GOOD + TARS["above"] + END)
    before = listing(tmp_path)
    with pytest.raises(UnsafeArchive):
        unpack_tar(inside / "a.tar", inside / "out", _text)
    assert listing(tmp_path) == before


def test_bits_that_give_rights_are_not_kept(inside: Path) -> None:
    raw = member(b"run.txt", mode=0o7777) + header(b"d/", kind=b"5", mode=0o1777) + END
    (inside / "a.tar").write_bytes(raw)
    folder = unpack_tar(inside / "a.tar", inside / "out", _text)
    mode = stat.S_IMODE((folder / "run.txt").stat().st_mode)
    assert mode & 0o7133 == 0


def test_long_names_of_both_kinds_are_read(inside: Path) -> None:
    name = "/".join(["d" * 60] * 3) + "/x.txt"
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        path = inside / "a.tar"
        with tarfile.open(path, "w", format=kind) as archive:
            for one in (name, "ü" * 80 + ".txt"):
                info = tarfile.TarInfo(one)
                info.size = 3
                archive.addfile(info, io.BytesIO(b"one"))
        assert dict(tar_members(path, _text)) == {name: b"one", "ü" * 80 + ".txt": b"one"}


QUICK_BOMBS = ("one large member", "an archive in an archive")
BOMBS: dict[str, Callable[[], bytes]] = {
    "one large member": lambda: header(size=2**32) + bytes(2**22),
    "a member that nobody wants": lambda: header(b"x.bin", size=2**28 + 512) + bytes(2**28 + 512),
    "very many members": lambda: b"".join(header(b"%d.txt" % i) for i in range(20_001)),
    "zeros behind the end": lambda: GOOD + END + bytes(2**28),
    "an archive in an archive": lambda: member(
        b"in.txt", gzip.compress(gzip.compress(bytes(2**26)))
    ),
}

_FRUGAL = """
import resource, sys
from pathlib import Path
from zoo.data.archives import tar_members
from zoo.errors import DataError
most = 400 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    count = sum(1 for _ in tar_members(
        Path(sys.argv[1]), lambda name: name.endswith(".txt"), max_members=20_000,
        max_bytes=2**28, max_member=2**20))
except DataError as error:
    print(type(error).__name__)
else:
    print(count)
"""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK_BOMBS else pytest.mark.slow) for n in BOMBS],
)
def test_a_bomb_goes_off_in_little_memory_and_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(BOMBS[name]() + END, 1))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", _FRUGAL, path], capture_output=True, text=True, timeout=120
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    expected = {"zeros behind the end": "1", "an archive in an archive": "1"}
    assert done.stdout.strip() == expected.get(name, "UnsafeArchive"), done.stderr
    assert after.ru_utime - before.ru_utime < 10


def test_a_ratio_that_no_data_has_ends_where_the_bytes_end(inside: Path) -> None:
    path = inside / "a.tar.gz"
    with gzip.open(path, "wb") as stream:
        for number in range(64):
            stream.write(header(b"%d.txt" % number, size=2**20) + bytes(2**20))
        stream.write(END)
    assert path.stat().st_size < 2**17
    with pytest.raises(UnsafeArchive, match="more than"):
        list(tar_members(path, _text, max_bytes=2**24))


@pytest.mark.parametrize("kind", ["pipe", "folder", "nothing", "device"])
def test_what_is_no_file_is_not_waited_for(kind: str, inside: Path) -> None:
    path = inside / "a.tar"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    for read in (
        lambda: list(tar_members(path, _text)),
        lambda: zip_member(path, "x", max_member=9),
    ):
        with pytest.raises(BadRecord, match="cannot be read"):
            read()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_change_of_bytes_gets_anything_out(data: st.DataObject) -> None:
    import tempfile

    raw = bytearray(pax(path="a/x.txt") + member() + long_name(b"b/y.txt") + GOOD + END)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=12)
    ):
        raw[place] = value
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        inside = top / "in" / "side"
        inside.mkdir(parents=True)
        (inside / "a.tar").write_bytes(raw)
        try:
            unpack_tar(inside / "a.tar", inside / "out", _text)
        except (UnsafeArchive, BadRecord):
            assert sorted(p.name for p in inside.iterdir()) == ["a.tar"]
        assert sorted(p.name for p in top.iterdir()) == ["in"]
        assert [p.name for p in (top / "in").iterdir()] == ["side"]
        assert {p.name for p in inside.iterdir()} <= {"a.tar", "out"}
        assert not [p for p in inside.rglob("*") if p.is_symlink()]


@given(st.text(min_size=1, max_size=40))
def test_a_name_that_passes_stays_below_any_folder(name: str) -> None:
    if name_fault(name):
        return
    place = Path("/top/folder").joinpath(*Path(name).parts)
    assert os.path.normpath(place).startswith("/top/folder")
    assert name_key(name) == name_key(f"./{name}")


# --- zip -----------------------------------------------------------------------------------


def zipped(path: Path, *names: str, data: bytes = b"one", **more: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.compress_type = more.get("method", zipfile.ZIP_DEFLATED)
            info.external_attr = more.get("attributes", 0)
            archive.writestr(info, data)
    return path


def patched(path: Path, change: Callable[[bytearray, int, int], None]) -> None:
    """Change the bytes of a zip file, given where its local and its central header begin."""
    raw = bytearray(path.read_bytes())
    change(raw, raw.index(b"PK\3\4"), raw.index(b"PK\1\2"))
    path.write_bytes(raw)


def _says_another_name(raw: bytearray, local: int, central: int) -> None:
    raw[local + 30 : local + 35] = b"y.txt"


def _is_encrypted(raw: bytearray, local: int, central: int) -> None:
    raw[local + 6] |= 1
    raw[central + 8] |= 1


def _packs_strangely(raw: bytearray, local: int, central: int) -> None:
    raw[local + 8 : local + 10] = raw[central + 10 : central + 12] = struct.pack("<H", 97)


def _says_less(raw: bytearray, local: int, central: int) -> None:
    raw[central + 24 : central + 28] = struct.pack("<I", 1)


def _says_more(raw: bytearray, local: int, central: int) -> None:
    raw[central + 24 : central + 28] = struct.pack("<I", 2**31)


def _has_another_sum(raw: bytearray, local: int, central: int) -> None:
    raw[central + 16] ^= 1


def _begins_elsewhere(raw: bytearray, local: int, central: int) -> None:
    raw[central + 42 : central + 46] = struct.pack("<I", 2**30)


def _is_cut_off(raw: bytearray, local: int, central: int) -> None:
    del raw[-30:]


@pytest.mark.parametrize(
    "change",
    [
        _says_another_name,
        _is_encrypted,
        _packs_strangely,
        _says_less,
        _says_more,
        _has_another_sum,
        _begins_elsewhere,
        _is_cut_off,
    ],
)
def test_a_zip_with_headers_that_do_not_fit_is_refused(
    change: Callable[[bytearray, int, int], None], tmp_path: Path
) -> None:
    path = zipped(tmp_path / "a.zip", "x.txt", data=b"some text that packs well " * 40)
    patched(path, change)
    before = listing(tmp_path)
    with pytest.raises((UnsafeArchive, BadRecord), match=r"a\.zip"):
        zip_member(path, "x.txt", max_member=10_000)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_is_packed_as_hardly_any_is_refused(method: int, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="is packed by method"):
        zip_member(zipped(tmp_path / "a.zip", "x.txt", method=method), "x.txt", max_member=99)


def test_a_zip_bomb_is_read_as_far_as_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.txt", bytes(2**26))
    with pytest.raises(UnsafeArchive, match="bytes"):
        zip_member(path, "x.txt", max_member=2**20)
    patched(path, _says_less)
    with pytest.raises((UnsafeArchive, BadRecord)):
        zip_member(path, "x.txt", max_member=2**20)
    assert zlib.crc32(path.read_bytes())  # it was only read
