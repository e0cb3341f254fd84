"""Tables with a name."""

from __future__ import annotations

from pydantic import Field

from zoo.data.info import DatasetInfo, Row
from zoo.data.options import GroupOptions
from zoo.spec import Column, DataSpec, Task, TensorSpec


class ConcreteOptions(GroupOptions):
    """Options of the concrete data; ``group_by=mix`` stands for its seven ingredients."""

    file: str | None = Field(
        None,
        description="A local concrete_data.csv instead of a download; its cells must be the same.",
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
"""The ingredients, in the order of the file; with the age they are all of its columns."""


def _numeric(*columns: tuple[str, str | None]) -> TensorSpec:
    described = tuple(Column(name=name, unit=unit, categories=None) for name, unit in columns)
    return TensorSpec(name="numeric", shape=(len(columns),), columns=described)


def _measurement(name: str, unit: str | None) -> TensorSpec:
    column = Column(name=name, unit=unit, categories=None)
    return TensorSpec(name="target", unit=unit, columns=(column,))


DIABETES = DataSpec(
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
)
_NUCLEUS = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity"),
    *("concave_points", "symmetry", "fractal_dimension"),
)
BREAST_CANCER = DataSpec(
    id="breast_cancer",
    task=Task.CLASSIFICATION,
    inputs=(
        _numeric(
            *((f"{of}_{name}", None) for of in ("mean", "error", "worst") for name in _NUCLEUS)
        ),
    ),
    targets=(TensorSpec(name="label", dtype="int64", labels=("malignant", "benign")),),
)
CONCRETE = DataSpec(
    id="concrete",
    task=Task.REGRESSION,
    inputs=(_numeric(*((name, "kg/m3") for name in CONCRETE_MIX), ("age", "days")),),
    targets=(_measurement("strength", "MPa"),),
)

ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="569 tumors of the breast: thirty values of their cells, and the finding",
            license="CC BY 4.0",
            source="Wolberg, Mangasarian, Street & Street 1995, Breast Cancer Wisconsin "
            "(Diagnostic) (UCI), as scikit-learn carries it",
            offline=True,
            spec=BREAST_CANCER,
        ),
        "zoo.data.breast_cancer:load",
    ),
    (
        DatasetInfo(
            summary="442 people with diabetes: ten values, and how far it went within a year",
            license="none stated",
            source="Efron, Hastie, Johnstone & Tibshirani 2004, Least angle regression, in its "
            "original units, as scikit-learn carries it",
            offline=True,
            spec=DIABETES,
            options=GroupOptions,
        ),
        "zoo.data.diabetes:load",
    ),
    (
        DatasetInfo(
            summary="1,030 concretes: seven ingredients, age, and compressive strength",
            license="CC BY 4.0",
            source="Yeh 1998, Modeling of strength of high-performance concrete using artificial "
            "neural networks (UCI)",
            bytes=56_928,
            offline=False,
            spec=CONCRETE,
            options=ConcreteOptions,
        ),
        "zoo.data.concrete:load",
    ),
)

__all__ = ["BREAST_CANCER", "CONCRETE", "CONCRETE_MIX", "DIABETES", "ROWS", "ConcreteOptions"]
