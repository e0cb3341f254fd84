"""The kit: every check can fail, fails for what it is about, and what it says is counted."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.testing import bad
from tests.testing.backend_named import NamesTensorflow
from zoo import testing
from zoo.errors import ConfigError, Incompatible
from zoo.testing.checks import Check, Skipped


def failed(kind: Any, select: str, **options: Any) -> dict[str, str]:
    report = testing.check_plugin(kind, select=[select], **options)
    return {result.id: result.reason for result in report.failures}


# Those trainings take half a minute.
@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, marks=pytest.mark.slow) if check.startswith("train.") else check
        for check in sorted(bad.WRONG)
    ],
)
def test_an_architecture_that_is_wrong_in_one_thing_fails_that_check_and_no_other(check):
    kind, among = bad.WRONG[check]
    found = failed(kind, among)

    assert list(found) == [check], found
    assert found[check].strip()


TRAINED_APART = (
    *("train.seed_matters", "train.permuted_labels"),
    *("train.overfits_one_batch", "train.every_weight_learns"),
)


@pytest.mark.parametrize(
    ("left_out", "level"),
    [(TRAINED_APART, "buildable"), pytest.param((), "documented", marks=pytest.mark.slow)],
)
def test_one_with_nothing_wrong_passes_what_the_others_fail(left_out, level):
    before = random.getstate(), np.random.get_state()[1].tolist()
    report = testing.check_plugin(bad.Good, exclude=dict.fromkeys(left_out, "it takes long"))
    after = random.getstate(), np.random.get_state()[1].tolist()

    assert report.ok, report.failures
    # No distribution provides it, and no catalog says anything of it, so that it is not gold.
    assert report.level == level
    assert report.checks["gold.catalog"].excluded
    assert {result.id for result in report.checks.values() if result.outcome == "skipped"} == {
        *("discover.metadata", "gold.catalog", "gold.parameters", "gold.weights", "gold.metrics"),
        *left_out,
    }
    assert before == after


@pytest.mark.parametrize(
    ("kind", "among", "least"),
    [
        (bad.NotFinite, "build.outputs", {"build.outputs"}),
        (bad.Noisy, "build.batch_invariance", {"build.batch_invariance"}),
        (NamesTensorflow, "build.backend", {"build.backend"}),
        (bad.Untrainable, "train.loss_falls", {"train.loss_falls"}),
        pytest.param(
            bad.Untrainable,
            "train.*",
            {"train.loss_falls", "train.overfits_one_batch", "train.every_weight_learns"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_some_faults_show_in_more_than_one_place(kind, among, least):
    assert least <= set(failed(kind, among))


def test_every_check_of_a_run_that_cannot_be_trained_says_why():
    asked = ["train.determinism", "train.loss_falls", "export.parity"]
    found = testing.check_plugin(bad.Failing, select=asked).checks
    assert [*found] == asked
    assert all("the loss was mislaid" in result.reason for result in found.values()), found


IMPORTS = {
    "discover.light_import": "import onnx",  # the quickest of the frameworks
    "discover.import_time": (
        "import time\nend = time.process_time() + 0.7\nwhile time.process_time() < end: pass"
    ),
    "a folder": "import os\nos.chdir('/')",
    "a variable": "import os\nos.environ['LEFT_BEHIND'] = '1'",
    "a filter": "import warnings\nwarnings.simplefilter('ignore')",
    "a seed": "import random\nrandom.seed(1)",
    "NumPy's seed": "import numpy\nnumpy.random.seed(1)",
    "a print": "print('hello')",
    "a thread": "import threading\nthreading.Thread(target=input, daemon=True).start()",
    "an end": "import os, sys\nif 'pytest' not in sys.modules: os._exit(3)",
}


def module(folder: Path, name: str, first: str) -> Any:
    """Import a module that does something first, and undo it here: a fresh process will see it."""
    text = (
        "import sys\nif 'pytest' not in sys.modules:\n"
        + "".join(f"    {line}\n" for line in first.splitlines())
        + "import zoo\n"
        "class Model(zoo.Architecture[zoo.ModelConfig]):\n"
        f"    info = zoo.ArchitectureInfo(name='{name}', summary='Made by a test.', "
        "tasks=('classification',))\n"
        "    Config = zoo.ModelConfig\n"
        "    default_dataset = 'digits'\n"
        "    def build(self, config, data):\n"
        "        raise NotImplementedError\n"
    )
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made.Model


QUICK_IMPORTS = {"discover.light_import", "discover.import_time", "a folder", "a seed", "an end"}


@pytest.mark.parametrize(
    "what",
    [
        what if what in QUICK_IMPORTS else pytest.param(what, marks=pytest.mark.slow)
        for what in sorted(IMPORTS)
    ],
)
def test_what_an_import_does_to_a_fresh_process_is_seen(what, tmp_path, monkeypatch):
    name = "imported_" + "".join(sign if sign.isalnum() else "_" for sign in what.lower())
    kind = module(tmp_path, name, IMPORTS[what])
    found = failed(kind, "discover.[ilg]*")

    if what == "an end":
        assert set(found) == {
            "discover.import_time",
            "discover.light_import",
            "discover.global_state",
        }
        assert "exit code 3" in found["discover.light_import"]
    elif what.startswith("discover."):
        assert what in found
        if what == "discover.import_time":
            assert list(found) == [what]
    else:
        assert list(found) == ["discover.global_state"], found
        assert "random numbers" in found["discover.global_state"] or "seed" not in what


def test_a_class_that_no_fresh_process_can_import_is_skipped_with_that_reason():
    class Local(bad.Good):
        """It lives in a function."""

        info = bad.named("local_one")

    report = testing.check_plugin(Local, level="discoverable")

    assert report.counts["skipped"] == 4
    assert all(result.reason for result in report.checks.values() if result.outcome == "skipped")


# How results are counted.


def test_a_reason_turns_a_failure_into_an_expected_one_and_a_pass_into_a_failure():
    known = {"document.limits": "not written yet"}
    expected = testing.check_plugin(
        bad.Boastful, select=["document.limits"], expected_failures=known
    )
    passed = testing.check_plugin(bad.Good, select=["document.limits"], expected_failures=known)

    assert (expected.ok, expected.counts["xfailed"]) == (True, 1)
    assert expected.checks["document.limits"].reason == "not written yet"
    assert (passed.ok, passed.counts["xpassed"]) == (False, 1)


def test_a_check_that_is_left_out_is_counted_as_skipped_and_keeps_the_level_from_being_reached():
    left_out = {"discover.import_time": "the machine is slow"}
    report = testing.check_plugin(bad.Good, level="discoverable", exclude=left_out)
    whole = testing.check_plugin(bad.Good, level="discoverable")

    assert report.ok and report.level is None
    assert report.counts["skipped"] == whole.counts["skipped"] + 1
    assert whole.level == "discoverable"


@pytest.mark.parametrize("options", [{"exclude": {"document.limits": " "}}, {"select": ["x.*"]}])
def test_a_reason_that_is_none_and_an_id_that_does_not_exist_are_refused(options):
    with pytest.raises(ConfigError):
        testing.check_plugin(bad.Good, **options)


def test_a_misspelt_id_is_told_the_nearest():
    with pytest.raises(ConfigError) as caught:
        testing.check_plugin(bad.Good, expected_failures={"document.limit": "x"})

    assert caught.value.findings[0].did_you_mean == "document.limits"


def made_up(function: Any) -> Check:
    return Check(
        "document.made_up", "architecture", "documented", "It is made up.", "No.", "No.", function
    )


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_skip_without_a_reason_is_a_failure(reason, monkeypatch):
    def skips(subject: Any) -> Any:
        raise Skipped(reason)

    monkeypatch.setattr(testing.kit.documented.GROUP, "checks", [made_up(skips)])
    report = testing.check_plugin(bad.Good, select=["document.made_up"])

    assert not report.ok
    assert report.counts["skipped"] == 0


def test_a_check_that_measures_nothing_is_a_failure(monkeypatch):
    monkeypatch.setattr(testing.kit.documented.GROUP, "checks", [made_up(lambda subject: {})])

    assert not testing.check_plugin(bad.Good, select=["document.made_up"]).ok


def test_an_architecture_that_leaves_the_program_only_fails(monkeypatch):
    class Leaving(bad.Good):
        """It ends the program when it is built."""

        info = bad.named("leaving")

        def build(self, config, data):
            raise SystemExit(3)

    assert "SystemExit" in failed(Leaving, "build.test_configs")["build.test_configs"]


def test_something_that_is_no_architecture_is_refused():
    with pytest.raises(ConfigError, match="only architectures"):
        testing.check_plugin(int)  # type: ignore[arg-type]


# Receipts.


def test_a_receipt_is_the_same_for_the_same_result_and_can_be_read_again(tmp_path):
    options = {"select": ["build.test_configs", "train.loss_falls"]}
    receipts = [testing.check_plugin(bad.Good, **options) for _ in range(2)]
    for number, receipt in enumerate(receipts):
        receipt.write(tmp_path / f"{number}.json")
    first, second = ((tmp_path / f"{number}.json").read_text() for number in range(2))

    assert first == second
    assert testing.read_receipt(tmp_path / "0.json").counts == receipts[0].counts
    assert testing.read_receipt(tmp_path / "0.json").checks.keys() == receipts[0].checks.keys()
    assert str(Path.cwd()) not in first and str(tmp_path.parent) not in first
    assert "seconds" not in json.loads(first)["checks"]["build.test_configs"]
    assert len(json.loads(first)["plugin"]["files_sha256"]) == 64


def test_messages_in_a_receipt_name_files_and_no_folders(tmp_path):
    from zoo.testing.kit import without_folders

    assert without_folders(f"cannot read {tmp_path}/a/b.py:3, see https://x.org/a/b") == (
        "cannot read b.py:3, see https://x.org/a/b"
    )


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"schema_version": 2}'])
def test_what_is_no_receipt_is_refused(text, tmp_path):
    (tmp_path / "receipt.json").write_text(text)

    with pytest.raises(Incompatible, match="not a receipt"):
        testing.read_receipt(tmp_path / "receipt.json")


# As tests of pytest.


def test_the_decorator_makes_one_test_a_check_with_an_id_that_stays(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "from tests.testing import bad\n"
        "from zoo import testing\n"
        "@testing.parametrize_with_checks(\n"
        "    bad.Good, bad.Boastful, level='documented',\n"
        "    select=['document.[fl]*', 'discover.m*'],\n"
        "    expected_failures={'document.limits': 'not yet'})\n"
        "def test_it_conforms(check):\n"
        "    check()\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "-c", os.devnull),
            *("--rootdir", str(tmp_path), str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )

    assert re.search(r"^PASSED .*\[good_one\-document\.fields\]", done.stdout, re.MULTILINE)
    assert re.search(r"^XFAIL .*\[boastful\-document\.limits\]", done.stdout, re.MULTILINE)
    assert re.search(r"^FAILED .*\[good_one\-document\.limits\]", done.stdout, re.MULTILINE)
    assert "no distribution provides it" in done.stdout
    assert done.returncode == 1


def test_ids_are_unique_and_follow_their_levels():
    checks = testing.all_checks()

    assert len({check.id for check in checks}) == len(checks)
    models = [check for check in checks if check.kind == "architecture"]
    order = [testing.LEVELS.index(check.level) for check in models]
    assert order == sorted(order)
    assert all(check.title.endswith(".") and check.why and check.fix for check in checks)
    assert [name for name, _ in testing.checks_for(bad.Good)] == [check.id for check in models]


def test_the_public_names_are_those_that_the_module_lists():
    assert set(testing.__all__) == {name for name in testing.__all__ if hasattr(testing, name)}
    assert zoo.testing is testing
