"""Models as scikit-learn estimators: its own checks, its own tools."""

from __future__ import annotations

import doctest
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="an estimator trains with Keras")
pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import zoo
from zoo.errors import ConfigError, DataError
from zoo.sklearn import ZooClassifier, ZooRegressor, ZooTransformer

SMALL: dict[str, Any] = {"units": [16], "batch_size": 16, "random_state": 0}
IRIS = load_iris(return_X_y=True)

ESTIMATORS = (
    ZooClassifier(
        epochs=12, units=[16], batch_size=16, optimizer__learning_rate=0.02, random_state=0
    ),
    ZooRegressor(
        epochs=12,
        units=[16],
        batch_size=16,
        members=4,
        embedding="none",
        interval_level=0.5,
        random_state=0,
    ),
    ZooTransformer(epochs=1, hidden=4, random_state=0),
)
FIELDS = "the fields of a configuration belong to the model of that name: no signature lists them"
WEIGHTS = (
    "a weight of two counts twice in the loss, but the steps of an epoch and the examples that "
    "choose the epoch are drawn from the rows"
)
FAILED = {
    "check_no_attributes_set_in_init": FIELDS,
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
}
QUICK = (
    *("check_estimator_cloneable", "check_estimator_repr", "check_mixin_order", "check_fit1d"),
    *("check_valid_tag_types", "check_estimators_unfitted", "check_complex_data"),
    *("check_do_not_raise_errors_in_init_or_set_params", "check_estimator_sparse_array"),
    *("check_get_params_invariance", "check_set_params", "check_estimators_empty_data_messages"),
    *("check_classifiers_one_label", "check_parameters_default_constructible"),
    *("check_estimators_nan_inf", "check_supervised_y_no_nan"),
)
"""Checks that train no model, or one."""


def _name(check: Any) -> str:
    return str(check.func.__name__)


def _expected(estimator: Any) -> dict[str, str]:
    names = {_name(check) for _, check in estimator_checks_generator(estimator)}
    return {name: reason for name, reason in FAILED.items() if name in names}


@pytest.mark.slow
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_expected)
def test_the_checks_of_scikit_learn_pass(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=_name(check))
        for _, check in estimator_checks_generator(ESTIMATORS[0])
        if _name(check) in QUICK
    ],
)
def test_the_quick_checks_of_scikit_learn_pass(check: Any) -> None:
    check(ESTIMATORS[0])


@pytest.fixture(scope="module")
def classifier() -> ZooClassifier:
    return ZooClassifier(epochs=30, optimizer__learning_rate=0.01, **SMALL).fit(*IRIS)


def test_a_classifier_learns_and_names_its_classes() -> None:
    pandas = pytest.importorskip("pandas")
    X, codes = load_iris(return_X_y=True, as_frame=True)
    X["leaf"] = np.where(codes == 0, "round", "long")
    y = np.array(["setosa", "versicolor", "virginica"])[codes]
    model = ZooClassifier(epochs=30, optimizer__learning_rate=0.01, **SMALL).fit(X, y)
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert model.n_features_in_ == 5
    assert model.feature_names_in_.tolist() == list(X.columns)
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.iloc[:, ::-1])
    unknown = X.head(3).assign(leaf=pandas.Series(["square", None, "long"]))
    assert model.predict(unknown).shape == (3,)


def test_what_it_keeps_is_a_model_that_keras_opens(
    classifier: ZooClassifier, tmp_path: Any
) -> None:
    (tmp_path / "mine.keras").write_bytes(classifier.model_file_)
    found = zoo.predict(tmp_path / "mine.keras", IRIS[0]).probabilities
    np.testing.assert_allclose(classifier.predict_proba(IRIS[0]), found, atol=1e-5)


def test_probabilities_sum_to_one_and_choose_the_class(classifier: ZooClassifier) -> None:
    X, _ = IRIS
    found = classifier.predict_proba(X)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(classifier.predict(X), found.argmax(axis=1))


@pytest.mark.slow
def test_a_pickled_estimator_has_the_same_outputs_in_another_process(
    classifier: ZooClassifier, tmp_path: Any
) -> None:
    X, _ = IRIS
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(classifier))
    np.save(tmp_path / "x.npy", X)
    program = (
        "import pickle, numpy as np\n"
        "model = pickle.load(open('model.pickle', 'rb'))\n"
        "np.save('found.npy', model.predict_proba(np.load('x.npy')))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    expected = classifier.predict_proba(X)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected)


def test_a_pickled_estimator_is_opened_again(classifier: ZooClassifier) -> None:
    again = pickle.loads(pickle.dumps(classifier))  # noqa: S301 - what was made here
    found = again.predict_proba(IRIS[0])
    np.testing.assert_array_equal(found, classifier.predict_proba(IRIS[0]))


def test_a_row_has_the_same_output_alone_and_in_company(classifier: ZooClassifier) -> None:
    X, _ = IRIS
    together = classifier.predict_proba(X)
    alone = np.concatenate([classifier.predict_proba(row[None]) for row in X[:5]])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-5, atol=1e-8)


def test_parameters_are_the_fields_of_the_configuration() -> None:
    model = ZooClassifier("mlp_classifier", units=[8], optimizer__learning_rate=0.1, epochs=2)
    assert model.get_params()["units"] == [8]
    assert clone(model).get_params() == model.get_params()
    assert repr(model) == repr(clone(model))
    model.set_params(dropout=0.5, epochs=3)
    assert model.get_params()["dropout"] == 0.5
    with pytest.raises(ValueError, match="did you mean 'units'"):
        model.set_params(unist=[4])
    with pytest.raises(ConfigError, match="dropout"):
        clone(model).set_params(dropout=2).fit(*IRIS)


