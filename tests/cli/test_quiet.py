"""Startup logs of TensorFlow are hidden."""

from __future__ import annotations

import logging

from zoo.native_logs import native_logs_hidden


def test_many_trainings_in_one_process_are_no_reason_to_warn(caplog) -> None:
    logger = logging.getLogger("tensorflow")

    with native_logs_hidden():
        logger.warning("%d out of the last %d calls to f triggered tf.function retracing.", 5, 11)
        logger.warning("something that matters")

    assert [record.getMessage() for record in caplog.records] == ["something that matters"]
