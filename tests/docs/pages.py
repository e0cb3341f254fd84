"""What the documents of the project hold: blocks of code, links, tables."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it begins on."""

    language: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
    ]


def after(text: str, marker: str) -> str:
    """Return what stands between the comment that begins with a marker and the next paragraph
    that is neither a table nor a block."""
    _, found, rest = text.partition(f"<!-- {marker}:")
    assert found, f"there is no comment <!-- {marker}: ... -->"
    body = rest.partition("-->")[2].lstrip("\n")
    if body.startswith("```"):
        return body[: body.index("\n```\n") + 5]
    return body.partition("\n\n")[0] + "\n"


def links(text: str) -> list[str]:
    """Return where the links of a page lead, those in blocks left out."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the names of a page's headings as links use them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def tracked(*patterns: str) -> list[Path]:
    """Return the files that are committed, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
