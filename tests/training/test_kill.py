"""Runs whose processes are killed resume from a checkpoint, to the same bits.

``tests/training/killed_runs.py`` does it; ``scripts/kills`` runs it for longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests.forked import Forks
from tests.training.killed_runs import RECIPES, history_of
from tests.training.killing import assert_same_bits, kill_after

ZOO = [sys.executable, "-m", "zoo"]
TRAIN = ["train", "cnn", "--epochs", "20", "--seed", "5", "--set", "filters=[[4],[6]]", "--quiet"]


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*ZOO, *TRAIN, "--run-dir", whole], check=True, capture_output=True)
    kill_after([*ZOO, *TRAIN, "--run-dir", cut], cut / "checkpoints")
    before = json.loads((cut / "run.json").read_text())
    subprocess.run([*ZOO, "train", "--resume", cut], check=True, capture_output=True)

    assert before["status"] == "running"
    assert json.loads((cut / "run.json").read_text())["status"] == "finished"
    assert history_of(cut) == history_of(whole)
    last = "checkpoints/epoch-00020.npz"
    assert_same_bits(whole / last, cut / last)


def test_every_model_of_the_zoo_is_among_those_that_are_killed() -> None:
    pytest.importorskip("tensorflow", reason="training needs the keras extra")
    ours = {
        point.name
        for point in entry_points(group="zoo.architectures")
        if point.dist is not None and point.dist.name == "neural-zoo"
    }
    assert ours == set(RECIPES)


def killed(forks: Forks, folder: Path, *words: str) -> list[dict[str, Any]]:
    """Return what was killed by what, and what then differed, one dictionary per model."""
    program = Path(__file__).with_name("killed_runs.py")
    done = forks.run(program, folder, *words, timeout=3600)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_model_that_is_killed_while_it_writes_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path, forks: Forks
) -> None:
    (said,) = killed(forks, tmp_path, "--kills", "4", "--only", "mlp_classifier")

    assert said["apart"] == []
    assert len(said["kills"]) >= 3, said


@pytest.mark.slow
def test_every_model_that_is_killed_at_any_moment_ends_in_the_bits_of_one_that_was_not(
    tmp_path: Path, forks: Forks
) -> None:
    said = killed(forks, tmp_path, "--kills", "2")

    assert {line["model"]: line["apart"] for line in said} == {name: [] for name in RECIPES}
    kills = [kill for line in said for kill in line["kills"]]
    assert len(kills) >= len(RECIPES), said
    assert {kill.split()[0] for kill in kills} >= {"write", "replace", "replaced", "model"}, kills
