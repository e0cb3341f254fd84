"""The installed package, tested as its author would: through the public API."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest

import zoo
from zoo import testing

if "handwriting" not in zoo.list_models():
    pytest.skip("pip install --editable ./examples/zoo-handwriting", allow_module_level=True)
from zoo_handwriting import teacher_forcing
from zoo_handwriting.font import LETTERS, STEP, glyph, write
from zoo_handwriting.mixture import fit_mixture
from zoo_handwriting.reading import letters_read, warped_distances
from zoo_handwriting.writing import PIXELS, SIDES

TEXTS = ["hello", "a fox", "quiz"]


@testing.parametrize_with_checks("handwriting", "pen_strokes")
def test_it_conforms(check):
    check()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train for a few epochs: enough for its place in a text, and not for letters."""
    return zoo.train(
        "handwriting",
        data_options={"examples": 400},
        run_dir=tmp_path_factory.mktemp("handwriting") / "run",
        epochs=2,
        units=48,
    )


@pytest.fixture(scope="module")
def artifact(run, tmp_path_factory):
    return zoo.export(run, tmp_path_factory.mktemp("exports"))


def loss_of(model, inputs, targets):
    given, wanted = teacher_forcing(inputs, targets)
    return model.evaluate(given, wanted["strokes"], verbose=0)


def test_points_along_a_stroke_are_a_step_apart():
    strokes = write("mouse", np.random.default_rng(0), jitter=0)
    inside = np.roll(strokes[:, 2], 1) == 0
    lengths = np.hypot(*strokes[inside, :2].T)
    assert np.median(lengths) == pytest.approx(STEP, rel=0.1)
    assert lengths.max() < 1.5 * STEP


def test_without_jitter_a_letter_is_always_the_same_and_with_it_never():
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(write("g", rng, jitter=0), write("g", rng, jitter=0))
    assert np.abs(write("g", rng)[:10, :2] - write("g", rng)[:10, :2]).min() > 0


def test_every_letter_has_a_width_and_all_but_the_space_have_strokes():
    assert all(glyph(letter)[0] > 0.5 for letter in LETTERS)
    assert [letter for letter in LETTERS if not glyph(letter)[1]] == [" "]


def test_the_warped_distance_to_itself_is_zero_at_any_pace():
    one = write("zoo", np.random.default_rng(0), jitter=0)
    slow = np.repeat(one, 2, axis=0)
    same, other = warped_distances(slow, [one, write("fox", np.random.default_rng(0))])
    assert same == 0
    assert other > 5


def test_jittered_letters_are_read_and_those_of_another_text_are_not():
    rng = np.random.default_rng(1)
    right = [ok for text in TEXTS for ok in letters_read(text, write(text, rng))]
    wrong = [ok for text in TEXTS for ok in letters_read(text, write("small job", rng))]
    assert np.mean(right) == 1
    assert np.mean(wrong) < 0.3
    assert letters_read("a b", np.zeros((0, 3))) == [False, False]


def test_a_mixture_finds_the_density_of_two_clusters():
    rng = np.random.default_rng(0)
    moves = rng.normal(0, 0.1, (4_000, 2)) + np.where(rng.random((4_000, 1)) < 0.5, 1, -1)
    points = np.column_stack([moves, rng.random(4_000) < 0.25])
    found = fit_mixture(points, components=2)(np.array([[1, 1, 0], [-1, -1, 1]]))
    peak = np.log(0.5 / (2 * np.pi * 0.01))
    assert found == pytest.approx(peak + np.log([0.75, 0.25]), abs=0.15)


def test_the_density_of_a_point_is_that_of_its_mixture():
    from zoo_handwriting.network import log_density

    logits, mean, deviation, turn, pen = np.log([0.3, 0.7]), [1.0, -2.0], [0.5, 2.0], 0.4, 0.8
    raw = [*logits, *mean, *mean, *np.log(deviation), *np.log(deviation)]
    raw = np.array([*raw, *[np.arctanh(turn / 0.99)] * 2, np.log(pen / (1 - pen))], "float32")
    point = np.array([0.7, -0.9, 1.0], "float32")
    density = 0
    for share, center, size in zip([0.3, 0.7], mean, deviation, strict=True):
        spread = size**2 * np.array([[1, turn], [turn, 1]])
        apart = point[:2] - center
        density += (
            share
            * np.exp(-apart @ np.linalg.inv(spread) @ apart / 2)
            / (2 * np.pi * np.sqrt(np.linalg.det(spread)))
        )
    assert float(log_density(raw[None], point[None])[0]) == pytest.approx(
        np.log(density * pen), abs=1e-4
    )


