"""``zoo check`` as a user runs it: on what is installed, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.forked import Forks
from tests.registry.fakes import install
from tests.testing import bad

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "tests" / "testing" / "bad.py").read_text("utf-8")


@pytest.fixture
def zoo(forks: Forks) -> Callable[..., subprocess.CompletedProcess[str]]:
    def check(*words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        places = (path, ROOT, ROOT / "plugins")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(p) for p in places if p)}
        return forks.run("-m", "zoo", *words, env=environment)

    return check


@pytest.fixture(scope="module")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A distribution whose catalog lies about four models, and whose metadata says little."""
    import keras

    import zoo
    from zoo.config import OptimizerConfig

    site = tmp_path_factory.mktemp("site")
    run = zoo.train(
        registered(bad.Good),
        data_options={"max_examples": 200},
        run_dir=tmp_path_factory.mktemp("run") / "run",
        epochs=20,
        optimizer=OptimizerConfig(learning_rate=3e-2).model_dump(),
    )
    weights = tmp_path_factory.mktemp("weights") / "digits.weights.h5"
    run.model.save_weights(weights)
    assert isinstance(run.model, keras.Model)
    evaluation = zoo.evaluate(run, "digits")
    true = evaluation.scores["accuracy"]
    data = weights.read_bytes()
    info = bad.Good.info

    def entry(name: str, **lies: Any) -> dict[str, Any]:
        shipped = {
            "id": "digits",
            "trained_on": "digits",
            "config": run.config.model_dump(mode="json"),
            "parameters": run.model.count_params(),
            "file": "liars/digits.weights.h5",
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "measured": {
                "metrics": {"accuracy": true.model_dump(include={"value", "low", "high"})},
                "split": "test",
                "examples": evaluation.examples,
                "command": "zoo evaluate",
            },
        }
        said = {
            "name": name,
            "distribution": "liars",
            "summary": info.summary,
            "tasks": list(info.tasks),
            "license": info.license,
            "default_dataset": "digits",
            "parameters": run.model.count_params(),
        }
        for field, value in lies.items():
            (said if field in said else shipped)[field] = value
        return {**said, "weights": [shipped]}

    better = {"metrics": {"accuracy": {"value": 0.9999, "low": 0.9998, "high": 1.0}}}
    bare = {"metrics": {"accuracy": {"value": true.value}}}
    measured = {"split": "test", "examples": 269, "command": "zoo evaluate"}
    models = [
        entry("honest"),
        entry("license_liar", license="MIT"),
        entry("size_liar", parameters=12),
        entry("hash_liar", sha256="0" * 64),
        entry("score_liar", measured={**better, **measured}),
        entry("unsure_liar", measured={**bare, **measured}),
    ]
    names = [model["name"] for model in models]
    classes = "".join(
        f"\n\nclass {name.title().replace('_', '')}(Good):\n"
        f'    """A classifier, cataloged."""\n\n    info = named("{name}")\n'
        for name in names
    )
    install(
        site,
        "liars",
        points={
            "zoo.architectures": {name: f"liars:{name.title().replace('_', '')}" for name in names},
            "zoo.catalogs": {"liars": "liars"},
        },
        files={
            "liars/__init__.py": SOURCE.partition("class BatchDependent")[0] + classes,
            "liars/registry.yaml": yaml.safe_dump({"schema_version": 1, "models": models}),
        },
    )
    (site / "liars" / "digits.weights.h5").write_bytes(data)
    return site


def registered(kind: type[bad.Good]) -> str:
    from zoo.testing.subject import ModelSubject

    return ModelSubject(kind).name


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        pytest.param("honest", None, marks=pytest.mark.slow),
        ("score_liar", "gold.metrics"),
        pytest.param("license_liar", "gold.catalog", marks=pytest.mark.slow),
        pytest.param("size_liar", "gold.parameters", marks=pytest.mark.slow),
        pytest.param("hash_liar", "gold.weights", marks=pytest.mark.slow),
        pytest.param("unsure_liar", "gold.metrics", marks=pytest.mark.slow),
    ],
)
def test_a_catalog_that_says_what_is_not_so_is_caught(name, lie, third_party, zoo):
    asked = ["gold.catalog", "gold.weights", "gold.parameters", "gold.metrics"]
    # Weights of another hash are refused before anything is measured with them.
    asked = ["gold.weights"] if name == "hash_liar" else asked
    words = [word for check in asked for word in ("--select", check)]
    done = zoo("check", name, *words, "--json", path=third_party)
    told = json.loads(done.stdout)
    failed = [key for key, result in told["checks"].items() if result["outcome"] == "failed"]

    assert failed == ([lie] if lie else []), told["checks"]
    assert done.returncode == (1 if lie else 0)
    assert told["plugin"]["distribution"] == "liars"


def test_a_distribution_that_says_little_of_itself_is_told_what_is_missing(third_party, zoo):
    done = zoo("check", "honest", "--select", "discover.*", path=third_party)

    assert done.returncode == 1
    assert "no a summary, no a license, no Requires-Python" in done.stdout
    assert "docs/checks.md#discover-metadata" in done.stdout
    assert "4 passed" not in done.stdout.splitlines()[0]


def test_every_check_is_listed_with_its_level_and_one_line(zoo):
    done = zoo("check", "--list")
    lines = done.stdout.splitlines()[1:]

    assert done.returncode == 0
    assert len(lines) > 30
    assert all(len(line.split(maxsplit=2)) == 3 for line in lines)


def test_a_receipt_is_written_and_hyphens_count_as_underscores(tmp_path, zoo):
    file = tmp_path / "receipt.json"
    done = zoo("check", "mlp-classifier", "--level", "discoverable", "--receipt", str(file))
    receipt = json.loads(file.read_text())

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "mlp_classifier: 5 passed; level discoverable"
    assert receipt["level"] == "discoverable"
    assert receipt["plugin"]["name"] == "mlp_classifier"
    assert set(receipt["versions"]) >= {"python", "keras", "tensorflow", "onnxruntime", "numpy"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["cnnn"], 3, "did you mean cnn"),
        (["cnn", "--level", "platinum"], 4, "one of discoverable"),
        (["cnn", "--select", "biuld.*"], 4, "there is no check"),
        (["cnn", "--exclude", "build.names"], 2, "ID=REASON"),
        (["cnn", "--expect-failure", "build.names="], 4, "needs a reason"),
        ([], 2, "which plugin"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_what_to_do(words, code, said, zoo):
    done = zoo("check", *words)

    assert done.returncode == code
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
