"""Typed overloads of ``zoo.build`` and ``zoo.train`` are those of the models."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_overloads_are_current():
    spec = importlib.util.spec_from_file_location("_types", ROOT / "scripts" / "_model_types.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = (ROOT / "zoo" / "_model_types.pyi").read_text("utf-8")
    assert text == script.render(), "to repair: python scripts/_model_types.py"
