import json
import zlib

import numpy as np
import pytest
import torch
from lessons import DAY, NOW, ROOTS, background, lesson

from triaged.ml import fitting, measured
from triaged.ml.fitting import (
    BACKGROUND_WEIGHT,
    SAME_SCENE_SECONDS,
    background_size,
    fit_rows,
    record,
)
from triaged.ml.metrics import auroc
from triaged.ml.preference import Preference
from triaged.ml.rows import blocks_of

HALF_LIFE = 730.0


def fit(decided: list, settled: list = []):  # type: ignore[no-untyped-def, type-arg]  # noqa: B006
    return fit_rows(decided, settled, ROOTS, NOW, HALF_LIFE)


def scores(fitted: fitting.Fitted, rows: list) -> np.ndarray:  # type: ignore[type-arg]
    """Return the scores of rows by a model that was stored and read again."""
    stored = record(fitted, "descriptor", "1", 7)
    preference = Preference.from_bytes(stored["body"])
    blocks = blocks_of(rows, ROOTS, json.loads(stored["summary"])["context"])
    return preference.probabilities(blocks).numpy()


def both(count: int, taste: float, start: int = 0, **settings: object) -> list:  # type: ignore[type-arg]
    """Return `count` lessons of each label, told apart by `taste`."""
    return [
        lesson(start + n, "delete" if n % 2 else "keep", taste if n % 2 else -taste, **settings)  # type: ignore[arg-type]
        for n in range(2 * count)
    ]


def test_a_taste_is_learned_from_a_few_dozen_decisions() -> None:
    fitted = fit(both(40, 1.5))
    asked = both(100, 1.5, start=1_000)

    assert fitted is not None
    assert (fitted.deletes, fitted.keeps, fitted.background) == (40, 40, 0)
    assert auroc(scores(fitted, asked), np.arange(200) % 2 == 1) > 0.85
    assert fitted.summary["auroc"] > 0.8
    assert fitted.summary["shots"] == list(range(80))


def test_somebody_who_only_ever_deletes_gets_a_model_from_the_background() -> None:
    decided = [lesson(n, "delete", 1.5) for n in range(30)]
    settled = [background(500 + n, -1.0) for n in range(60)]

    fitted = fit(decided, settled)

    assert fitted is not None
    assert (fitted.deletes, fitted.keeps, fitted.background) == (30, 0, 60)
    assert fitted.summary["auroc"] is None
    asked = both(100, 1.5, start=1_000)
    assert auroc(scores(fitted, asked), np.arange(200) % 2 == 1) > 0.8


TOO_LITTLE = {
    "nothing": ([], 0),
    "four deletes": ([*["delete"] * 4, *["keep"] * 9], 60),
    "four keeps and no background": ([*["delete"] * 9, *["keep"] * 4], 0),
    "deletes alone": (["delete"] * 9, 0),
    "keeps alone": (["keep"] * 9, 60),
}


@pytest.mark.parametrize(("labels", "settled"), TOO_LITTLE.values(), ids=TOO_LITTLE.keys())
def test_with_too_little_of_a_class_there_is_no_model(labels: list[str], settled: int) -> None:
    decided = [lesson(n, label) for n, label in enumerate(labels)]

    assert fit(decided, [background(500 + n) for n in range(settled)]) is None


def test_five_of_each_are_enough() -> None:
    assert fit(both(5, 1.5)) is not None


FOLDERS = {
    "deleted": (b"/photos/deleted/x.jpg", b"/photos/2024/x.jpg"),
    "archives without a folder": (None, b"/photos/2024/x.jpg"),
    "both outside the library": (b"/archive/deleted/x.jpg", b"/archive/good/x.jpg"),
}


