import json
from typing import Any

import numpy as np
import pytest
from lessons import NOW, ROOTS, background, lesson

from triaged.ml.fitting import fit_rows, record
from triaged.ml.reasons import NEIGHBOURS
from triaged.ml.scoring import Scorer, percentiles, score_batches

DELETES = [lesson(n, "delete", 1.5) for n in range(40)]
KEEPS = [lesson(n, "keep", -1.5) for n in range(40, 60)]
SETTLED = [background(n, -1.0) for n in range(60, 120)]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    fitted = fit_rows([*DELETES, *KEEPS], SETTLED, ROOTS, NOW, 730.0)
    assert fitted is not None
    return Scorer({"id": 3, **record(fitted, "descriptor", "1", 9)}, ROOTS)


def test_a_scorer_knows_its_model_and_encoder(scorer: Scorer) -> None:
    assert (scorer.model, scorer.encoder) == (3, ("descriptor", "1"))


def test_scores_are_probabilities_in_the_order_of_the_rows(scorer: Scorer) -> None:
    rows = [background(900 + n, 1.5 if n % 2 else -1.5) for n in range(40)]

    scored = scorer.score(rows)

    assert len(scored) == 40
    assert all(0.0 <= s.score <= 1.0 for s in scored)
    bad = np.mean([s.score for s in scored[1::2]])
    assert bad > np.mean([s.score for s in scored[::2]]) + 0.2
    assert [s.score for s in scorer.score(rows[:3])] == pytest.approx(
        [s.score for s in scored[:3]], abs=1e-9
    )


def test_nothing_to_score_is_nothing(scorer: Scorer) -> None:
    assert scorer.score([]) == []


def test_the_nearest_decided_photo_of_a_decided_photo_is_itself(scorer: Scorer) -> None:
    for row in (DELETES[7], KEEPS[5]):
        [scored] = scorer.score([row])

        nearest = scored.neighbours[0]
        assert nearest.shot == row["shot"]
        assert nearest.is_delete is (row["label"] == "delete")
        assert nearest.similarity == pytest.approx(1.0, abs=0.02)


def test_neighbours_are_decided_photos_nearest_first(scorer: Scorer) -> None:
    decided = {row["shot"]: row["label"] == "delete" for row in (*DELETES, *KEEPS)}
    [scored] = scorer.score([SETTLED[3]])

    assert len(scored.neighbours) == NEIGHBOURS
    assert all(decided[n.shot] is n.is_delete for n in scored.neighbours)
    likeness = [n.similarity for n in scored.neighbours]
    assert likeness == sorted(likeness, reverse=True)


def test_a_reason_counts_the_neighbours(scorer: Scorer) -> None:
    [scored] = scorer.score([DELETES[0]])
    deleted = sum(n.is_delete for n in scored.neighbours)

    assert f"{deleted} you deleted" in scored.reason
    assert scored.contributions.keys() <= {"embedding", "levels", "measured", "context"}


def test_a_photo_measured_in_part_gets_a_score(scorer: Scorer) -> None:
    row: dict[str, Any] = dict(background(901))
    values = np.frombuffer(row["measured"], "<f4").copy()
    values[::3] = np.nan
    [scored] = scorer.score([{**row, "measured": values.astype("<f4").tobytes()}])

    assert 0.0 <= scored.score <= 1.0


def test_batches_keep_rows_and_scores_together(scorer: Scorer) -> None:
    batches = [[background(900), background(901)], [background(902)]]

    done = list(score_batches(scorer, batches))

    assert [[row["shot"] for row, _ in batch] for batch in done] == [[900, 901], [902]]
    alone = [scorer.score([row])[0].score for batch in batches for row in batch]
    assert [s.score for batch in done for _, s in batch] == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize(
    ("scores", "among", "expected"),
    [
        ([0.5], [0.1, 0.2, 0.9, 1.0], [0.5]),
        ([0.0, 2.0], [0.5, 1.0], [0.0, 1.0]),
        ([0.5], [0.5, 0.5], [0.5]),
        ([0.3], [], [0.5]),
        ([], [0.5], []),
    ],
    ids=["in the middle", "outside", "ties", "nothing to compare with", "nothing asked"],
)
def test_a_percentile_is_the_share_below(
    scores: list[float], among: list[float], expected: list[float]
) -> None:
    assert percentiles(scores, among) == expected


def test_a_damaged_model_is_refused(scorer: Scorer) -> None:
    with pytest.raises(ValueError, match="not a preference model"):
        Scorer(
            {"id": 1, "backbone": "d", "version": "1", "body": b"x", "summary": json.dumps({})}, []
        )
