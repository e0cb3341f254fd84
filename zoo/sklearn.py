"""Models of the zoo as scikit-learn estimators: for pipelines, grid search and cross-validation.

``X`` is an array of numbers, ``[examples, columns]``, where NaN is a missing value; a frame, whose
columns of texts are categories; or images, uint8 ``[examples, height, width]`` or
``[examples, height, width, channels]``.
"""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from zoo.api.catalog import registry
from zoo.api.prediction import Predictor, load, open_predictor
from zoo.api.training import train
from zoo.data import ArraySplit, Dataset
from zoo.data.arrays import class_target, measured_target, shaped_spec
from zoo.errors import MissingExtra
from zoo.names import nearest
from zoo.runtime.inputs import encode
from zoo.runtime.table import is_frame, read_frame
from zoo.runtime.values import is_missing
from zoo.spec import IN_MEMORY, SAMPLE_WEIGHT, Column, DataSpec, Task, TensorSpec

try:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        RegressorMixin,
        TransformerMixin,
    )
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:
    raise MissingExtra("zoo.sklearn", "sklearn", "scikit-learn") from error

Array = npt.NDArray[Any]

_ROWS = 256
"""Rows of one call of a model: always as many, so that a row has the same output in any company."""


class _ZooEstimator(BaseEstimator):
    """A model with the interface of scikit-learn."""

    _default: ClassVar[str]
    _takes_nan: ClassVar[bool] = True

    def __init__(
        self,
        name: str = "",
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        **config: Any,
    ) -> None:
        self.name = name
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        if odd := [key for key in config if key.endswith("_")]:
            raise TypeError(f"{type(self).__name__} has no parameter {odd[0]!r}")
        self.__dict__.update(config)

    def _config(self) -> dict[str, Any]:
        """Return the fields of the configuration that were given."""
        own = self._get_param_names()
        given = {key: value for key, value in vars(self).items() if key not in own}
        return {key: value for key, value in given.items() if key[0] != "_" != key[-1]}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with the fields of the configuration that were given."""
        return {**super().get_params(deep), **self._config()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and fields of the configuration: ``optimizer__learning_rate=0.01``.

        Raises:
            ValueError: If there is none of that name.
        """
        own = self._get_param_names()
        for key in params:
            if key in own or "name" in params:  # fit says what is wrong with another model
                continue
            name = self.name or self._default
            known = [*own, *registry().get(name).Config.model_fields]
            if key.partition("__")[0].partition(".")[0] not in known:
                near = nearest(key, known, count=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{name} has no parameter {key!r}{hint}")
        self.__dict__.update(params)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._takes_nan
        tags.non_deterministic = self.random_state is None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_predictor"}

    def _validated(self, X: Any, **options: Any) -> Any:
        """Return ``X``, or ``X`` and ``y``, checked as scikit-learn does."""
        if is_frame(X):
            X = validate_data(self, X, reset=options.get("reset", True), skip_check_array=True)
            _check_columns(X)
            if len(X) < options.get("ensure_min_samples", 1):
                raise ValueError(f"Found array with {len(X)} sample(s) while more are required.")
            if options.get("y") is None:
                return X
            y = column_or_1d(options["y"], warn=True)
            if len(y) != len(X):
                raise ValueError(f"X has {len(X)} rows, and y has {len(y)}")
            return X, y
        kept = None if getattr(X, "ndim", 2) > 2 else "numeric"
        finite = "allow-nan" if self._takes_nan else True
        found = validate_data(
            self, X, dtype=kept, allow_nd=True, ensure_all_finite=finite, **options
        )
        images = found[0] if isinstance(found, tuple) else found
        if images.ndim > 2 and images.dtype != np.uint8:
            raise ValueError(f"images are uint8, from 0 to 255. Received: {images.dtype}")
        return found

    def _fit(
        self, X: Any, y: Array | None, target: TensorSpec | None, task: str, sample_weight: Any
    ) -> Self:
        """Train in a temporary folder; the weights stay with the estimator."""
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction lies between 0 and 1. Received: {self.validation_fraction}"
            )
        config = {key.replace("__", "."): value for key, value in self._config().items()}
        for key in {"weights", *inspect.signature(train).parameters} & set(config):
            hint = "; it is called random_state here" if key == "seed" else ""
            raise ValueError(f"{type(self).__name__} has no parameter {key!r}{hint}")
        inputs = _input_specs(X)
        arrays = encode(X, inputs)
        targets: dict[TensorSpec, Any] = {} if target is None else {target: y}
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, y, dtype=np.float32)
            targets[TensorSpec(name=SAMPLE_WEIGHT)] = weights
        truth = {spec.name: values for spec, values in targets.items()}
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        order = random.permutation(len(X))
        if y is not None:  # sorted so, an even choice is one of all classes, or quantiles
            order = order[np.argsort(np.asarray(y)[order], kind="stable")]
        count = min(max(1, round(self.validation_fraction * len(X))), len(X) - 1)
        chosen = np.zeros(len(X), bool)
        chosen[order[np.linspace(0, len(X) - 1, count + 2)[1:-1].astype(int)]] = True

        def split(rows: Array) -> ArraySplit:
            parts = [{name: one[rows] for name, one in some.items()} for some in (arrays, truth)]
            return ArraySplit(*parts)

        splits = {"train": split(~chosen), "validation": split(chosen)}
        splits["test"] = splits["validation"]  # nothing is evaluated here: scikit-learn does that
        spec = DataSpec(id=IN_MEMORY, task=task, inputs=inputs, targets=tuple(targets))
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            run = train(
                self.name or self._default,
                Dataset(spec, lambda: splits),
                run_dir=Path(folder, "run"),
                epochs=self.epochs,
                batch_size=self.batch_size,
                patience=self.patience,
                seed=seed,
                progress=False,
                **config,
            )
            self.model_file_ = run.folder.model_file.read_bytes()
            self._predictor = open_predictor(run.model)
        return self

    def _outputs(self, X: Any, signature: str | None = None) -> dict[str, Array]:
        """Return the outputs of a signature, by default the model's first."""
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        predictor = self._opened()
        name = signature or next(iter(predictor.signatures))
        arrays = encode(X, predictor.signatures[name].inputs)
        found = []
        for start in range(0, len(X), _ROWS):
            part = {key: value[start : start + _ROWS] for key, value in arrays.items()}
            count = len(next(iter(part.values())))
            if count < _ROWS:
                part = {
                    key: np.resize(value, (_ROWS, *value.shape[1:])) for key, value in part.items()
                }
            outputs = predictor.predict_fns[name](part)
            found.append({key: value[:count] for key, value in outputs.items()})
        return {key: np.concatenate([one[key] for one in found]) for key in found[0]}

    def _opened(self) -> Predictor:
        """Return the model, read again if the estimator was unpickled."""
        if "_predictor" not in vars(self):
            with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
                file = Path(folder, "model.keras")
                file.write_bytes(self.model_file_)
                self._predictor = open_predictor(load(file))
        return self._predictor