def test_the_point_to_predict_is_not_among_the_inputs():
    strokes = np.arange(12, dtype="float32").reshape(1, 4, 3)
    inputs, targets = teacher_forcing({}, {"strokes": strokes})
    np.testing.assert_array_equal(inputs["previous"][0, 1:], strokes[0, :-1])
    assert not inputs["previous"][0, 0].any()
    assert targets["strokes"] is strokes


def test_padding_changes_no_loss():
    model = zoo.build("handwriting", units=8, bells=2, mixtures=2)
    inputs, targets = zoo.dataset("pen_strokes", examples=8).split("test").take(np.arange(4))
    shorter = {"strokes": targets["strokes"][:, : (targets["strokes"][..., 2] >= 0).sum(1).max()]}
    losses = [loss_of(model, inputs, one) for one in (targets, shorter)]
    assert shorter["strokes"].shape < targets["strokes"].shape
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_step_scores_a_point_as_training_does(run, artifact):
    inputs, targets = zoo.dataset("pen_strokes", examples=8).split("test").take(np.arange(6))
    from zoo_handwriting.metrics import log_densities

    strokes = targets["strokes"]
    real = strokes[..., 2] >= 0
    score = artifact.load(signature="score").run
    size = artifact.load(signature="score").inputs[1].shape[0]
    found = log_densities(score, size, inputs["text"], strokes)
    loss = loss_of(run.model, inputs, targets)
    assert -found[real].mean() == pytest.approx(loss, abs=1e-3)


def test_run_and_artifact_write_the_same(run, artifact):
    both = [
        zoo.sample(one, 1, given=TEXTS, steps=30, seed=3).outputs for one in (run, artifact.path)
    ]
    assert both[0]["image"].shape == (3, *SIDES, 1)
    for name in ("strokes", "points", "image"):
        np.testing.assert_allclose(both[0][name], both[1][name], atol=0.02)


def test_the_image_shows_the_strokes(artifact):
    outputs = zoo.sample(artifact.path, 1, given=["hello"], steps=60, seed=1).outputs
    strokes = outputs["strokes"][0, : outputs["points"][0]]
    places = np.cumsum(strokes[:, :2], axis=0)
    drawn = np.roll(strokes[:, 2], 1) == 0
    drawn[0] = False
    columns, rows = PIXELS * (1 + places[:, 0]), SIDES[0] / 2 - PIXELS * places[:, 1]
    inside = (columns > 1) & (columns < SIDES[1] - 2) & (rows > 1) & (rows < SIDES[0] - 2) & drawn
    assert inside.sum() > 5
    ink = outputs["image"][
        0, np.rint(rows[inside]).astype(int), np.rint(columns[inside]).astype(int), 0
    ]
    assert ink.max() < 130
    assert outputs["image"].max() == 255


def test_a_written_text_stays_as_it_is(artifact):
    step = artifact.load(signature="write")
    inputs = {spec.name: np.full((1, *spec.shape), 0.5, spec.dtype) for spec in step.inputs}
    after = step.run({**inputs, "written": np.ones((1, 1), "float32")})
    for name in ("pen", "count", "record", "ink", "written"):
        before = 1 if name == "written" else inputs[name]
        np.testing.assert_array_equal(after[f"next_{name}"], before)
    going = {"written": np.zeros((1, 1), "float32"), "text": np.full((1, 24), 5, "int32")}
    assert step.run({**inputs, **going})["next_count"] == 1.5


def test_a_text_that_is_too_long_or_empty_is_refused(artifact):
    with pytest.raises(zoo.ZooError, match="24"):
        zoo.sample(artifact.path, 1, given=["a text of more than 24 letters"], steps=5)
    with pytest.raises(zoo.ZooError, match="empty"):
        zoo.sample(artifact.path, 1, given=[" "], steps=5)


def test_texts_without_strokes_are_refused():
    with pytest.raises(zoo.ZooError, match="texts and their strokes, and digits has none"):
        zoo.build("handwriting", data="digits")
