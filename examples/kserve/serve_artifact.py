"""Serve an artifact with KServe instead of ``zoo serve``.

pip install neural-zoo kserve
python serve_artifact.py exports/cnn/1 --http_port 8080 --enable_grpc false
"""

import argparse
import uuid

import kserve
from kserve import InferOutput, InferRequest, InferResponse

import zoo.runtime

DATATYPES = {"float32": "FP32", "int32": "INT32", "int64": "INT64", "uint8": "UINT8"}


class Artifact(kserve.Model):
    """An artifact, as KServe wants a model to be."""

    def __init__(self, path: str) -> None:
        zoo.runtime.verify(path)
        self.session = zoo.runtime.load(path)
        super().__init__(self.session.manifest.name)
        self.ready = True

    def predict(self, payload: InferRequest, headers: dict | None = None) -> InferResponse:
        """Answer one request."""
        answer = self.session.run({tensor.name: tensor.as_numpy() for tensor in payload.inputs})
        outputs = []
        for name, array in answer.items():
            output = InferOutput(name, list(array.shape), DATATYPES[array.dtype.name])
            output.set_data_from_numpy(array, binary_data=False)
            outputs.append(output)
        return InferResponse(payload.id or uuid.uuid4().hex, self.name, outputs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    parser.add_argument("path")
    options = parser.parse_args()
    server = kserve.ModelServer(
        http_port=options.http_port, enable_grpc=options.enable_grpc, workers=1
    )
    server.start([Artifact(options.path)])