class ZooClassifier(ClassifierMixin, _ZooEstimator):
    """Classifier as a scikit-learn estimator.

    Args:
        name: A model that classifies; ``mlp_classifier`` by default.
        epochs: Passes over the training examples; by default the model's own number.
        batch_size: Examples per step.
        patience: Stop after this many epochs without a better validation loss.
        validation_fraction: Fraction of the examples that chooses the epoch, and is not trained on.
        random_state: Seed of everything random; ``None`` takes another one in every fit.
        **config: Fields of the model's configuration; ``optimizer__learning_rate`` is a nested one.

    Attributes:
        classes_: The classes.
        n_features_in_: Number of columns.
        feature_names_in_: Names of the columns, if ``X`` was a frame.
        model_file_: The trained model, the bytes of its ``.keras`` file.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(60, 2))
        >>> model = zoo.sklearn.ZooClassifier("mlp_classifier", epochs=2, units=[8], random_state=0)
        >>> model.fit(X, np.where(X[:, 0] > 0, "high", "low")).classes_.tolist()
        ['high', 'low']
    """

    _default = "mlp_classifier"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on examples and their classes, each with its weight in the loss."""
        X, y = self._validated(X, y=y, ensure_min_samples=2)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError("y has one class, and a classifier needs two at least")
        target = class_target(tuple(map(str, classes.tolist())))
        self._fit(X, codes.astype(np.int64), target, Task.CLASSIFICATION, sample_weight)
        self.classes_ = classes  # only now: those of a model that was trained before stay with it
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, ``[examples, classes]``."""
        outputs = self._outputs(X)
        predictor = self._opened()
        specs = predictor.signatures[next(iter(predictor.signatures))].outputs
        name = next(spec.name for spec in specs if spec.role == "probabilities")
        found = outputs[name].astype(np.float64)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each example."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


