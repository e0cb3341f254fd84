"""Drawn aircraft damage: balanced, true to its captions, and no easier than it looks."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.errors import ConfigError

pytest.importorskip("PIL", reason="the images are drawn by Pillow")

from zoo_aircraft.captions import caption, summary, truth_of
from zoo_aircraft.datasets import RULES, SceneSplit, SyntheticOptions
from zoo_aircraft.drawing import box_of, damage_points, draw
from zoo_aircraft.scene import (
    COLORS,
    DOOR,
    LETTER,
    PLACES,
    SEVERITIES,
    SIZES,
    WINDOW,
    Scene,
    combinations,
    make_scene,
)
from zoo_aircraft.surface import PAINTS, Camera

SCENES = [make_scene(0, "train", index) for index in range(1_296)]
CAPTIONS = "7c258f3eb87eb337d3350a0d2fea7167eb6b087a2e33960c71bc883d131e680e"


def test_captions_are_what_they_always_were() -> None:
    text = "\n".join(f"{caption(scene)}|{summary(scene)}" for scene in SCENES[:200])
    assert hashlib.sha256(text.encode()).hexdigest() == CAPTIONS
    assert caption(SCENES[0]) == "a large dent below the letters of a white fuselage"


def test_images_are_what_the_version_of_the_rules_says() -> None:
    # A fingerprint is that of the rules: who changes them raises RULES, and these figures.
    assert RULES == 1
    known = [[179.9, 52.9], [197.4, 44.7], [90.1, 50.2], [89.1, 43.7]]
    images = [draw(scene).astype(np.float64) for scene in SCENES[:4]]
    found = [[image.mean(), image.std()] for image in images]
    np.testing.assert_allclose(found, known, atol=0.2)


def test_a_scene_depends_on_seed_split_and_index_alone() -> None:
    assert make_scene(0, "train", 700) == make_scene(0, "train", 700)
    others = [make_scene(1, "train", 700), make_scene(0, "test", 700), make_scene(0, "train", 701)]
    assert all(dataclasses.astuple(other) != dataclasses.astuple(SCENES[700]) for other in others)
    few, many = (
        zoo.dataset("aircraft_damage_synthetic", examples=count, image_size=48) for count in (3, 8)
    )
    first = few.split("train").arrays()
    again = many.split("train").take(np.arange(3))
    np.testing.assert_array_equal(first[0]["image"], again[0]["image"])
    np.testing.assert_array_equal(first[1]["label"], again[1]["label"])


def test_a_pair_shares_all_that_a_caption_says_but_the_kind() -> None:
    for one, other in zip(SCENES[::2], SCENES[1::2], strict=True):
        assert {one.kind, other.kind} == {"crack", "dent"}
        assert (one.combination, one.severity) == (other.combination, other.severity)
        assert one.grain != other.grain


def test_every_combination_comes_once_before_any_comes_again() -> None:
    assert len(combinations()) == len(SIZES) * len(PLACES) * len(COLORS) == 324
    assert {scene.combination for scene in SCENES[:648]} == set(combinations())
    assert len({caption(scene) for scene in SCENES[:648]}) == 648
    assert {scene.combination for scene in SCENES[648:]} == set(combinations())


@pytest.mark.parametrize("what", ["size", "place", "color", "severity"])
def test_no_attribute_tells_the_class(what: str) -> None:
    counts = collections.Counter((getattr(scene, what), scene.kind) for scene in SCENES)
    for value, kind in counts:
        assert counts[value, kind] == counts[value, "dent"]


@pytest.mark.parametrize(
    "what", ["vents", "scratches", "streaks", "stains", "gleams", "shadow", "stripe", "seams"]
)
def test_what_distracts_is_as_likely_in_both_classes(what: str) -> None:
    shares = [
        np.mean([bool(getattr(scene, what)) for scene in SCENES if scene.kind == kind])
        for kind in ("crack", "dent")
    ]
    assert min(shares) > 0.2 and max(shares) < 0.95
    assert abs(shares[0] - shares[1]) < 0.08


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 5))]
)
def test_whole_combinations_are_held_out_and_all_their_parts_are_seen(seed: int) -> None:
    seen = {
        split: {make_scene(seed, split, n, "combinations").combination for n in range(700)}
        for split in ("train", "validation", "test")
    }
    assert len(seen["test"]) == 54 and len(seen["train"]) == 270
    assert seen["train"] == seen["validation"] and not seen["train"] & seen["test"]
    for parts in ((0, 1), (0, 2), (1, 2)):
        of = {tuple(c[part] for part in parts) for c in combinations()}
        assert {tuple(c[part] for part in parts) for c in seen["train"]} == of


def test_other_seeds_hold_out_other_combinations() -> None:
    held = [set(combinations(seed, "test", "combinations")) for seed in range(4)]
    assert len(set(map(frozenset, held))) == 4


def _sides(scene: Scene) -> tuple[float, float, float, float]:
    points = damage_points(scene)
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def test_the_damage_lies_where_the_caption_says() -> None:
    for scene in SCENES:
        left, top, right, bottom = _sides(scene)
        middle = (left + right) / 2
        relation, thing = scene.place.relation, scene.place.thing
        if thing == "window":
            x, y = scene.windows[scene.place.number - 1]
            nearest = min(scene.windows, key=lambda window: abs(window[0] - middle))
            assert nearest == (x, y) and list(scene.windows) == sorted(scene.windows)
            box = x - WINDOW[0], y - WINDOW[1], x + WINDOW[0], y + WINDOW[1]
        elif thing == "windows":
            assert len(scene.windows) == 2
            assert scene.windows[0][0] + WINDOW[0] < middle < scene.windows[1][0] - WINDOW[0]
            assert left > scene.windows[0][0] and right < scene.windows[1][0]
            assert (
                top < scene.windows[0][1] + WINDOW[1] and bottom > scene.windows[0][1] - WINDOW[1]
            )
            continue
        elif thing == "door":
            assert scene.door is not None
            x, y = scene.door
            box = x - DOOR[0], y - DOOR[1], x + DOOR[0], y + DOOR[1]
        elif thing == "stripe":
            assert scene.stripe is not None
            _, y, half = scene.stripe
            box = 0, y - half, 1, y + half
        elif thing == "letters":
            assert scene.letters is not None
            box = 0, scene.letters[1] - LETTER[1], 1, scene.letters[1] + LETTER[1]
        else:
            assert len(scene.seams) == 1
            upright, where = scene.seams[0]
            assert upright == (relation in {"left of", "right of"})
            box = (where, 0, where, 1) if upright else (0, where, 1, where)
        slack = 0.04
        assert {
            "above": bottom < box[1] + slack,
            "below": top > box[3] - slack,
            "left of": right < box[0] + slack,
            "right of": left > box[2] - slack,
            "on": box[0] - slack < left and right < box[2] + slack and bottom < box[3] + slack,
        }[relation]


def test_what_is_named_lies_in_the_image() -> None:
    for scene in SCENES:
        camera = Camera(scene, 96)
        for x, y in scene.windows:
            corners = [(x + a * WINDOW[0], y + b * WINDOW[1]) for a in (-1, 1) for b in (-1, 1)]
            pixels = camera.pixels(corners)
            assert pixels.min() > 0 and pixels.max() < 96
        left, top, right, bottom = box_of(scene, 96)
        assert 0 <= left < right <= 96 and 0 <= top < bottom <= 96
        points = camera.pixels(damage_points(scene))
        assert ((points > -1) & (points < 97)).all(axis=1).mean() > 0.9


def test_size_words_mean_pixels_and_never_overlap() -> None:
    for kind in ("crack", "dent"):
        found = collections.defaultdict(list)
        for scene in SCENES:
            if scene.kind == kind:
                found[scene.size].append(truth_of(scene, 96).pixels)
        assert max(found["small"]) < min(found["medium"])
        assert max(found["medium"]) < min(found["large"])


def test_a_severe_damage_is_deeper_or_has_more_branches() -> None:
    for what in ("depth", "branches"):
        levels = {s: [getattr(c, what) for c in SCENES if c.severity == s] for s in SEVERITIES}
        assert max(levels["minor"]) < min(levels["moderate"])
        assert max(levels["moderate"]) < min(levels["severe"])


def test_the_color_of_the_caption_is_that_of_the_image() -> None:
    for scene in SCENES[:200]:
        median = np.median(draw(scene, 48).reshape(-1, 3), axis=0)
        distances = {
            name: np.linalg.norm(median - np.array(paint) * scene.exposure * 0.93)
            for name, paint in PAINTS.items()
        }
        assert min(distances, key=distances.__getitem__) == scene.color


@pytest.mark.parametrize("kind", ["crack", "dent"])
def test_the_box_holds_all_that_the_damage_changes(kind: str) -> None:
    scenes = [scene for scene in SCENES[:120] if scene.kind == kind]
    for scene in scenes:
        whole = dataclasses.replace(scene, kind="dent", depth=0.0)
        changed = np.abs(draw(scene).astype(int) - draw(whole)).max(axis=2) > 6
        rows, columns = np.nonzero(changed)
        left, top, right, bottom = box_of(scene)
        assert changed.sum() > 12, "the damage can be seen"
        assert rows.min() >= top - 3 and rows.max() < bottom + 3
        assert columns.min() >= left - 3 and columns.max() < right + 3
        assert columns.max() - columns.min() > 0.5 * (right - left) - 4


def test_the_side_of_a_dent_next_to_the_light_is_darker() -> None:
    for scene in [scene for scene in SCENES[:100] if scene.kind == "dent"]:
        whole = dataclasses.replace(scene, depth=0.0)
        change = draw(scene, 96).astype(int).sum(axis=2) - draw(whole, 96).astype(int).sum(axis=2)
        x, y = Camera(scene, 96).pixels([scene.center])[0]
        rows, columns = np.mgrid[0:96, 0:96] + 0.5
        toward = (columns - x) * np.cos(scene.light) + (rows - y) * np.sin(scene.light)
        assert change[toward > 0].sum() < 0 < change[toward < 0].sum()


@pytest.mark.parametrize("size", [48, 96, 130, 224])
def test_an_image_is_the_same_at_any_size(size: int) -> None:
    image = draw(SCENES[3], size)
    assert (image.shape, image.dtype) == ((size, size, 3), np.uint8)
    np.testing.assert_array_equal(image, draw(SCENES[3], size))
    box = np.array(box_of(SCENES[3], size)) / size
    assert np.abs(box - np.array(box_of(SCENES[3], 96)) / 96).max() < 0.05


def test_the_truth_is_plain_data() -> None:
    truth = truth_of(SCENES[1], 96)
    plain = truth.as_dict()
    assert plain["kind"] == "crack" and plain["caption"] == truth.caption
    assert set(plain) == {field.name for field in dataclasses.fields(truth)}
    assert truth.summary.lower().startswith(truth.caption)
    assert truth.severity in truth.summary and truth.summary.count(".") == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        truth.kind = "dent"  # type: ignore[misc]


def test_the_summary_names_what_else_there_is() -> None:
    for scene in SCENES:
        text = summary(scene).split("Also seen:")[1]
        assert (" scratch" in text) == bool(scene.scratches)
        assert ("dirt" in text) == bool(scene.streaks)
        assert ("shadow" in text) == scene.shadow
        assert (" vent" in text) == bool(scene.vents)
        assert (" stain" in text) == bool(scene.stains)
        assert ("reflection" in text) == bool(scene.gleams)
        if scene.place.thing != "stripe":
            assert ("stripe" in text) == bool(scene.stripe)


def test_the_splits_are_as_large_as_asked_for_and_drawn_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert zoo.dataset("aircraft_damage_synthetic").spec.inputs[0].shape == (96, 96, 3)
    options = {"examples": 6, "validation_examples": 4, "test_examples": 2, "image_size": 64}
    data = zoo.dataset("aircraft_damage_synthetic", **options)
    assert data.spec.labels == ("crack", "dent")
    drawn: list[Scene] = []

    def spy(scene: Scene, size: int) -> Any:
        drawn.append(scene)
        return draw(scene, size)

    monkeypatch.setattr("zoo_aircraft.datasets.draw", spy)
    assert data.sizes() == {"train": 6, "validation": 4, "test": 2}
    split = data.split("train")
    other = zoo.dataset("aircraft_damage_synthetic", **options | {"split_seed": 1})
    assert data.fingerprint != other.fingerprint
    assert isinstance(split, SceneSplit) and drawn == []
    images, labels = split.take(np.array([4, 1, 4]))
    assert images["image"].shape == (3, 64, 64, 3) and len(drawn) == 2
    assert [truth.kind for truth in split.truth(np.array([4, 1, 4]))] == [
        data.spec.labels[code] for code in labels["label"]
    ]
    everything = split.arrays()
    assert everything is not None and len(drawn) == 6
    assert not everything[0]["image"].flags.writeable
    np.testing.assert_array_equal(everything[0]["image"][[4, 1, 4]], images["image"])
    assert len(split.truth(np.arange(6))) == 6 and len(drawn) == 6


def test_above_the_bound_nothing_is_kept() -> None:
    data = zoo.dataset("aircraft_damage_synthetic", image_size=48).spec
    small = SceneSplit(data, 0, "train", 4)
    large = SceneSplit(data, 0, "train", 4, bound=100)
    assert large.arrays() is None
    for positions in (np.array([2, 0]), np.array([True, False, True, False]), np.array([-1])):
        one, other = small.take(positions), large.take(positions)
        np.testing.assert_array_equal(one[0]["image"], other[0]["image"])
        np.testing.assert_array_equal(one[1]["label"], other[1]["label"])


@pytest.mark.parametrize(
    "wrong", [{"image_size": 20}, {"image_size": 1_000}, {"examples": 0}, {"hold_out": "some"}]
)
def test_a_wrong_option_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.dataset("aircraft_damage_synthetic", **wrong)
    assert caught.value.findings[0].where == next(iter(wrong))
    assert SyntheticOptions().image_size == 96


def _ridge(features: np.ndarray, targets: np.ndarray, count: int) -> float:
    """Return the test accuracy of a ridge classifier on standardized features."""
    mean, spread = features[:count].mean(axis=0), features[:count].std(axis=0) + 1e-6
    scaled = (features - mean) / spread
    gram = scaled[:count] @ scaled[:count].T + features.shape[1] * np.eye(count)
    answer = scaled[count:] @ (scaled[:count].T @ np.linalg.solve(gram, targets[:count]))
    return float((np.sign(answer) == targets[count:]).mean())


@pytest.mark.slow
def test_neither_colors_nor_single_pixels_tell_the_class() -> None:
    data = zoo.dataset("aircraft_damage_synthetic", image_size=48).spec
    images, labels = SceneSplit(data, 0, "train", 1_200).arrays() or ({}, {})
    pixels, targets = images["image"], 2.0 * labels["label"] - 1
    levels = [
        np.concatenate([np.bincount(c // 16, minlength=16) for c in image.reshape(-1, 3).T])
        for image in pixels
    ]
    assert _ridge(np.array(levels, float), targets, 800) <= 0.6
    assert _ridge(pixels.reshape(len(pixels), -1) / 255.0, targets, 800) <= 0.6
