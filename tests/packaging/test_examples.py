"""The example packages, installed as packages and tested by the tests they carry."""

from __future__ import annotations

import json

import pytest

from tests.docs.newcomer import Newcomer
from tests.forked import Forks

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def author(tmp_path_factory) -> Newcomer:
    pytest.importorskip("tensorflow", reason="the examples train")
    pytest.importorskip("hatchling", reason="the examples are built and installed")
    # Real processes: a fork does not see what is installed after its server has started.
    return Newcomer(tmp_path_factory.mktemp("author"), Forks(None))


@pytest.mark.parametrize(
    ("package", "passed"),
    [
        ("zoo-unet", "49 passed"),
        ("zoo-detector", "39 passed"),
        ("zoo-phases", "35 passed"),
        ("zoo-gan", "33 passed"),
        ("zoo-diffusion", "34 passed"),
        ("zoo-two-heads", "41 passed"),
        ("zoo-tagger", "41 passed"),
        ("zoo-versions", "71 passed"),
        ("zoo-colorizer", "53 passed"),
        ("zoo-handwriting", "52 passed"),
        # Last, because their hooks look on at every run from then on.
        ("zoo-tracker", "7 passed"),
        ("zoo-signer", "19 passed"),
    ],
)
def test_an_installed_example_is_announced_and_passes_its_own_tests(author, package, passed):
    if package == "zoo-signer":
        pytest.importorskip("cryptography", reason="zoo-signer signs with it")
    if package == "zoo-handwriting":
        pytest.importorskip("HersheyFonts", reason="zoo-handwriting draws its letters")
    done = author.run("sh", f"pip install --editable ./examples/{package}; zoo plugins --json")
    assert done.returncode == 0, done.stdout
    announced = json.loads(done.stdout[done.stdout.index("[\n") :])
    assert package in {row["distribution"] for row in announced}
    # The conformance checks of a model are among its tests.
    done = author.run("sh", f"python -W error::UserWarning -m pytest -q examples/{package}", 1800)
    assert done.returncode == 0, done.stdout
    assert passed in done.stdout


def test_both_look_on_at_the_commands_without_being_asked(author):
    """After the installs above: a run is logged, an export is signed."""
    pytest.importorskip("cryptography", reason="zoo-signer signs with it")
    done = author.run(
        "sh",
        "export ZOO_SIGNER_KEY=key/key.pem ZOO_HOOK_FAILURES=fail\n"
        "zoo-signer keygen\n"
        "zoo train mlp_classifier --epochs 1 --set units='[4]'\n"
        "zoo export runs/mlp_classifier-1\n"
        "zoo verify exports/mlp_classifier/1\n"
        "zoo-signer verify exports/mlp_classifier/1\n"
        "echo >> exports.signatures/mlp_classifier/1.json\n"
        "rm exports.signatures/mlp_classifier/1.json\n"
        "zoo verify exports/mlp_classifier/1 || echo refused with $?\n",
    )
    assert done.returncode == 0, done.stdout
    assert list((author.folder / "runs" / "mlp_classifier-1" / "tensorboard").iterdir())
    assert "signed by key/key.pub" in done.stdout
    assert "the hook zoo_after_verify of zoo-signer 1.0 failed" in done.stdout
    assert "refused with 11" in done.stdout
    assert "Traceback" not in done.stdout
