"""Progress of a training run on the terminal."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

import pytest

from zoo.cli.progress import Progress


def watch(epochs: int, *, first: int = 1) -> None:
    with Progress() as progress:
        progress.on_fit_begin(epochs, 5)
        for number in range(first, first + epochs):
            progress.on_steps_end(5)
            progress.on_epoch_end(number, {"loss": 1.0, "val_loss": 0.5, "val_accuracy": 0.9})


def test_into_a_log_go_plain_lines_and_the_last_epoch_is_among_them(capsys):
    watch(3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    assert err.splitlines()[-1] == "epoch 3/3  loss 1.0000  val_loss 0.5000  val_accuracy 0.9000"


def test_a_thousand_quick_epochs_do_not_flood_a_log(capsys):
    watch(1000)
    assert len(capsys.readouterr().err.splitlines()) < 20


def test_a_run_that_goes_on_counts_over_the_whole_run(capsys):
    watch(2, first=9)
    assert capsys.readouterr().err.splitlines()[-1].startswith("epoch 10/10")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_terminal_that_can_draw(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_gets_a_bar_and_its_cursor_back():
    with redirect_stderr(Terminal()) as terminal:
        watch(2)
    assert "\x1b[?25l" in terminal.getvalue()
    assert "epoch 2/2" in terminal.getvalue()
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")


def test_the_cursor_comes_back_after_an_error():
    def interrupted() -> None:
        with Progress() as progress:
            progress.on_fit_begin(2, 5)
            raise ZeroDivisionError

    with redirect_stderr(Terminal()) as terminal, pytest.raises(ZeroDivisionError):
        interrupted()
    assert "\x1b[?25h" in terminal.getvalue()


def test_work_before_the_first_epoch_is_shown_with_its_steps(capsys):
    with Progress() as progress:
        progress.on_preparation_begin("features", 1200)
        progress.on_steps_end(1200)
        progress.on_fit_begin(1, 5)
        progress.on_epoch_end(1, {"loss": 1.0})
    assert capsys.readouterr().err.splitlines() == [
        "features: 1,200 steps",
        "epoch 1/1  loss 1.0000",
    ]


def test_a_terminal_gets_a_bar_for_work_before_the_epochs():
    with redirect_stderr(Terminal()) as terminal, Progress() as progress:
        progress.on_preparation_begin("features", 3)
        progress.on_steps_end(3)
    assert "features" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
