"""The Open Inference Protocol v2, asked by the client of the protocol's own authors."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.plugins.serve.conftest import Served
from zoo.errors import ConfigError, Incompatible, MissingExtra, Tampered
from zoo.runtime import load, read_manifest
from zoo.runtime.golden_vectors import compare_all, unpack_vectors
from zoo_serve import open_models, open_server

client_module = pytest.importorskip(
    "tritonclient.http", reason="tritonclient[http] is not installed: scripts/test brings it"
)

MODELS = ("tiny", "tiny_table", "tiny_series", "tiny_code")


@pytest.fixture(scope="module")
def client(served: Served) -> Any:
    with client_module.InferenceServerClient(served.host) as client:
        yield client


def ask(served: Served, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
    """Send anything at all; return the status and the JSON that came back."""
    connection = http.client.HTTPConnection(served.host, timeout=20)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    finally:
        connection.close()


def infer(served: Served, body: Any, path: str = "/v2/models/tiny/infer", **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(served, "POST", path, raw, **headers)


def image(**change: Any) -> dict[str, Any]:
    """A good request, or one with something wrong in its only input."""
    tensor = {"name": "image", "shape": [1, 6, 6, 1], "datatype": "UINT8", "data": [7] * 36}
    return {"inputs": [{k: v for k, v in {**tensor, **change}.items() if v is not None}]}


def _call(client: Any, model: str, arrays: Any, *, binary: bool, version: str = "") -> Any:
    types = {"uint8": "UINT8", "int32": "INT32", "int64": "INT64", "float32": "FP32"}
    inputs = []
    for name, array in arrays.items():
        tensor = client_module.InferInput(name, list(array.shape), types[array.dtype.name])
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    outputs = [
        client_module.InferRequestedOutput(tensor["name"], binary_data=binary)
        for tensor in client.get_model_metadata(model)["outputs"]
    ]
    return client.infer(model, inputs, model_version=version, outputs=outputs)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_the_golden_vectors_give_the_recorded_answers(
    served: Served, client: Any, model: str, binary: bool
) -> None:
    folder = served.repository / model / "1"
    manifest = read_manifest(folder)
    for graph in manifest.graphs:
        name = model if graph is manifest.graphs[0] else f"{model}.{graph.signature}"
        for vector in unpack_vectors((folder / "vectors.npz").read_bytes(), graph.signature):
            if not binary and any(np.isnan(a).any() for a in vector.inputs.values()):
                continue  # JSON has no NaN; null is tested by itself
            answer = _call(client, name, vector.inputs, binary=binary)
            actual = {
                spec.name: answer.as_numpy(spec.name).reshape(vector.outputs[spec.name].shape)
                for spec in graph.outputs
            }
            for found in compare_all(
                actual, vector.outputs, graph.tolerance, graph.outputs
            ).values():
                assert found.share <= 1, found


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("binary", [True, False])
def test_any_batch_gives_what_the_session_gives(
    served: Served, client: Any, batch: int, binary: bool
) -> None:
    images = np.random.default_rng(batch).integers(0, 256, (batch, 6, 6, 1), dtype=np.uint8)
    expected = load(served.repository / "tiny" / "1").run({"image": images})
    answer = _call(client, "tiny", {"image": images}, binary=binary, version="1")
    np.testing.assert_array_equal(answer.as_numpy("probabilities"), expected["probabilities"])
    np.testing.assert_array_equal(answer.as_numpy("label"), expected["label"][:, None])


def test_outputs_are_raw_by_default_for_a_client_that_asks_so(client: Any) -> None:
    tensor = client_module.InferInput("image", [2, 6, 6, 1], "UINT8")
    tensor.set_data_from_numpy(np.zeros((2, 6, 6, 1), "uint8"))
    answer = client.infer("tiny", [tensor], request_id="seven")
    assert answer.as_numpy("probabilities").shape == (2, 4)
    assert answer.get_response()["id"] == "seven"
    assert answer.get_response()["model_version"] == "1"


def test_health_metadata_and_readiness_are_told(client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.is_model_ready("tiny") and client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("tiny", "2")
    assert not client.is_model_ready("nobody")
    told = client.get_model_metadata("tiny", "1")
    assert told["versions"] == ["1"]
    assert told["platform"] == "onnxruntime_onnx"
    assert told["inputs"][0]["datatype"] == "UINT8"
    assert told["inputs"][0]["shape"] == [-1, 6, 6, 1]
    shapes = {tensor["name"]: tensor["shape"] for tensor in told["outputs"]}
    assert shapes == {"probabilities": [-1, 4], "label": [-1, 1]}
    assert told["outputs"][0]["parameters"]["labels"] == ["cat", "dog", "fish", "owl"]
    assert client.get_model_metadata("tiny_series")["inputs"][0]["shape"] == [-1, -1, 2]


def test_a_changed_artifact_is_refused_and_told_and_the_others_are_served(
    served: Served, client: Any
) -> None:
    index = {
        (entry["name"], entry["version"]): entry for entry in client.get_model_repository_index()
    }
    assert index["tiny", "1"]["state"] == "READY"
    assert index["tiny", "2"]["state"] == "UNAVAILABLE"
    assert "model.onnx was changed after publishing" in index["tiny", "2"]["reason"]
    assert "refused" in served.printed and "model.onnx" in served.printed
    status, answer = infer(served, image(), "/v2/models/tiny/versions/2/infer")
    assert status == 404
    assert "refused" in answer["error"]


def test_json_takes_nested_rows_and_null_for_a_missing_value(served: Served) -> None:
    rows = [[30.0, None, 1500.0], [41, 1.8, 2000]]
    body = {
        "inputs": [
            {"name": "numeric", "shape": [2, 3], "datatype": "FP32", "data": rows},
            {"name": "categorical", "shape": [2, 2], "datatype": "INT32", "data": [1, 2, 0, 3]},
        ],
        "outputs": [{"name": "probabilities"}],
    }
    status, answer = infer(served, body, "/v2/models/tiny_table/infer")
    assert status == 200, answer
    expected = load(served.repository / "tiny_table" / "1").run(
        {
            "numeric": np.array([[30, np.nan, 1500], [41, 1.8, 2000]], "float32"),
            "categorical": np.array([[1, 2], [0, 3]], "int32"),
        }
    )
    (output,) = answer["outputs"]
    np.testing.assert_allclose(output["data"], expected["probabilities"].reshape(-1), rtol=1e-6)


BAD: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{", "no JSON"),
    "not UTF-8": (b"\xff\xfe\xfa", "no JSON"),
    "deep JSON": (b"[" * 100_000, "JSON"),
    "NaN": (b'{"inputs": [{"data": [NaN]}]}', "NaN"),
    "huge number": (b'{"inputs": ' + b"9" * 5000 + b"}", ""),
    "no object": ([], "the request"),
    "no inputs": ({"inputs": []}, "inputs"),
    "unknown input": (image(name="picture"), "is none of image"),
    "input twice": ({"inputs": image()["inputs"] * 2}, "given twice"),
    "other type": (image(datatype="FP32"), "is UINT8"),
    "no type at all": (image(datatype="EVIL"), "is UINT8"),
    "other shape": (image(shape=[1, 6, 6, 3]), "has the shape"),
    "fewer axes": (image(shape=[36]), "has the shape"),
    "negative batch": (image(shape=[-1, 6, 6, 1]), "has the shape"),
    "empty batch": (image(shape=[0, 6, 6, 1], data=[]), "has the shape"),
    "huge batch": (image(shape=[2**40, 6, 6, 1]), "has the shape"),
    "too large a batch": (image(shape=[65, 6, 6, 1], data=[0] * 36 * 65), "at most 64"),
    "too few numbers": (image(data=[1, 2]), "needs 36 numbers"),
    "ragged rows": (image(data=[[1], [2, 3]]), "even rows"),
    "text": (image(data=["a"] * 36), "not all UINT8"),
    "fractions": (image(data=[0.5] * 36), "not all UINT8"),
    "truth": (image(data=[True] * 36), "not all UINT8"),
    "null": (image(data=[None] * 36), "not all UINT8"),
    "out of range": (image(data=[256] * 36), "does not hold"),
    "negative": (image(data=[-1] * 36), "does not hold"),
    "beyond any type": (image(data=[10**30] * 36), "UINT8"),
    "no data": (image(data=None), "no list of data"),
    "shared memory": (image(data=None, parameters={"shared_memory_region": "r"}), "shared memory"),
    "bytes that are not there": (
        image(data=None, parameters={"binary_data_size": 36}),
        "of which 0 are there",
    ),
    "negative bytes": (image(data=None, parameters={"binary_data_size": -1}), "no length"),
    "both": (image(parameters={"binary_data_size": 36}), "both"),
    "unknown output": ({**image(), "outputs": [{"name": "x"}]}, "is none of probabilities"),
    "classification": (
        {**image(), "outputs": [{"name": "label", "parameters": {"classification": 2}}]},
        "not offered",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_request_gets_a_reason(served: Served, kind: str) -> None:
    body, why = BAD[kind]
    status, answer = infer(served, body)
    assert status == 400
    assert why in answer["error"]
    assert set(answer) == {"error"}
    assert "Traceback" not in answer["error"]


def test_inputs_that_do_not_belong_together_are_refused(served: Served) -> None:
    numeric = {"name": "numeric", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
    codes = {"name": "categorical", "shape": [2, 2], "datatype": "INT32", "data": [1, 1, 1, 1]}
    path = "/v2/models/tiny_table/infer"
    assert "is missing" in infer(served, {"inputs": [numeric]}, path)[1]["error"]
    status, answer = infer(served, {"inputs": [numeric, codes]}, path)
    assert (status, answer["error"]) == (400, "inputs differ in their batch: 1 and 2")


def test_numbers_that_are_not_finite_are_refused_where_nothing_may_be_missing(
    served: Served, client: Any
) -> None:
    series = np.array([[[1, np.inf]]], "float32")
    with pytest.raises(client_module.InferenceServerException, match="NaN or an infinite"):
        _call(client, "tiny_series", {"series": series}, binary=True)
    body = {
        "inputs": [{"name": "series", "shape": [1, 1, 2], "datatype": "FP32", "data": [1e300, 0]}]
    }
    status, answer = infer(served, body, "/v2/models/tiny_series/infer")
    assert status == 400 and "infinite" in answer["error"]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999", "9" * 40, " 5", "٣", "0"])
def test_a_wrong_length_of_the_json_is_refused(served: Served, length: str) -> None:
    body = json.dumps(image()).encode()
    sent = length.encode("utf-8").decode("latin-1")
    status, answer = infer(served, body, Inference_Header_Content_Length=sent)
    assert status == 400, answer


def test_routes_and_methods_that_are_none_get_a_reason(served: Served) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/tiny/versions/9", 404),
        ("GET", "/v2/models/tiny/versions/..%2F1", 404),
        ("GET", "/v2/models/..%2f..%2fetc%2fpasswd/ready", 404),
        ("GET", "/v2/models/tiny/infer", 405),
        ("DELETE", "/v2/models/tiny", 405),
    ):
        found, answer = ask(served, method, path)
        assert (found, set(answer)) == (status, {"error"}), path
    assert ask(served, "GET", "/v2/models/tiny.nothing")[1]["error"].startswith("there is no model")


def test_too_large_a_request_is_not_read(served: Served) -> None:
    large = b" " * (2**20 + 1)
    status, answer = infer(served, large)
    assert (status, answer["error"]) == (413, "a request has at most 1,048,576 bytes")
    for chunks, length in (([b"x" * 65536] * 100, None), ([b"x"], "99999999999")):
        connection = http.client.HTTPConnection(served.host, timeout=20)
        try:
            headers = {"Content-Length": length} if length else {}
            connection.request(
                "POST", "/v2/models/tiny/infer", iter(chunks), headers, encode_chunked=not length
            )
            assert connection.getresponse().status == 413
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up while the rest was still being sent
        finally:
            connection.close()
    assert infer(served, image())[0] == 200


def test_a_compressed_request_is_refused(served: Served) -> None:
    status, answer = infer(served, image(), Content_Encoding="gzip")
    assert status == 415 and "compressed" in answer["error"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=st.binary(max_size=200), length=st.none() | st.integers(0, 250))
def test_any_bytes_get_an_answer_of_the_protocol(
    served: Served, raw: bytes, length: int | None
) -> None:
    headers = {} if length is None else {"Inference_Header_Content_Length": str(length)}
    status, answer = infer(served, raw, **headers)
    assert 400 <= status < 500
    assert set(answer) == {"error"}


def test_requests_at_the_same_time_do_not_mix(served: Served) -> None:
    session = load(served.repository / "tiny" / "1")
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (size, 6, 6, 1), dtype=np.uint8) for size in range(1, 17)]
    answers: dict[int, Any] = {}

    def one(at: int) -> None:
        shape, data = list(images[at].shape), images[at].reshape(-1).tolist()
        answers[at] = infer(served, image(shape=shape, data=data))

    threads = [threading.Thread(target=one, args=(at,)) for at in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for at, array in enumerate(images):
        status, answer = answers[at]
        assert status == 200
        expected = session.run({"image": array})["probabilities"].reshape(-1)
        np.testing.assert_allclose(answer["outputs"][0]["data"], expected, rtol=1e-6)


def test_one_model_or_one_version_can_be_served(repository: Path) -> None:
    assert {model.name for model in open_models(repository / "tiny_table")} == {"tiny_table"}
    models = open_models(repository / "tiny_code" / "1")
    assert [m.name for m in models] == ["tiny_code", "tiny_code.encode", "tiny_code.decode"]


def test_nothing_to_serve_is_an_error(repository: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Incompatible, match="holds no artifact"):
            open_models(path)
    with pytest.raises(Tampered, match=r"model.onnx"):
        open_models(repository / "tiny" / "2")


def test_a_port_that_is_taken_is_named(repository: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)) as caught:
            open_server(repository / "tiny_table", port=port)
    assert "--port 0" in caught.value.fix
    with pytest.raises(ConfigError, match="workers"):
        open_server(repository, workers=0)


def test_a_missing_server_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    with pytest.raises(MissingExtra, match="serving needs uvicorn") as caught:
        open_server("exports")
    assert "neural-zoo[serve]" in caught.value.fix


def test_serving_imports_no_framework(repository: Path) -> None:
    code = (
        "import sys; from zoo_serve import open_models, create_app;"
        "create_app(open_models(sys.argv[1]));"
        "print({'onnx', 'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(repository)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


def test_the_command_announces_as_json_what_it_serves(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from zoo.cli.program import app
    from zoo_serve import Server

    monkeypatch.setattr(Server, "run", lambda server: server._listener.close())
    words = ["serve", str(repository / "tiny"), "--port", "0", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["url"].startswith("http://127.0.0.1:")
    assert [entry["state"] for entry in told["models"]] == ["READY", "UNAVAILABLE"]
