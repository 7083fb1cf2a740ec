"""Rows as the databases give them to a fit, drawn by chance: what a photo looks like, and when."""

import json
from typing import Any

import numpy as np

from triaged.ml import measured

NOW = 1_700_000_000.0
DAY = 86_400.0
ROOTS = [b"/photos"]
_EMBEDDING = 16


def looks(seed: int, taste: float = 0.0) -> dict[str, Any]:
    """Return what a photo looks like; `taste` moves it along what its owner minds."""
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=_EMBEDDING)
    embedding[0] += taste
    embedding /= np.linalg.norm(embedding)
    return {
        "embedding": embedding.astype("<f2").tobytes(),
        "levels": rng.normal(size=8).astype("<f2").tobytes(),
        "measured": rng.normal(size=len(measured.NAMES)).astype("<f4").tobytes(),
        "content_hash": f"h{seed}",
        "facts": json.dumps(
            dict.fromkeys(
                ("taken_at", "camera", "flash", "exposure_seconds", "aperture", "iso", "focal_mm")
            )
        ),
    }


def background(seed: int, taste: float = 0.0, home_path: bytes | None = b"/photos/x.jpg") -> Any:
    """Return a settled photo that nobody has decided about."""
    return {
        **looks(seed, taste),
        "shot": seed,
        "photo": seed,
        "name": b"IMG_%04d.jpg" % (seed % 10_000),
        "home_path": home_path,
        "taken_at": NOW - 1e8 - 1e4 * seed,
    }


def lesson(
    seed: int,
    label: str,
    taste: float = 0.0,
    *,
    weight: float = 1.0,
    size_of_act: int = 1,
    gesture: int | None = None,
    at: float | None = NOW,
    home_path: bytes | None = b"/photos/x.jpg",
) -> Any:
    """Return a decided photo, an act of its own unless told."""
    return {
        **background(seed, taste, home_path),
        "label": label,
        "weight": weight,
        "size_of_act": size_of_act,
        "gesture": seed if gesture is None else gesture,
        "at": at,
    }
