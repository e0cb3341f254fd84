"""The installed package, tested as its author would: through the public API."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import testing

if "colorizer" not in zoo.list_models():
    pytest.skip("pip install --editable ./examples/zoo-colorizer", allow_module_level=True)
from zoo_colorizer.chroma import LUMA, TO_CHROMA, TO_COLOR, luma_of
from zoo_colorizer.data import spec_of, write_example
from zoo_colorizer.metrics import chroma_error, nearest_colors, psnr

COLORS = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3), "uint8")


@testing.parametrize_with_checks("colorizer", "aircraft_colors", "color_photos")
def test_it_conforms(check):
    check()


def test_luma_and_chroma_are_those_of_pillow():
    known = np.stack([Image.fromarray(image).convert("YCbCr") for image in COLORS]).astype(float)
    assert np.abs(luma_of(COLORS)[..., 0] - known[..., 0]).max() <= 1
    assert np.abs(COLORS @ TO_CHROMA + 128 - known[..., 1:]).max() <= 1


def test_luma_and_chroma_together_are_the_color():
    again = (COLORS @ LUMA)[..., None] + COLORS @ TO_CHROMA @ TO_COLOR
    np.testing.assert_allclose(again, COLORS, atol=1e-3)


def test_a_true_color_has_no_error_and_gray_has_that_of_its_chroma():
    assert chroma_error(COLORS, COLORS).max() == 0
    gray = np.repeat(luma_of(COLORS), 3, axis=-1)
    far = np.hypot(*np.moveaxis(COLORS @ TO_CHROMA, -1, 0)).mean(axis=(1, 2))
    np.testing.assert_allclose(chroma_error(COLORS, gray), far, rtol=1e-4)


def test_psnr_follows_its_definition():
    assert psnr(COLORS, COLORS + 5.0) == pytest.approx(20 * np.log10(255 / 5))


def test_the_nearest_color_is_that_of_the_gray_level_in_images_as_bright():
    known = np.zeros((2, 2, 2, 3), "uint8")
    known[0, :, 0], known[1, :, 0] = (160, 40, 40), (40, 60, 150)
    known[0, :, 1], known[1, :, 1] = 20, 220
    gray = luma_of(known)
    assert chroma_error(known, nearest_colors(gray, gray, known)).max() < 8
    # A level that was never seen has no color.
    other = np.full_like(gray, 133)
    np.testing.assert_array_equal(np.ptp(nearest_colors(other, gray, known), axis=-1), 0)


def test_it_beats_the_nearest_color_and_its_artifact_keeps_the_gray_image(tmp_path):
    options = {"image_size": 48, "examples": 1_200}
    run = zoo.train("colorizer", data_options=options, run_dir=tmp_path / "run", epochs=14)
    scores = zoo.evaluate(run).scores
    assert scores["chroma_error"].value < 0.95 * scores["chroma_error_nearest_color"].value
    assert scores["chroma_error_nearest_color"].high < scores["chroma_error_gray"].low
    artifact = zoo.export(run, tmp_path / "exports")
    data = zoo.dataset("aircraft_colors", image_size=48)
    inputs, _ = data.split("test").take(np.arange(8))
    color = zoo.predict(artifact.path, inputs).outputs["color"]
    np.testing.assert_allclose(color, zoo.predict(run, inputs).outputs["color"], atol=0.05)
    inside = ((color > 0) & (color < 255)).all(axis=-1)
    assert inside.mean() > 0.8
    assert np.abs(color @ LUMA - inputs["image"][..., 0])[inside].max() < 0.01


def test_a_photo_in_color_is_colored_by_its_gray_levels_alone(tmp_path):
    write_example(tmp_path)
    model = zoo.build("colorizer")
    image = np.array(Image.open(tmp_path / "00.png"))
    gray = np.array(Image.open(tmp_path / "00.png").convert("L"))[..., None]
    from_file = zoo.predict(model, tmp_path / "00.png").outputs["color"]
    np.testing.assert_allclose(from_file, zoo.predict(model, gray).outputs["color"], atol=1e-3)
    assert np.ptp(image, axis=-1).max() > 0


def test_it_trains_on_a_folder_of_photos_with_folders_in_it(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    write_example(folder)
    for file in sorted(folder.glob("*.png"))[6:]:
        file.rename(folder / "more" / file.name)
    options = {"reader": "color_photos", "image_size": "40x56"}
    run = zoo.train(
        "colorizer", data=folder, data_options=options, run_dir=tmp_path / "run", epochs=1
    )
    assert run.model.output_shape == (None, 40, 56, 2)
    assert zoo.evaluate(run).examples == 2


def test_a_gray_photo_is_named(tmp_path):
    write_example(tmp_path)
    Image.open(tmp_path / "03.png").convert("L").save(tmp_path / "03.png")
    with pytest.raises(zoo.ZooError, match=r"03\.png has no color"):
        zoo.dataset(tmp_path, reader="color_photos")


def test_sides_that_cannot_be_halved_are_colored_too():
    model = zoo.build("colorizer", data=spec_of("odd", 13, 10))
    assert model.output_shape == (None, 13, 10, 2)


def test_images_without_color_are_refused():
    with pytest.raises(zoo.ZooError, match="images in gray and in color, and digits has none"):
        zoo.build("colorizer", data="digits")
