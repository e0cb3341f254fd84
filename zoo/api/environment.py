"""The environment: optional packages, package versions, machine, and source code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.conformance import digest_of, files_of

if TYPE_CHECKING:
    from zoo.architecture import Architecture

EXTRAS = {
    "keras": {"tensorflow": "tensorflow", "keras": "keras", "onnx": "onnx", "tf2onnx": "tf2onnx"},
    "datasets": {"scikit-learn": "sklearn"},
    "heif": {"pillow-heif": "pillow_heif"},
    "report": {"jinja2": "jinja2", "matplotlib": "matplotlib"},
    "captioning": {
        "huggingface-hub": "huggingface_hub",
        "safetensors": "safetensors",
        "transformers": "transformers",
    },
    "serve": {"starlette": "starlette", "uvicorn": "uvicorn"},
    "sklearn": {"scikit-learn": "sklearn"},
    "tables": {"openpyxl": "openpyxl", "pyarrow": "pyarrow"},
    "text": {"sacrebleu": "sacrebleu", "tokenizers": "tokenizers"},
}
"""By extra: its distributions, and the module that each is imported as."""

PACKAGES = ("keras", "tensorflow", "numpy", "onnxruntime")

_MOST_FILES = 5000
"""A package with more source files is not taken for a plugin's own."""


def environment_of(architecture: Architecture[Any]) -> dict[str, Any]:
    """Return the ``versions``, ``host`` and ``code`` of a run record.

    Args:
        architecture: The architecture, for the source files of its plugin.
    """
    versions = {"python": platform.python_version(), "zoo": version_of("neural-zoo")}
    return {
        "versions": versions | {package: version_of(package) for package in PACKAGES},
        "host": host(),
        "code": {"plugin": code_of(type(architecture)), "zoo": code_of("zoo")},
    }


def host() -> dict[str, Any]:
    """Return the properties of this machine that affect speed, without its name."""
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count()
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return {
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "cpu": _cpu_model(),
        "usable_cpus": usable,
        "threads": int(threads) if threads.isdecimal() and int(threads) > 0 else usable,
    }


def code_of(thing: type | str) -> dict[str, Any] | None:
    """Hash the source files of a package, or of the module of a class outside packages.

    A commit would be less exact: files may have changed since.

    Args:
        thing: A class, or the name of an imported package.

    Returns:
        The package, the number of its files, and the SHA-256 over their paths and contents;
        ``None`` for code without a file, such as in a notebook.
    """
    module = sys.modules.get(thing if isinstance(thing, str) else thing.__module__)
    file = Path(getattr(module, "__file__", None) or "")
    package = getattr(module, "__package__", None) or ""
    if module is None or not file.is_file():
        return None
    if package and package != "__main__":
        found = files_of(file.parent, "*.py")
    else:
        package, found = module.__name__, {file.name: file}
    if not 0 < len(found) <= _MOST_FILES:
        return None
    try:
        return {"package": package, "files": len(found), "sha256": digest_of(found)}
    except OSError:
        return None


def _cpu_model() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Hardware", "cpu model")):
                return line.partition(":")[2].strip() or None
    except OSError:
        pass
    return platform.processor() or platform.machine() or None


def extra_of(module: str) -> str | None:
    """Return the extra that brings a module, or ``None`` if none does."""
    for extra, modules in EXTRAS.items():
        if module in modules.values():
            return extra
    return None


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution, or ``None`` if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
