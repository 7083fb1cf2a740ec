"""Which photos stand in `likely-delete`, and in which order. Pure.

A photo is listed if its score is high enough, it is old enough, it lies in a library folder, its
owner has not decided about it, and has not given it four stars. Most likely delete first; ties go
by photo, so that nothing moves without a reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from triaged.core.decide import FAVOURITE_RATING


@dataclass(frozen=True, slots=True)
class Listable:
    """A scored photo of the library that its owner has not decided about."""

    photo: int
    shot: int
    path: bytes
    score: float
    taken_at: float
    rating: int | None
    size_bytes: int


def choose(
    photos: Iterable[Listable], *, now: float, size: int, min_score: float, min_age_days: float
) -> list[Listable]:
    """Return at most `size` photos to list, most likely delete first; times are Unix seconds."""
    newest = now - min_age_days * 86_400.0
    chosen = [
        photo
        for photo in photos
        if photo.score >= min_score
        and photo.taken_at <= newest
        and (photo.rating is None or photo.rating < FAVOURITE_RATING)
    ]
    chosen.sort(key=lambda photo: (-photo.score, photo.photo))
    return chosen[:size]
