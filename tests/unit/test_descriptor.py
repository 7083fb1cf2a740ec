import dataclasses

import numpy as np
import pytest
from PIL import Image

from triaged.demo.pictures import draw
from triaged.ml.decode import Facts, Picture
from triaged.ml.descriptor import code_books, describe
from triaged.ml.fisher import CodeBook, fisher_vector, projected, responsibilities
from triaged.ml.patches import colour_patches, direction_layout, gradient_patches


def picture(image: Image.Image) -> Picture:
    return Picture(
        pixels=np.asarray(image.convert("RGB")), facts=Facts(*image.size, "JPEG", 10_000, 1)
    )


def small_book() -> CodeBook:
    """Three Gaussians over two projected numbers and a place."""
    rng = np.random.default_rng(0)
    return CodeBook(
        centre=rng.normal(size=5).astype(np.float32),
        project=rng.normal(size=(5, 2)).astype(np.float32),
        place_weight=np.array([0.7], np.float32),
        weights=np.array([0.2, 0.5, 0.3], np.float32),
        means=rng.normal(size=(3, 4)).astype(np.float32),
        deviations=rng.uniform(0.5, 2, (3, 4)).astype(np.float32),
    )


def test_a_description_is_the_same_every_time_and_of_unit_length() -> None:
    embedding, levels = describe(picture(draw("city", 1, 640)))
    again, levels_again = describe(picture(draw("city", 1, 640)))

    assert embedding.dtype == levels.dtype == np.float32
    assert embedding.shape == (sum(book.size for book in code_books()),)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(embedding, again)
    assert np.array_equal(levels, levels_again)


@pytest.mark.parametrize("kind", ["flower", "receipt", "screenshot"])
def test_pictures_of_a_kind_are_nearer_to_each_other_than_to_other_kinds(kind: str) -> None:
    kinds = ("flower", "receipt", "screenshot")
    described = {k: [describe(picture(draw(k, s, 400)))[0] for s in range(4)] for k in kinds}
    own = described.pop(kind)

    within = np.mean([own[i] @ own[j] for i in range(4) for j in range(i)])
    across = np.mean([a @ b for a in own for others in described.values() for b in others])

    assert within > across + 0.05


def test_a_description_hardly_depends_on_the_size_of_the_picture() -> None:
    full = draw("landscape", 2, 768)
    half = full.resize((full.width // 2, full.height // 2), Image.Resampling.LANCZOS)
    other = describe(picture(draw("landscape", 3, 768)))[0]

    assert describe(picture(full))[0] @ describe(picture(half))[0] > 0.9
    assert describe(picture(full))[0] @ other < 0.8


@pytest.mark.parametrize("size", [(1, 1), (1, 768), (768, 2), (5, 5), (768, 768)])
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_no_picture_is_too_odd_to_be_described(size: tuple[int, int], kind: str) -> None:
    pixels = np.full((size[1], size[0], 3), 255 if kind == "white" else 0, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        embedding, levels = describe(picture(Image.fromarray(pixels)))

    assert np.isfinite(embedding).all()
    assert np.isfinite(levels).all()
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)


def test_responsibilities_are_the_posterior_of_the_mixture() -> None:
    book = small_book()
    points = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    z = (points[:, None] - book.means) / book.deviations  # (N, K, P)
    norm = np.prod(book.deviations, axis=1) * (2 * np.pi) ** 2
    density = book.weights * np.exp(-np.square(z).sum(axis=2) / 2) / norm  # (N, K)

    shares, likelihood = responsibilities(book, points)

    assert shares == pytest.approx(density / density.sum(axis=1, keepdims=True), abs=1e-5)
    assert likelihood == pytest.approx(np.log(density.sum(axis=1)), abs=1e-4)


def test_a_fisher_vector_is_its_published_formula() -> None:
    book, rng = small_book(), np.random.default_rng(2)
    rows = rng.normal(size=(40, 5)).astype(np.float32)
    places = rng.uniform(-1, 1, (40, 2)).astype(np.float32)
    points = projected(book, rows, places).astype(np.float64)
    shares, _ = responsibilities(book, points.astype(np.float32))
    first, second = np.zeros((3, 4)), np.zeros((3, 4))
    for n in range(40):
        for k in range(3):
            z = (points[n] - book.means[k]) / book.deviations[k]
            first[k] += shares[n, k] * z / (40 * np.sqrt(book.weights[k]))
            second[k] += shares[n, k] * (z**2 - 1) / (40 * np.sqrt(2 * book.weights[k]))
    expected = np.concatenate([first.ravel(), second.ravel()])
    expected = np.sign(expected) * np.sqrt(np.abs(expected))

    assert fisher_vector(book, rows, places) == pytest.approx(
        expected / np.linalg.norm(expected), abs=1e-4
    )


def test_the_shipped_code_books_fit_the_patches_and_are_mixtures() -> None:
    image = draw("food", 1, 400)
    for book, (rows, places) in zip(
        code_books(), (gradient_patches(image), colour_patches(image)), strict=True
    ):
        assert rows.shape[1] == len(book.centre)
        assert places.shape == (len(rows), 2)
        assert book.weights.sum() == pytest.approx(1, abs=1e-5)
        assert (book.deviations > 0).all()
        assert all(getattr(book, f.name).dtype == np.float32 for f in dataclasses.fields(book))
        shares, _ = responsibilities(book, projected(book, rows, places))
        # Learned from drawings, met by another drawing: no Gaussian may swallow everything.
        assert shares.mean(axis=0).max() < 0.7


def test_patches_of_light_do_not_depend_on_how_much_of_it_there_is() -> None:
    image = draw("city", 2, 400)
    rows, _ = gradient_patches(image)
    darker, _ = gradient_patches(image.point(lambda v: v * 0.7))

    # Faint patches fade out on purpose: only those with something in them are compared.
    strong = np.linalg.norm(darker, axis=1) > 0.95
    assert strong.sum() > 200
    assert np.abs(rows[strong] - darker[strong]).mean() < 0.02


def test_the_layout_tells_where_lines_run_and_not_which_side_is_lighter() -> None:
    image = Image.new("RGB", (240, 240), (60, 60, 60))
    image.paste((200, 200, 200), (0, 0, 120, 240))
    negative = image.point(lambda v: 260 - v)
    layout = direction_layout(image).reshape(6, 6, 4)

    assert layout[:, 2:4].sum() > 10 * layout[:, [0, 5]].sum()
    assert direction_layout(negative) == pytest.approx(layout.ravel(), abs=0.02)
    assert direction_layout(image.rotate(90)) != pytest.approx(layout.ravel(), abs=0.5)
