"""The same weights give the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROCESS = """
import sys
from pathlib import Path
import keras
from tests.exporting.networks import export_cnn
for _ in range(int(sys.argv[2])):  # move the counters from which Keras names layers
    keras.layers.Dense(1), keras.layers.Conv2D(1, 1)
export_cnn(Path(sys.argv[1]))
"""


def test_the_same_weights_give_the_same_bytes_in_another_folder_user_and_process(
    tmp_path: Path,
) -> None:
    found = []
    for number in (1, 2):
        home = tmp_path / f"user{number}"
        home.mkdir()
        environment = {
            **os.environ,
            "HOME": str(home),
            "USER": f"user{number}",
            "PYTHONHASHSEED": str(number),
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), *filter(None, sys.path)]
            ),
            "TZ": ("UTC", "Asia/Tokyo")[number - 1],
        }
        command = [sys.executable, "-c", _PROCESS, "out", str(number)]
        subprocess.run(
            command, cwd=home, env=environment, check=True, capture_output=True, timeout=120
        )
        folder = home / "out" / "tiny" / "1"
        found.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert found[0] == found[1]
    assert len(found[0]) == 4