@pytest.mark.slow
def test_one_seed_gives_one_model_and_none_gives_another() -> None:
    X, y = IRIS
    options = {"epochs": 1, "units": [4], "batch_size": 64}
    one, two = (ZooClassifier(random_state=7, **options).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    other = ZooClassifier(random_state=8, **options).fit(X, y)
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.slow
def test_a_pipeline_a_grid_search_and_a_cross_validation_work() -> None:
    X, y = IRIS
    model = ZooClassifier(epochs=8, optimizer__learning_rate=0.02, **SMALL)
    steps = make_pipeline(StandardScaler(), model)
    scores = cross_val_score(steps, X, y, cv=2)
    assert scores.min() > 0.6
    grid = {"zooclassifier__units": [[2], [16]], "zooclassifier__epochs": [1]}
    search = GridSearchCV(steps, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_["zooclassifier__units"] in ([2], [16])
    assert search.predict(X).shape == y.shape


@pytest.mark.slow
def test_the_weights_of_examples_count() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(200, 2)), np.arange(200) % 2
    weight = np.where(y == 1, 1.0, 0.0)
    model = ZooClassifier(epochs=10, **SMALL).fit(X, y, sample_weight=weight)
    assert (model.predict(X) == 1).mean() > 0.9


def test_a_regressor_has_an_interval() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = ZooRegressor(epochs=15, **SMALL).fit(X, y)
    prediction, interval = model.predict(X, return_interval=True)
    np.testing.assert_array_equal(prediction, model.predict(X))
    assert model.score(X, y) > 0.3
    assert 0.75 < ((interval[:, 0] <= y) & (y <= interval[:, 1])).mean() < 0.99


@pytest.mark.slow
def test_whole_numbers_are_measurements_for_a_regressor() -> None:
    X = np.arange(80.0)[:, None]
    found = ZooRegressor(epochs=1, **SMALL).fit(X, np.arange(80) % 3).predict(X)
    assert found.dtype == np.float64


@pytest.mark.slow
def test_images_are_classified_and_compressed() -> None:
    images, y = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8) * 15).astype(np.uint8)
    model = ZooClassifier("cnn", epochs=1, random_state=0).fit(images[:600], y[:600])
    assert model.score(images[600:900, ..., None], y[600:900]) > 0.5
    codes = ZooTransformer("autoencoder", epochs=1, code_size=5, random_state=0)
    assert codes.fit_transform(images[:300]).shape == (300, 5)
    assert codes.get_feature_names_out().tolist() == [f"zootransformer{at}" for at in range(5)]
    with pytest.raises(ValueError, match="uint8"):
        model.predict(images / 255)


@pytest.mark.slow
def test_features_of_an_rbm_are_those_of_its_signature() -> None:
    X = np.random.default_rng(0).normal(size=(80, 3))
    model = ZooTransformer(epochs=1, hidden=6, random_state=0).fit(X)
    found = model.set_output(transform="pandas").transform(X)
    expected = model._opened().predict(X, signature="features").outputs["features"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert list(found.columns) == [f"zootransformer{at}" for at in range(6)]


def test_a_missing_value_that_was_not_learned_is_refused(classifier: ZooClassifier) -> None:
    X = IRIS[0][:2].copy()
    X[1, 2] = np.nan
    with pytest.raises(DataError, match="missing"):
        classifier.predict(X)


def test_what_is_not_fitted_says_so() -> None:
    with pytest.raises(NotFittedError):
        ZooTransformer().transform(np.zeros((2, 2)))


def test_without_scikit_learn_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['sklearn.base'] = None\nimport zoo\n"
        "try:\n    zoo.sklearn\nexcept zoo.errors.MissingExtra as error:\n    print(error.fix)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == 'pip install "neural-zoo[sklearn]"\n'


@pytest.mark.slow
def test_the_examples_show_what_they_give() -> None:
    finder = doctest.DocTestFinder(recurse=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    found = [one for one in finder.find(zoo.sklearn, globs={"np": np, "zoo": zoo}) if one.examples]
    assert len(found) == 3
    for one in found:
        assert runner.run(one).failed == 0, one.name


def test_columns_of_a_frame_that_are_no_categories_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
    y = np.arange(40) % 2
    infinite, dated = X.copy(), X.copy()
    infinite.loc[7, "a"] = np.inf
    dated["b"] = pandas.date_range("2024-01-01", periods=40)
    for wrong, said in ((infinite, "infinity in the column 'a'"), (dated, "'b' holds dates")):
        with pytest.raises(ValueError, match=said):
            ZooClassifier(epochs=1, **SMALL).fit(wrong, y)


@pytest.mark.parametrize("fraction", [15, 1.0, 0, -1])
def test_a_fraction_that_is_none_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        ZooClassifier(epochs=1, validation_fraction=fraction, **SMALL).fit(*IRIS)


def test_names_of_other_parameters_are_refused() -> None:
    with pytest.raises(TypeError, match="no parameter 'units_'"):
        ZooClassifier(units_=[99])
    with pytest.raises(ValueError, match="'seed'; it is called random_state here"):
        ZooClassifier(seed=3, epochs=1).fit(*IRIS)
    with pytest.raises(ValueError, match="no parameter 'data_options'"):
        ZooClassifier(data_options={"x": 1}, epochs=1).fit(*IRIS)


def test_a_fit_that_fails_leaves_the_classes_of_the_model_that_there_is() -> None:
    model = ZooClassifier(epochs=1, **SMALL).fit(IRIS[0], IRIS[1].astype(str))
    before = model.predict(IRIS[0])
    model.set_params(epochs=-4)
    with pytest.raises(ConfigError):
        model.fit(IRIS[0], np.array(["x", "y", "z"])[IRIS[1]])
    np.testing.assert_array_equal(model.predict(IRIS[0]), before)
