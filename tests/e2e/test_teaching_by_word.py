"""`learn`, `score`, `explain`, `label`, `undo`, `labels`: teaching and asking without a daemon."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from generated import photo, receipt, screenshot
from home import Home

_EACH = 7


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose owner has taught two folders outside every root."""
    home = Home(tmp_path_factory.mktemp("taught"))
    home.make_tree({f"Old/away/{i}.jpg": receipt(i) for i in range(_EACH)})
    kinds = ("landscape", "portrait", "food", "city")
    home.make_tree({f"Old/dear/{i}.jpg": photo(i, kinds[i % 4]) for i in range(_EACH)})
    home.make_tree({f"Pictures/{i}.jpg": photo(50 + i, "flower") for i in range(4)})
    assert home.triaged("run", "--once").returncode == 0
    home.ask("learn", "--deleted", "Old/away", "--kept", "Old/dear")
    return home


def _labels(home: Home) -> dict[str, str]:
    """Return what stands learned, by the path below the home."""
    return {os.path.relpath(row["path"], home.path): row["label"] for row in home.ask("labels")}


def test_learn_teaches_from_folders_and_leaves_them_as_they_are(home: Home) -> None:
    home.make_tree({f"Old/away/{i}.png": screenshot(i) for i in range(5)})
    home.make_tree({f"Old/dear/{i}.jpg": photo(i) for i in range(5)})
    before = home.tree("Old")

    first = home.ask("learn", "--deleted", "Old/away", "--kept", "Old/dear")
    second = home.ask("learn", "--deleted", "Old/away", "--kept", "Old/dear")

    assert first == {"new": {"delete": 5, "keep": 5}, "known": {"delete": 5, "keep": 5}, "model": 1}
    assert second["new"] == {"delete": 0, "keep": 0}
    assert second["known"] == first["known"]
    assert home.tree("Old") == before
    assert {row["source"] for row in home.decision_rows()} == {"taught"}


def test_score_prints_only_the_list_most_likely_delete_first(taught: Home) -> None:
    taught.make_tree({f"New/{i}.jpg": receipt(80 + i) for i in range(4)})

    done = taught.triaged("score", "New", "Pictures", "--json")

    assert done.returncode == 0
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    assert {frozenset(answer) for answer in answers} == {frozenset(("path", "score", "reason"))}
    scores = [answer["score"] for answer in answers]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert all(answer["reason"] for answer in answers)
    folders = [Path(answer["path"]).parent.name for answer in answers]
    assert folders == 4 * ["New"] + 4 * ["Pictures"]


def test_score_gives_null_and_a_reason_for_what_it_cannot_read(taught: Home) -> None:
    taught.make_tree({"Odd/text.jpg": b"no picture", "Odd/fine.jpg": photo(90)})

    by_name = {Path(a["path"]).name: a for a in taught.ask("score", "Odd")}

    assert by_name["text.jpg"]["score"] is None
    assert by_name["text.jpg"]["reason"]
    assert by_name["fine.jpg"]["score"] is not None


def test_score_says_not_yet_before_anything_was_learned(home: Home) -> None:
    home.make_tree({"Pictures/a.jpg": photo(1)})

    [answer] = home.ask("score", "Pictures/a.jpg")

    assert answer["score"] is None
    assert answer["reason"].startswith("not yet: 0 deleted")


def test_score_of_what_is_not_there_is_one_message_and_exit_1(taught: Home) -> None:
    done = taught.triaged("score", "Pictures/none.jpg", "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert "none.jpg does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_scores_also_come_as_csv(taught: Home) -> None:
    rows = list(csv.DictReader(io.StringIO(taught.triaged("score", "Pictures", "--csv").stdout)))

    assert len(rows) == 4
    assert list(rows[0]) == ["score", "path", "reason"]


def test_explain_names_the_owners_own_decisions(taught: Home) -> None:
    taught.make_tree({"Asked/1.jpg": receipt(85)})

    found = taught.ask("explain", "Asked/1.jpg")

    assert found["score"] == pytest.approx(taught.ask("score", "Asked/1.jpg")[0]["score"])
    assert found["neighbours"]
    for neighbour in found["neighbours"]:
        place = {"delete": "Old/away", "keep": "Old/dear"}[neighbour["label"]]
        assert Path(neighbour["path"]).parent == taught.path / place
    assert Path(found["neighbours"][0]["path"]).parent.name == "away"


def test_a_label_by_word_stands_until_it_is_cleared(taught: Home) -> None:
    taught.ask("label", "Pictures/0.jpg", "delete")
    assert _labels(taught)["Pictures/0.jpg"] == "delete"

    taught.ask("label", "Pictures/0.jpg", "keep")
    assert _labels(taught)["Pictures/0.jpg"] == "keep"

    taught.ask("label", "Pictures/0.jpg", "clear")
    assert "Pictures/0.jpg" not in _labels(taught)
    assert (taught.pictures / "0.jpg").exists()


def test_a_label_for_a_stranger_is_refused(taught: Home) -> None:
    taught.make_tree({"Elsewhere/stranger.jpg": photo(91)})

    done = taught.triaged("label", "Elsewhere/stranger.jpg", "delete")

    assert done.returncode == 1
    assert "stranger.jpg is not a photo that is watched" in done.stderr


def test_undo_takes_back_the_last_acts_and_moves_nothing(taught: Home) -> None:
    before = _labels(taught)
    taught.ask("label", "Pictures/1.jpg", "delete")
    taught.ask("label", "Pictures/2.jpg", "Pictures/3.jpg", "keep")
    files = taught.tree("Pictures")

    undone = taught.ask("undo", "2")

    assert [act["photos"] for act in undone] == [2, 1]
    assert _labels(taught) == before
    assert taught.tree("Pictures") == files


def test_undo_with_nothing_to_undo_is_the_answer_no(home: Home) -> None:
    done = home.triaged("undo")

    assert done.returncode == 1
    assert "nothing to undo" in done.stderr


def test_labels_come_as_json_and_as_csv(taught: Home) -> None:
    as_json = taught.ask("labels")
    as_csv = list(csv.DictReader(io.StringIO(taught.triaged("labels", "--csv").stdout)))

    assert len(as_json) == len(as_csv) == 2 * _EACH
    assert {(row["label"], row["source"], row["weight"]) for row in as_json} == {
        ("delete", "taught", 1.0),
        ("keep", "taught", 1.0),
    }
    assert [row["path"] for row in as_csv] == [row["path"] for row in as_json]