@pytest.mark.parametrize(("of_deletes", "of_keeps"), FOLDERS.values(), ids=FOLDERS.keys())
def test_where_a_photo_lies_teaches_nothing(of_deletes: bytes, of_keeps: bytes) -> None:
    decided = [
        lesson(n, "delete" if n % 2 else "keep", home_path=of_deletes if n % 2 else of_keeps)
        for n in range(80)
    ]

    fitted = fit(decided)

    assert fitted is not None
    assert "folder" not in fitted.summary["context"]
    for one, other in [(of_deletes, of_keeps), (b"/photos/deleted/x.jpg", b"/photos/good/x.jpg")]:
        pair = [background(900, home_path=one), background(900, home_path=other)]
        a, b = scores(fitted, pair)
        assert a == pytest.approx(b, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_where_the_act_alone_tells_the_classes_apart_held_out_photos_are_guessed(
    seed: int,
) -> None:
    def photos(count: int, start: int) -> list:  # type: ignore[type-arg]
        """Photos that are all alike by chance; deletes ended in an archive, keeps did not."""
        homes = [b"/photos/x.jpg", None]
        labels = ["keep", "delete"]
        return [lesson(start + n, labels[n % 2], home_path=homes[n % 2]) for n in range(count)]

    fitted = fit(photos(120, 10_000 * (seed + 1)))
    assert fitted is not None
    asked = photos(600, 10_000 * (seed + 1) + 5_000)

    area = auroc(scores(fitted, asked), np.arange(600) % 2 == 1)

    assert abs(area - 0.5) < 0.08


def test_a_folder_of_the_library_that_both_classes_have_may_be_used() -> None:
    decided = [
        lesson(n, "delete" if n % 2 else "keep", home_path=b"/photos/%s/x.jpg" % folder)
        for n, folder in enumerate([b"phone", b"trip", b"phone", b"phone", b"trip", b"trip"] * 20)
    ]

    fitted = fit(decided)

    assert fitted is not None
    assert "folder" in fitted.summary["context"]


def weights(decided: list, settled: int = 0) -> list[float]:  # type: ignore[type-arg]
    return [float(w) for w in fitting._weights(decided, settled, NOW, HALF_LIFE)]


AGES = {
    "now": (NOW, 1.0),
    "unknown": (None, 1.0),
    "in the future": (NOW + 10 * DAY, 1.0),
    "a half-life ago": (NOW - HALF_LIFE * DAY, 0.5),
    "two half-lives ago": (NOW - 2 * HALF_LIFE * DAY, 0.25),
    "a hundred years ago": (NOW - 36_500 * DAY, 1e-3),
}


@pytest.mark.parametrize(("at", "expected"), AGES.values(), ids=AGES.keys())
def test_a_decision_fades_with_age(at: float | None, expected: float) -> None:
    assert weights([lesson(1, "delete", at=at)]) == pytest.approx([expected])


def test_a_decision_weighs_what_its_act_leaves_it() -> None:
    decided = [
        lesson(1, "keep", weight=0.5),
        lesson(2, "delete", size_of_act=20),
        lesson(3, "delete", size_of_act=80),
    ]

    assert weights(decided) == pytest.approx([0.5, 1.0, 0.25])


CAPS = {
    "what the keeps lack": (20, 10, 100, 10.0),
    "at least a fifth of the deletes": (20, 20, 100, 4.0),
    "keeps outweigh": (10, 50, 100, 2.0),
    "nobody keeps": (20, 0, 100, 20.0),
    "few photos weigh little each": (20, 0, 40, 40 * BACKGROUND_WEIGHT),
}


@pytest.mark.parametrize(
    ("deletes", "keeps", "settled", "expected"), CAPS.values(), ids=CAPS.keys()
)
def test_the_background_weighs_no_more_than_the_deletes(
    deletes: int, keeps: int, settled: int, expected: float
) -> None:
    decided = [lesson(n, "delete") for n in range(deletes)]
    decided += [lesson(n, "keep") for n in range(keeps)]

    of_background = weights(decided, settled)[len(decided) :]

    assert len(of_background) == settled
    assert max(of_background) <= BACKGROUND_WEIGHT
    assert sum(of_background) == pytest.approx(expected)
    assert sum(of_background) <= max(deletes, 1)


@pytest.mark.parametrize(
    ("deletes", "expected"), [(0, 60), (5, 60), (30, 60), (100, 200), (500, 1000), (9999, 1000)]
)
def test_the_background_grows_with_the_deletes_between_bounds(deletes: int, expected: int) -> None:
    assert background_size(deletes) == expected


def groups(rows: list) -> list[int]:  # type: ignore[type-arg]
    found = fitting._groups(rows).tolist()
    return [found.index(group) for group in found]


def test_one_act_one_scene_and_one_content_stay_together() -> None:
    at = NOW - 1e8
    rows = [
        {"gesture": 1, "content_hash": "a", "taken_at": None},
        {"gesture": 1, "content_hash": "b", "taken_at": None},
        {"gesture": 2, "content_hash": "c", "taken_at": at},
        {"gesture": 3, "content_hash": "d", "taken_at": at + SAME_SCENE_SECONDS},
        {"gesture": 4, "content_hash": "c", "taken_at": at + 9_999},
        {"content_hash": "e", "taken_at": at + 3 * SAME_SCENE_SECONDS},
        {"content_hash": "f", "taken_at": None},
        {"content_hash": "g", "taken_at": None},
    ]

    assert groups(rows) == [0, 0, 2, 2, 2, 5, 6, 7]


def test_what_is_stored_of_a_model_can_be_read_again() -> None:
    fitted = fit(both(10, 1.5))
    assert fitted is not None

    row = record(fitted, "descriptor", "1", 7)

    assert (row["backbone"], row["version"], row["changes"]) == ("descriptor", "1", 7)
    assert (row["deletes"], row["keeps"], row["background"]) == (10, 10, 0)
    summary = json.loads(row["summary"])
    assert set(summary["blocks"]) <= {"embedding", "levels", "measured", "context"}
    assert sum(summary["blocks"].values()) == pytest.approx(1.0)
    assert set(summary["quantiles"]) <= set(measured.NAMES)
    assert all(len(q) == 101 and q == sorted(q) for q in summary["quantiles"].values())


def test_the_same_decisions_give_the_same_model() -> None:
    torch.set_num_threads(1)
    decided = both(20, 1.0)
    one, other = fit(decided), fit(decided)
    assert one is not None
    assert other is not None

    checksums = {zlib.crc32(scores(f, decided).tobytes()) for f in (one, other)}
    assert len(checksums) == 1
