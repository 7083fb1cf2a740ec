"""Reasons in words: the owner's own earlier decisions, and what was measured.

    like 14 you deleted and 1 you kept; softer than 97 % of your photos

Neighbours are the nearest decided shots by the model's own kernel; background is not counted, it
was never decided. A measurement is named where it lies in the outer tenth of the library.
"""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triaged.ml import measured

NEIGHBOURS = 15
_OUTER = 0.90
_MOST = 0.99  # nobody is sharper than 100 % of the photos, itself among them
_LOW_HIGH: dict[str, tuple[str, str]] = {
    "sharpness": ("softer", "sharper"),
    "brightness": ("darker", "brighter"),
    "contrast": ("flatter in tone", "more contrasty"),
    "noise": ("", "noisier"),
    "saturation": ("paler", "more colourful"),
    "flatness": ("", "more evenly flat"),
    "highlights_clipped": ("", "more burnt out"),
    "shadows_clipped": ("", "more lost in black"),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measurement in words, with the share of the library that lies below it (0..1)."""

    name: str
    words: str
    percentile: float


def percentile(quantiles: Sequence[float], value: float) -> float:
    """Return the share of the library below `value`, 0..1; ties count half."""
    low, high = bisect.bisect_left(quantiles, value), bisect.bisect_right(quantiles, value)
    return (low + high) / 2 / len(quantiles)


def measures(values: Sequence[float], quantiles: Mapping[str, Sequence[float]]) -> list[Measure]:
    """Return what is out of the ordinary about a photo's measured part (M,), most so first."""
    found = []
    for name, (low, high) in _LOW_HIGH.items():
        value = values[measured.NAMES.index(name)]
        if name not in quantiles or value != value:
            continue
        place = percentile(quantiles[name], value)
        word = high if place >= 0.5 else low
        extent = max(place, 1 - place)
        if word and extent >= _OUTER:
            found.append(
                Measure(name, f"{word} than {min(extent, _MOST):.0%} of your photos", place)
            )
    return sorted(found, key=lambda m: -abs(m.percentile - 0.5))


def in_words(
    deleted: int, kept: int, notable: Sequence[Measure], score: float | None = None
) -> str:
    """Return one line: how the nearest decided shots fell, and the strongest measurement.

    Where most neighbours fell against the `score` (0..1), they are not its reason.
    """
    parts = []
    if score is not None and (deleted > kept) != (score >= 0.5) and deleted != kept:
        parts.append("between what you deleted and what you kept")
    elif deleted or kept:
        like = [f"{deleted} you deleted"] * bool(deleted) + [f"{kept} you kept"] * bool(kept)
        parts.append("like " + " and ".join(like))
    if notable:
        parts.append(notable[0].words)
    return "; ".join(parts) or "nothing speaks for either"


def summary_quantiles(summary: Mapping[str, Any]) -> Mapping[str, Sequence[float]]:
    """Return the library's percentiles from a model's summary."""
    return dict(summary.get("quantiles", {}))
