"""Circumstances as numbers, and the rule that keeps provenance out of taste."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from triaged.ml.context import (
    DIMENSION,
    GROUPS,
    Circumstance,
    context,
    informative_groups,
    keep_groups,
)
from triaged.ml.preference import fit

NOON = datetime(2024, 7, 6, 12, 0, tzinfo=UTC).timestamp()  # a Saturday

FULL = Circumstance(
    name=b"IMG_20240706_120000.jpg",
    folder=b"2024/Holiday",
    taken_at=NOON,
    camera="Canon EOS R6",
    flash=False,
    exposure_seconds=1 / 125,
    aperture=5.6,
    iso=200,
    focal_mm=50,
    series_size=4,
    series_rank=1,
)


def library(n: int, seed: int = 0) -> list[Circumstance]:
    """Photos of one owner, as they come: two cameras, a few folders, some screenshots."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        at = NOON + float(rng.uniform(0, 3e7))
        folder = [b"2024/Holiday", b"2024/Family", b"DCIM/Camera", b""][rng.integers(4)]
        if rng.random() < 0.25:
            made.append(Circumstance(b"Screenshot_%d.png" % rng.integers(1e6), folder, at))
            continue
        made.append(
            Circumstance(
                b"IMG_%04d.jpg" % rng.integers(1e4),
                folder,
                at,
                ["Canon EOS R6", "Apple iPhone 12"][rng.integers(2)],
                bool(rng.random() < 0.1),
                float(2.0 ** rng.uniform(-11, -3)),
                float(rng.uniform(1.8, 11)),
                float(100 * 2 ** rng.integers(0, 6)),
                float(rng.uniform(24, 200)),
                int(rng.integers(1, 5)),
                0,
            )
        )
    return made


def part(circumstance: Circumstance, group: str) -> NDArray[np.float32]:
    return context([circumstance])[0, GROUPS[group]]


def test_the_groups_cover_every_column_once() -> None:
    columns = [i for at in GROUPS.values() for i in range(at.start, at.stop)]
    assert columns == list(range(DIMENSION))


def test_a_full_circumstance_is_finite_and_an_empty_library_has_no_rows() -> None:
    assert np.isfinite(context([FULL])).all()
    assert context([]).shape == (0, DIMENSION)
    assert context([FULL]).dtype == np.float32


@pytest.mark.parametrize(
    ("group", "without"),
    [
        ("exposure", dict.fromkeys(["exposure_seconds", "aperture", "iso", "focal_mm", "flash"])),
        ("time", {"taken_at": None}),
        ("folder", {"folder": None}),
        ("series", {"series_size": None}),
    ],
    ids=["exposure", "time", "folder", "series"],
)
def test_an_unknown_group_is_nan_and_the_others_stay(group: str, without: dict[str, None]) -> None:
    holed = context([replace(FULL, **without)])[0]
    assert np.isnan(holed[GROUPS[group]]).all()
    rest = np.ones(DIMENSION, bool)
    rest[GROUPS[group]] = False
    assert (holed[rest] == context([FULL])[0, rest]).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"IMG_1234.jpg", b"IMG_9876.JPEG"),
        (b"Screenshot 2024-01-02.png", b"screenshot 2019-11-12.PNG"),
        (b"Caf\xc3\xa9 1.jpg", b"Cafe\xcc\x81 2.jpg"),
    ],
    ids=["counter", "date", "composed and decomposed accents"],
)
def test_digits_and_spelling_of_a_name_do_not_show(one: bytes, other: bytes) -> None:
    assert (part(Circumstance(one), "name") == part(Circumstance(other), "name")).all()


@pytest.mark.parametrize(
    "other",
    [b"DSC_1234.jpg", b"IMG_123456.jpg", b"IMG_1234.png", b"IMG_1234-WA.jpg"],
    ids=["another word", "more digits", "another format", "a word more"],
)
def test_kinds_of_names_differ(other: bytes) -> None:
    assert (part(Circumstance(b"IMG_1234.jpg"), "name") != part(Circumstance(other), "name")).any()


def test_a_folder_shows_its_words_and_not_its_year() -> None:
    one, other = replace(FULL, folder=b"2023/Holiday"), replace(FULL, folder=b"2019-05/holiday")
    assert (part(one, "folder") == part(other, "folder")).all()
    assert part(one, "folder").sum() == 1
    assert part(replace(FULL, folder=b""), "folder").sum() == 0


def test_names_that_are_no_text_are_numbers_all_the_same() -> None:
    row = context([Circumstance(b"\xff\xfe_1\xe9\xe9.jpg", folder=b"\xff\x80abc")])[0]
    assert np.isfinite(row[GROUPS["name"]]).all()
    assert np.isfinite(row[GROUPS["folder"]]).all()


@pytest.mark.parametrize(
    "taken_at", [float("nan"), float("inf"), 1e18, -1e18], ids=["nan", "inf", "late", "early"]
)
def test_a_time_outside_the_calendar_is_unknown(taken_at: float) -> None:
    assert np.isnan(part(replace(FULL, taken_at=taken_at), "time")).all()


def test_midnight_is_close_to_midnight_and_far_from_noon() -> None:
    late, early, noon = (
        part(replace(FULL, taken_at=NOON + h * 3600), "time")[:4] for h in (11.9, 12.1, 0)
    )
    assert np.linalg.norm(late - early) < 0.3
    assert np.linalg.norm(late - noon) > 1.5


