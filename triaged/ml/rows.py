"""Rows: photos as the databases have them, turned into the blocks that a preference model takes.

    block       from
    ----------  -------------------------------------------------
    embedding   the backbone's last layer, unit length
    levels      its stages' means and deviations, may be empty
    measured    the measured part
    context     circumstances, see `context.py`

A row is a mapping with `embedding`, `levels`, `measured` (bytes, see `features.pack`), `facts`
(JSON), `name`, `home_path` and `taken_at`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from triaged.ml.context import Circumstance, context, keep_groups
from triaged.ml.features import Features, pack

Row = Mapping[str, Any]
Blocks = dict[str, Tensor]


def blocks_of(rows: Sequence[Row], roots: Sequence[bytes], groups: Sequence[str]) -> Blocks:
    """Return the blocks of N rows, float32: (N, E), (N, L), (N, M), (N, C).

    `roots` are the library's, to which folders are relative; `groups` the context groups to use.
    """
    return {
        "embedding": _vectors(rows, "embedding", "<f2"),
        "levels": _vectors(rows, "levels", "<f2"),
        "measured": _vectors(rows, "measured", "<f4"),
        "context": torch.from_numpy(keep_groups(circumstances(rows, roots), groups)),
    }


def _vectors(rows: Sequence[Row], column: str, dtype: str) -> Tensor:
    data = b"".join(row[column] for row in rows)
    values = np.frombuffer(data, dtype).astype(np.float32)
    return torch.from_numpy(values.reshape(len(rows), -1))  # (N, D)


def circumstances(rows: Sequence[Row], roots: Sequence[bytes]) -> NDArray[np.float32]:
    """Return the context (N, C) of rows, every group that is known."""
    return context([_circumstance(row, roots) for row in rows])


def _circumstance(row: Row, roots: Sequence[bytes]) -> Circumstance:
    facts = json.loads(row["facts"])
    home_path: bytes | None = row["home_path"]
    return Circumstance(
        name=os.path.basename(home_path) if home_path else row["name"],
        folder=_folder(home_path, roots),
        taken_at=facts["taken_at"],
        camera=facts["camera"],
        flash=facts["flash"],
        exposure_seconds=facts["exposure_seconds"],
        aperture=facts["aperture"],
        iso=facts["iso"],
        focal_mm=facts["focal_mm"],
    )


def _folder(home_path: bytes | None, roots: Sequence[bytes]) -> bytes | None:
    """Return the library-relative folder of a photo; None if it never lay in the library."""
    if home_path is None:
        return None
    for root in roots:
        top = root.rstrip(b"/") + b"/"
        if home_path.startswith(top):
            return os.path.dirname(home_path[len(top) :])
    return None


def row_of(features: Features, name: bytes, home_path: bytes | None) -> dict[str, Any]:
    """Return the row of a photo that no database knows."""
    packed = pack(features)
    return {
        "embedding": packed.embedding,
        "levels": packed.levels,
        "measured": packed.measured,
        "facts": packed.facts,
        "name": name,
        "home_path": home_path,
        "taken_at": features.facts.taken_at,
    }
