"""The same weights give the same bytes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.exporting.networks import export_cnn
from tests.forked import Forks

_PROCESS = """
from pathlib import Path
import keras
from tests.exporting.networks import export_cnn
keras.layers.Dense(1), keras.layers.Conv2D(1, 1)  # move the counters in the names of layers
export_cnn(Path("out"))
"""


def test_the_same_weights_give_the_same_bytes_in_another_process(
    tmp_path: Path, forks: Forks
) -> None:
    here = export_cnn(tmp_path / "here")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "USER": "other",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)]),
        "TZ": "Asia/Tokyo",
    }
    # Its hashes have another seed, too.
    done = forks.run("-c", _PROCESS, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    there = tmp_path / "out" / "tiny" / "1"
    names = sorted(path.name for path in here.iterdir())
    assert names == ["card.md", "manifest.json", "model.onnx", "vectors.npz"]
    assert names == sorted(path.name for path in there.iterdir())
    assert all((here / name).read_bytes() == (there / name).read_bytes() for name in names)
