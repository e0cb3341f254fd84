"""Files as people publish them are read as a careful person expects, or refused with a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from tests.data.published import PUBLISHED, Published


def written(case: Published, folder: Path) -> Path:
    content = case.content.encode() if isinstance(case.content, str) else case.content
    file = folder / case.name
    file.write_bytes(content)
    return file


def test_there_are_forty_of_them() -> None:
    assert len(PUBLISHED) >= 40


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_file_is_read_or_refused_as_expected(name: str, tmp_path: Path) -> None:
    case = PUBLISHED[name]()
    file = written(case, tmp_path)
    if case.refused:
        with pytest.raises(zoo.ZooError) as caught:
            zoo.dataset(file)
        assert case.refused in str(caught.value)
        assert case.advice in caught.value.fix
    if case.options is None:
        return
    data = zoo.dataset(file, **case.options)
    found = data.summary()
    assert found.task == case.task
    if case.examples:
        assert sum(found.sizes.values()) == case.examples
    kinds = {column.name: column.kind for column in found.columns}
    assert kinds | dict(case.kinds) == kinds
    assert case.said in " ".join(found.notes)