@pytest.mark.parametrize(("day", "is_weekend"), [(0, 1), (1, 1), (2, 0)], ids=["Sat", "Sun", "Mon"])
def test_a_weekend_is_told(day: int, is_weekend: int) -> None:
    assert part(replace(FULL, taken_at=NOON + day * 86400), "time")[-1] == is_weekend


def test_zero_and_negative_readings_are_unknown_not_minus_infinity() -> None:
    row = part(replace(FULL, exposure_seconds=0.0, iso=-1.0, aperture=float("inf")), "exposure")
    assert np.isnan(row).tolist() == [True, True, True, False, True, False]


def test_hashes_are_the_same_in_every_process() -> None:
    code = (
        "from triaged.ml.context import *;"
        "print(context([Circumstance(b'IMG_1.jpg', b'Holiday', camera='X')]).tobytes().hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = context([Circumstance(b"IMG_1.jpg", b"Holiday", camera="X")]).tobytes().hex()
    assert outputs == {here.encode() + b"\n"}


def half(n: int) -> NDArray[np.bool_]:
    return np.arange(n) % 2 == 0


@pytest.mark.parametrize("n", [10, 40, 160, 1000])
def test_an_ordinary_library_keeps_most_groups(n: int) -> None:
    kept = [informative_groups(context(library(n, seed)), half(n)) for seed in range(10)]
    assert sum(len(k) for k in kept) >= 0.6 * 10 * len(GROUPS)


ARCHIVES = {
    "no folder": ("folder", lambda c, i: replace(c, folder=None)),
    "a folder called deleted": ("folder", lambda c, i: replace(c, folder=b"archive/deleted")),
    "EXIF stripped": ("camera", lambda c, i: replace(c, camera=None)),
    "exposure stripped": (
        "exposure",
        lambda c, i: replace(
            c, flash=None, exposure_seconds=None, aperture=None, iso=None, focal_mm=None
        ),
    ),
    "no capture time": ("time", lambda c, i: replace(c, taken_at=None)),
    "names rewritten": ("name", lambda c, i: replace(c, name=b"file%08d.jpg" % i)),
    "format rewritten": ("name", lambda c, i: replace(c, name=b"IMG_%04d.webp" % i)),
    "series not known": ("series", lambda c, i: replace(c, series_size=None)),
}


@pytest.mark.parametrize("n", [20, 160])
@pytest.mark.parametrize("archive", ARCHIVES.values(), ids=ARCHIVES.keys())
def test_what_an_archive_gives_away_is_left_out(archive, n: int) -> None:  # type: ignore[no-untyped-def]
    group, moved = archive
    labels = half(n)
    photos = [
        moved(c, i) if is_delete else c
        for i, (c, is_delete) in enumerate(zip(library(n), labels, strict=True))
    ]
    assert group not in informative_groups(context(photos), labels)


def test_a_group_that_nobody_has_is_left_out() -> None:
    photos = [replace(c, folder=None) for c in library(40)]
    assert "folder" not in informative_groups(context(photos), half(40))


def test_a_small_difference_of_many_photos_is_noticed_only_when_it_matters() -> None:
    labels = half(4000)
    photos = library(4000)

    def with_missing(share: float) -> set[str]:
        rng = np.random.default_rng(0)
        holed = [
            replace(c, folder=None) if is_delete and rng.random() < share else c
            for c, is_delete in zip(photos, labels, strict=True)
        ]
        return informative_groups(context(holed), labels)

    assert "folder" in with_missing(0.03)
    assert "folder" not in with_missing(0.1)


def test_a_folder_named_deleted_teaches_nothing() -> None:
    labels = half(80)
    photos = [
        replace(c, folder=b"archive/deleted" if is_delete else b"archive/good")
        for c, is_delete in zip(library(80), labels, strict=True)
    ]
    x = context(photos)
    used = informative_groups(x, labels)
    model = fit(
        {"context": torch.from_numpy(keep_groups(x, used))},
        torch.from_numpy(labels),
        torch.ones(80),
    )
    same = library(1, seed=5) * 2
    asked = context([replace(same[0], folder=b"deleted"), replace(same[1], folder=b"good")])
    logits = model.logits({"context": torch.from_numpy(asked)})
    assert float(logits[0]) == pytest.approx(float(logits[1]), abs=1e-9)


def test_without_the_rule_that_folder_would_teach() -> None:
    labels = half(80)
    photos = [
        replace(c, folder=b"archive/deleted" if is_delete else b"archive/good")
        for c, is_delete in zip(library(80), labels, strict=True)
    ]
    x = torch.from_numpy(context(photos))
    model = fit({"context": x}, torch.from_numpy(labels), torch.ones(80))
    same = library(1, seed=5) * 2
    asked = context([replace(same[0], folder=b"deleted"), replace(same[1], folder=b"good")])
    logits = model.logits({"context": torch.from_numpy(asked)})
    assert float(logits[0]) > float(logits[1]) + 0.1


def test_kept_groups_are_untouched_and_the_rest_is_unknown() -> None:
    x = context([FULL])
    kept = keep_groups(x, {"time", "name"})
    assert (kept[:, GROUPS["time"]] == x[:, GROUPS["time"]]).all()
    assert np.isnan(kept[:, GROUPS["camera"]]).all()
    assert np.isfinite(x).all()


def test_the_rule_needs_both_labels() -> None:
    with pytest.raises(ValueError, match="both"):
        informative_groups(context([FULL]), np.array([True]))
