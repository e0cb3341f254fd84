"""Tables: diabetes, breast cancer, and the strength of concrete."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from zoo.data import (
    GroupOptions,
    NamedDataset,
    Remote,
    SplitOptions,
    arrays_digest,
    read_table,
    split_rows,
)
from zoo.errors import ConfigError, Finding
from zoo.names import nearest
from zoo.spec import Arrays, Column, DataSpec, Split, Task, TensorSpec
from zoo_datasets import (
    array_splits,
    bundled,
    check_content,
    local_or_downloaded,
    split_by_class,
)

DIABETES_SHA256 = "2edbaa8ff84293913c765d1b470c13e09a30d5b4f5e48dece41395e36d8e3b21"
BREAST_CANCER_SHA256 = "6bc6f09abdbeafddd5438110d1fd4865a24b87524f91004cf2a3cd9741fbe94b"
CONCRETE_SHA256 = "4609a357c94189c8f1317281dc2ff7f7cd901d68cf7531286ed4e9e7ed354de7"
"""SHA-256 over the arrays, whatever file they came in."""

CONCRETE_REMOTE = Remote(
    name="concrete_data.csv",
    urls=(
        "https://raw.githubusercontent.com/abdelmasry/"
        "IBM-Intro-to-Deep-Learning-and-Neural-Networks-wiith-Keras/"
        "7ce95c4fda256f781763e04a3e3235ffb846000f/concrete_data.csv",
        "https://s3-api.us-geo.objectstorage.softlayer.net/cf-courses-data/CognitiveClass/"
        "DL0101EN/labs/data/concrete_data.csv",
    ),
    size=56_928,
    sha256="07866685127575e44c3a61f9bfc1169e59e207a8a9e87aa3ff2af507b6fd0af3",
)
CONCRETE_MIX = (
    "cement",
    "slag",
    "fly_ash",
    "water",
    "superplasticizer",
    "coarse_aggregate",
    "fine_aggregate",
)
"""Ingredients in the order of the file; with the age they are all of its columns."""

_SEX = 1


class ConcreteOptions(GroupOptions):
    """Options of the concrete data; ``group_by=mix`` stands for its seven ingredients."""

    file: str | None = Field(
        None,
        description="A local concrete_data.csv instead of a download; its cells must be the same.",
    )


def load_diabetes(options: GroupOptions) -> Mapping[str, Split]:
    """Load the study in its original units; the target has none, and runs from 25 to 346.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is another one.
    """
    arrays = dict(bundled("diabetes", DIABETES_SHA256, _diabetes, scaled=False))
    return _split_table(DIABETES.spec, arrays, arrays.pop("target"), options)


def _diabetes(bunch: Any) -> Arrays:
    return {
        "numeric": np.delete(bunch.data, _SEX, axis=1).astype(np.float32),
        "categorical": bunch.data[:, [_SEX]].astype(np.int32),
        "target": bunch.target.astype(np.float32),
    }


def load_breast_cancer(options: SplitOptions) -> Mapping[str, Split]:
    """Load the measurements of the cell nuclei, as they are in the file.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is another one.
    """
    arrays = bundled("breast_cancer", BREAST_CANCER_SHA256, _breast_cancer)
    return split_by_class({"numeric": arrays["numeric"]}, arrays["label"], options)


def _breast_cancer(bunch: Any) -> Arrays:
    return {"numeric": bunch.data.astype(np.float32), "label": bunch.target.astype(np.int64)}


def load_concrete(options: ConcreteOptions) -> Mapping[str, Split]:
    """Load the concrete data: eight inputs in kg/m3 and days, the strength in MPa.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the numbers of the file are not those of the concrete data.
    """
    path = local_or_downloaded(options.file, CONCRETE_REMOTE)
    table = read_table(path).columns.values()
    values = np.stack([cells.numbers()[0] for cells in table], axis=1).astype(np.float32)
    inputs, target = {"numeric": values[:, :-1]}, values[:, -1]
    check_content(
        arrays_digest({**inputs, "target": target}),
        CONCRETE_SHA256,
        f"the numbers of the concrete data in {path}",
        f"zoo train NAME --data {path} uses the file as your own data",
    )
    columns = [(CONCRETE_MIX if name == "mix" else (name,)) for name in options.group_by]
    options = options.model_copy(update={"group_by": tuple(itertools.chain(*columns))})
    return _split_table(CONCRETE.spec, inputs, target, options)


def _split_table(
    spec: DataSpec, inputs: Arrays, target: npt.NDArray[np.float32], options: GroupOptions
) -> Mapping[str, Split]:
    """Return the splits of a regression table: by shares, by folds, and by groups.

    Raises:
        ConfigError: If a column to group by does not exist.
        DataError: If there are too few groups.
    """
    groups = _groups(spec, inputs, options.group_by) if options.group_by else None
    parts = split_rows(np.zeros(len(target), np.int64), options, groups=groups)
    return array_splits(inputs, {spec.targets[0].name: target}, parts)


def _groups(spec: DataSpec, inputs: Arrays, names: Sequence[str]) -> npt.NDArray[np.int64]:
    columns = {
        column.name: inputs[tensor.name][:, place]
        for tensor in spec.inputs
        for place, column in enumerate(tensor.columns or ())
    }
    findings = []
    for name in names:
        if name not in columns:
            near = nearest(name, columns, count=1)
            allowed = f"the columns are {', '.join(columns)}"
            findings.append(Finding("group_by", name, allowed, near[0] if near else None))
    if findings:
        raise ConfigError(
            f"{spec.id} has no such column to group by",
            findings=findings,
            fix="name columns of the data: group_by=COLUMN,COLUMN",
        )
    rows = np.stack([columns[name].astype(np.float64) for name in names], axis=1)
    codes = np.unique(rows, axis=0, return_inverse=True)[1]
    return np.asarray(codes, np.int64).reshape(-1)


def _numeric(*columns: tuple[str, str | None]) -> TensorSpec:
    described = tuple(Column(name=name, unit=unit, categories=None) for name, unit in columns)
    return TensorSpec(name="numeric", shape=(len(columns),), columns=described)


def _measurement(name: str, unit: str | None) -> TensorSpec:
    column = Column(name=name, unit=unit, categories=None)
    return TensorSpec(name="target", unit=unit, columns=(column,))


DIABETES = NamedDataset(
    spec=DataSpec(
        id="diabetes",
        task=Task.REGRESSION,
        inputs=(
            _numeric(
                ("age", "years"),
                ("bmi", "kg/m2"),
                ("blood_pressure", "mmHg"),
                ("total_cholesterol", "mg/dl"),
                ("ldl", "mg/dl"),
                ("hdl", "mg/dl"),
                ("cholesterol_ratio", None),
                ("log_triglycerides", None),
                ("glucose", "mg/dl"),
            ),
            TensorSpec(
                name="categorical",
                shape=(1,),
                dtype="int32",
                columns=(Column(name="sex", categories=("1", "2")),),
            ),
        ),
        targets=(_measurement("progression", None),),
    ),
    summary="442 people with diabetes: ten values, and how far it went within a year",
    size="442 rows",
    license="not stated",
    source="Efron, Hastie, Johnstone & Tibshirani 2004, Least angle regression, in its original "
    "units, as scikit-learn carries it",
    offline=True,
    options=GroupOptions,
    load=load_diabetes,
)
_NUCLEUS = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity"),
    *("concave_points", "symmetry", "fractal_dimension"),
)
BREAST_CANCER = NamedDataset(
    spec=DataSpec(
        id="breast_cancer",
        task=Task.CLASSIFICATION,
        inputs=(
            _numeric(
                *((f"{of}_{name}", None) for of in ("mean", "error", "worst") for name in _NUCLEUS)
            ),
        ),
        targets=(TensorSpec(name="label", dtype="int64", labels=("malignant", "benign")),),
    ),
    summary="569 tumors of the breast: thirty values of their cells, and the finding",
    size="569 rows",
    license="CC BY 4.0",
    source="Wolberg, Mangasarian, Street & Street 1995, Breast Cancer Wisconsin (Diagnostic) "
    "(UCI), as scikit-learn carries it",
    offline=True,
    load=load_breast_cancer,
)
CONCRETE = NamedDataset(
    spec=DataSpec(
        id="concrete",
        task=Task.REGRESSION,
        inputs=(_numeric(*((name, "kg/m3") for name in CONCRETE_MIX), ("age", "days")),),
        targets=(_measurement("strength", "MPa"),),
    ),
    summary="1,030 concretes: seven ingredients, age, and compressive strength",
    size="1,030 rows, 57 kB",
    license="CC BY 4.0",
    source="Yeh 1998, Modeling of strength of high-performance concrete using artificial neural "
    "networks (UCI)",
    offline=False,
    options=ConcreteOptions,
    load=load_concrete,
)
