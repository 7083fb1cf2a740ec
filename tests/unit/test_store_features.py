from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shelf import ENCODER, FACTS

from triaged.store.connection import rows
from triaged.store.features import ATTEMPTS_MOST, BODIES_KEPT, Embedded, Failed, Features, ShotScore
from triaged.store.state import open_features


@pytest.fixture
def features(tmp_path: Path) -> Iterator[Features]:
    features = open_features(bytes(tmp_path))
    yield features
    features.close()


def table(features: Features, name: str) -> list[dict[str, Any]]:
    return rows(features._db, f"SELECT * FROM {name} ORDER BY 1")


def attempt(features: Features, photo: int = 1, mtime_ns: int = 20) -> dict[str, Any] | None:
    with features.transaction():
        features.begin_attempts([(photo, 10, mtime_ns)])
    return next((row for row in table(features, "attempts") if row["photo"] == photo), None)


def failed(photo: int = 1, *, is_final: bool = False) -> Failed:
    return Failed(photo, 10, 20, "h", "broken", is_final)


def test_attempts_are_counted_and_forgotten_when_they_end(features: Features) -> None:
    for count in (1, 2):
        row = attempt(features)
        assert row is not None
        assert row["attempts"] == count
    attempt(features, photo=2)

    features.end_attempts([1])

    assert [row["photo"] for row in table(features, "attempts")] == [2]


def test_another_file_in_the_same_place_starts_anew(features: Features) -> None:
    for _ in range(3):
        attempt(features)
    features.quarantine_worn_out(5.0)

    row = attempt(features, mtime_ns=21)

    assert row is not None
    assert (row["attempts"], row["quarantined_at"]) == (1, None)


@pytest.mark.parametrize(
    ("attempts", "is_final", "expected"),
    [(1, False, None), (2, False, None), (ATTEMPTS_MOST, False, 9.0), (1, True, 9.0)],
    ids=["first", "second", "third", "no picture at all"],
)
def test_the_third_or_a_final_failure_quarantines(
    features: Features, attempts: int, is_final: bool, expected: float | None
) -> None:
    for _ in range(attempts):
        attempt(features)

    features.add_failed(failed(is_final=is_final), 9.0)

    [row] = table(features, "attempts")
    assert (row["reason"], row["quarantined_at"]) == ("broken", expected)
    assert table(features, "contents")[0]["content_hash"] == "h"


def test_a_failure_without_a_hash_leaves_no_content(features: Features) -> None:
    attempt(features)

    features.add_failed(Failed(1, 10, 20, None, "unreadable", is_final=False), 9.0)

    assert table(features, "contents") == []


def test_a_quarantine_is_not_forgotten_with_the_attempts(features: Features) -> None:
    attempt(features)
    features.add_failed(failed(is_final=True), 9.0)

    features.end_attempts([1])

    assert [row["photo"] for row in table(features, "attempts")] == [1]


def test_a_photo_that_took_the_worker_with_it_three_times_is_quarantined(
    features: Features,
) -> None:
    for _ in range(ATTEMPTS_MOST - 1):
        attempt(features, photo=1)
    for _ in range(ATTEMPTS_MOST):
        attempt(features, photo=2)

    features.quarantine_worn_out(9.0)

    quarantined = {row["photo"]: row["reason"] for row in table(features, "attempts")}
    assert quarantined == {1: None, 2: "the worker died each time it was read"}


def test_what_was_read_is_stored_by_content(features: Features) -> None:
    for photo in (1, 2):
        found = Embedded(photo, 10, 20, "h", FACTS, b"measured", 1, b"embedding", b"levels")
        features.add_embedded(found, *ENCODER[:2], 5.0)
    features.add_copy(3, 10, 20, "h", 6.0)

    assert [row["photo"] for row in table(features, "contents")] == [1, 2, 3]
    [picture], [embedding] = table(features, "pictures"), table(features, "embeddings")
    assert (picture["measured"], picture["measured_version"]) == (b"measured", 1)
    assert picture["facts"] == FACTS
    assert (embedding["embedding"], embedding["levels"]) == (b"embedding", b"levels")


def test_two_backbones_never_mix(features: Features) -> None:
    found = Embedded(1, 10, 20, "h", FACTS, b"m", 1, b"e", b"l")
    features.add_embedded(found, "one", "1", 5.0)
    features.add_embedded(found, "other", "1", 5.0)
    features.add_embedded(found, "other", "2", 5.0)

    stored = {(row["backbone"], row["version"]) for row in table(features, "embeddings")}
    assert stored == {("one", "1"), ("other", "2")}


def model(deletes: int = 5) -> dict[str, Any]:
    return {
        "backbone": "descriptor",
        "version": "1",
        "deletes": deletes,
        "keeps": 5,
        "background": 60,
        "changes": 10,
        "summary": "{}",
        "body": b"model",
    }


def test_one_model_serves_at_a_time_and_its_interval_is_kept(features: Features) -> None:
    assert features.active_model() is None
    first, second = features.add_model(model(5), 10.0), features.add_model(model(6), 20.0)

    active = features.active_model()

    assert active is not None
    assert (active["id"], active["deletes"], active["body"]) == (second, 6, b"model")
    assert [(r["id"], r["active_from"], r["active_to"]) for r in table(features, "models")] == [
        (first, 10.0, 20.0),
        (second, 20.0, None),
    ]


def test_only_the_newest_models_keep_their_bodies(features: Features) -> None:
    for at in range(BODIES_KEPT + 2):
        features.add_model(model(), float(at))

    bodies = [row["body"] for row in table(features, "models")]
    assert bodies == [None, None, *[b"model"] * BODIES_KEPT]


def test_scores_are_replaced_by_shot_or_all_together(features: Features) -> None:
    def scores(*shots: int) -> list[ShotScore]:
        return [ShotScore(shot, shot, "h", 0.5, 0.5, "why") for shot in shots]

    features.replace_scores(scores(1, 2), 1, 5.0, is_all=True)
    features.replace_scores(scores(2, 3), 2, 6.0, is_all=False)
    assert [(r["shot"], r["model"]) for r in table(features, "scores")] == [(1, 1), (2, 2), (3, 2)]

    features.replace_scores(scores(3), 3, 7.0, is_all=True)
    assert [(r["shot"], r["model"]) for r in table(features, "scores")] == [(3, 3)]


def test_what_the_worker_recorded_is_there_after_a_restart(
    features: Features, tmp_path: Path
) -> None:
    assert features.setting("auto") is None
    features.set_setting("auto", "descriptor")
    features.set_setting("auto", "torchvision:x")

    again = open_features(bytes(tmp_path))
    assert again.setting("auto") == "torchvision:x"
    again.close()
