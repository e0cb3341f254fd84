"""The example that serves an artifact with KServe, in an environment that has it.

KServe holds other versions of packages than our lock does, so it gets an environment of its own:
the one whose Python ``ZOO_KSERVE_PYTHON`` names, or one that is made for this test.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.runtime import read_manifest
from zoo.runtime.golden_vectors import compare_all, unpack_vectors

client_module = pytest.importorskip(
    "tritonclient.http", reason="tritonclient[http] is not installed: scripts/test brings it"
)

ROOT = Path(__file__).parents[3]


PACKAGES = ("kserve==0.21.0", "click", "msgspec", "onnxruntime", "pluggy", "pydantic", "pyyaml")
"""KServe, and what the base install of the zoo needs beside it."""


@pytest.fixture(scope="session")
def kserve_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has KServe."""
    given = os.environ.get("ZOO_KSERVE_PYTHON")
    if given:
        return given
    folder = tmp_path_factory.mktemp("kserve") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"KServe cannot be installed here: {done.stderr.strip()[-300:]}")
    return python


@pytest.mark.packaging
def test_kserve_gives_the_recorded_answers(repository: Path, kserve_python: str) -> None:
    folder = repository / "tiny" / "1"
    manifest = read_manifest(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = ROOT / "examples" / "kserve" / "serve_artifact.py"
    words = [kserve_python, script, folder, "--http_port", port, "--enable_grpc", "false"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [str(word) for word in words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with client_module.InferenceServerClient(f"127.0.0.1:{port}") as client:
            for _ in range(120):
                try:
                    if client.is_model_ready("tiny"):
                        break
                except OSError:
                    assert process.poll() is None, "the server ended"
                time.sleep(0.5)
            names = [spec.name for spec in manifest.graphs[0].outputs]
            outputs = [client_module.InferRequestedOutput(n, binary_data=False) for n in names]
            for vector in unpack_vectors((folder / "vectors.npz").read_bytes(), "predict"):
                images = vector.inputs["image"]
                tensor = client_module.InferInput("image", list(images.shape), "UINT8")
                tensor.set_data_from_numpy(images)
                answer = client.infer("tiny", [tensor], outputs=outputs)
                actual = {name: answer.as_numpy(name) for name in names}
                graph = manifest.graphs[0]
                found = compare_all(actual, vector.outputs, graph.tolerance, graph.outputs)
                assert all(difference.share <= 1 for difference in found.values())
    finally:
        process.terminate()
        process.wait(timeout=30)
