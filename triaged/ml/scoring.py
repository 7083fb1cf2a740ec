"""Scoring: a stored model put to rows, with the reason in words."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from triaged.ml.preference import Preference
from triaged.ml.reasons import NEIGHBOURS, Measure, in_words, measures, summary_quantiles
from triaged.ml.rows import Blocks, Row, blocks_of


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A decided shot that looks like the photo asked about; similarity 0..1."""

    shot: int
    is_delete: bool
    similarity: float


@dataclass(frozen=True, slots=True)
class Scored:
    """The delete score (0..1) of one row, and why."""

    score: float
    reason: str
    neighbours: tuple[Neighbour, ...]
    measures: tuple[Measure, ...]
    contributions: Mapping[str, float]


class Scorer:
    """A preference model as it stands in the database. `roots` are the library's paths."""

    def __init__(self, model: Mapping[str, Any], roots: Sequence[bytes]) -> None:
        self.model = int(model["id"])
        self.encoder = (str(model["backbone"]), str(model["version"]))
        self._preference = Preference.from_bytes(model["body"])
        self._summary: dict[str, Any] = json.loads(model["summary"])
        self._roots = roots

    def score(self, rows: Sequence[Row], *, in_full: bool = False) -> list[Scored]:
        """Return the score of every row; `in_full` with what each block contributed to it."""
        if not rows:
            return []
        blocks = blocks_of(rows, self._roots, self._summary["context"])
        scores = self._preference.probabilities(blocks).tolist()
        parts = self._preference.contributions(blocks) if in_full else {}
        near = self._neighbours(blocks)
        quantiles = summary_quantiles(self._summary)
        scored = []
        for i, score in enumerate(scores):
            notable = measures(blocks["measured"][i].tolist(), quantiles)
            deleted = sum(n.is_delete for n in near[i])
            scored.append(
                Scored(
                    score,
                    in_words(deleted, len(near[i]) - deleted, notable, score),
                    near[i],
                    tuple(notable),
                    {name: float(part[i]) for name, part in parts.items()},
                )
            )
        return scored

    def _neighbours(self, blocks: Blocks) -> list[tuple[Neighbour, ...]]:
        """Return the decided shots nearest to each row, nearest first."""
        shots: list[int] = self._summary["shots"]
        labels = self._preference.labels
        wanted = min(NEIGHBOURS + len(labels) - len(shots), len(labels))
        indices, values = self._preference.similar(blocks, wanted)
        return [
            tuple(
                Neighbour(shots[i], bool(labels[i]), value)
                for i, value in zip(row_indices, row_values, strict=True)
                if i < len(shots)
            )[:NEIGHBOURS]
            for row_indices, row_values in zip(indices.tolist(), values.tolist(), strict=True)
        ]


def percentiles(scores: Sequence[float], among: Sequence[float]) -> list[float]:
    """Return the share (0..1) of `among` that lies below each score; ties count half."""
    if not len(among):
        return [0.5] * len(scores)
    ordered = np.sort(np.asarray(among))
    low = np.searchsorted(ordered, scores, "left")
    high = np.searchsorted(ordered, scores, "right")
    return [float(v) for v in (low + high) / 2 / len(ordered)]


def score_batches(
    scorer: Scorer, batches: Iterable[list[dict[str, Any]]]
) -> Iterator[list[tuple[dict[str, Any], Scored]]]:
    """Yield each batch of rows with its scores."""
    with torch.inference_mode():
        for batch in batches:
            yield list(zip(batch, scorer.score(batch), strict=True))