class ZooRegressor(RegressorMixin, _ZooEstimator):
    """Regressor as a scikit-learn estimator.

    Args and attributes are those of :class:`ZooClassifier` but for the classes; ``mlp_regressor``
    is the default. Its interval is calibrated on a part of the validation fraction, which needs ten
    examples for a level of 90 %: ``interval_level=0.5`` needs two.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(80, 2))
        >>> model = zoo.sklearn.ZooRegressor(epochs=2, units=[8], random_state=0)
        >>> prediction, interval = model.fit(X, X[:, 0]).predict(X, return_interval=True)
        >>> interval.shape
        (80, 2)
    """

    _default = "mlp_regressor"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on examples and their measurements, each with its weight in the loss."""
        X, y = self._validated(X, y=y, ensure_min_samples=2, y_numeric=True)
        return self._fit(
            X, np.asarray(y, np.float32), measured_target(), Task.REGRESSION, sample_weight
        )

    def predict(self, X: Any, *, return_interval: bool = False) -> Any:
        """Return the predictions, and if it is wanted their intervals, ``[examples, 2]``."""
        found = {key: value.astype(np.float64) for key, value in self._outputs(X).items()}
        prediction = found.get("prediction", next(iter(found.values())))
        if not return_interval:
            return prediction
        return prediction, np.stack([found["low"], found["high"]], axis=1)


class ZooTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _ZooEstimator):
    """Features of an unsupervised model as a scikit-learn transformer.

    The code of an autoencoder, the hidden units of an RBM. Args and attributes are those of
    :class:`ZooClassifier` but for the classes; ``rbm`` is the default.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(60, 3))
        >>> features = zoo.sklearn.ZooTransformer("rbm", epochs=2, hidden=5, random_state=0)
        >>> features.fit_transform(X).shape, features.get_feature_names_out()[0]
        ((60, 5), 'zootransformer0')
    """

    _default = "rbm"
    _takes_nan = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on examples; ``y`` is not used."""
        return self._fit(self._validated(X, ensure_min_samples=2), None, None, Task.DENSITY, None)

    def transform(self, X: Any) -> Array:
        """Return the features, ``[examples, features]``."""
        check_is_fitted(self)
        found = self._outputs(X, self._signature)
        return np.asarray(next(iter(found.values())))

    @property
    def _signature(self) -> str:
        known = self._opened().signatures
        return next((name for name in ("encode", "features") if name in known), next(iter(known)))

    @property
    def _n_features_out(self) -> int:
        return int(self._opened().signatures[self._signature].outputs[0].shape[0])


def _check_columns(X: Any) -> None:
    """Refuse columns of a frame that would be taken for categories, and are none."""
    for name in X.columns:
        values = np.asarray(X[name].to_numpy())
        if values.dtype.kind == "f" and np.isinf(values).any():
            raise ValueError(f"Input X contains infinity in the column {name!r}")
        if values.dtype.kind in "mM":
            raise ValueError(f"the column {name!r} holds dates or durations: give numbers")


def _input_specs(X: Any) -> tuple[TensorSpec, ...]:
    """Return the specs of the inputs: an image, or numbers and categories by column."""
    if not is_frame(X):
        shape = (*X.shape[1:], 1) if X.ndim == 3 else X.shape[1:]
        missing = X.dtype.kind == "f" and bool(np.isnan(X).any())
        return shaped_spec(IN_MEMORY, shape, (), missing=missing).inputs
    numbers, categories, missing = [], [], False
    for name, cells in read_frame(X).columns.items():
        if cells.plain is not None:
            numbers.append(Column(name=name))
            missing |= bool(np.isnan(cells.plain).any())
        else:
            known = tuple(sorted(text for text in cells.texts if not is_missing(text)))
            categories.append(Column(name=name, categories=known))
    specs = []
    if numbers:
        spec = TensorSpec(name="numeric", shape=(len(numbers),), columns=tuple(numbers))
        specs.append(spec.model_copy(update={"missing": missing}))
    if categories:
        kept, shape = tuple(categories), (len(categories),)
        specs.append(TensorSpec(name="categorical", shape=shape, dtype="int32", columns=kept))
    return tuple(specs)


__all__ = ["ZooClassifier", "ZooRegressor", "ZooTransformer"]
