"""Features: from files to vectors, through decoding children and one encoder.

Children decode ahead while the encoder works on the batch before; the built-in descriptor has no
encoder, its vectors come out of the children. Whatever is wrong with a file is data, not an error.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from triaged.ml import descriptor, measured
from triaged.ml.backbone import BackboneSettings, Encoder, open_backbone
from triaged.ml.child import Job, Limits, Outcome, Want
from triaged.ml.exif import Facts
from triaged.ml.sandbox import DecoderPool

_BATCH = 16

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """What one photo looks like: vectors (E,), (L,) and (M,) float32, and what its file says."""

    content_hash: str
    facts: Facts
    embedding: Vector
    levels: Vector
    measured: Vector


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one file: features, or the reason why there are none.

    `is_final` when another attempt would end the same way: the bytes were read and are no picture.
    """

    key: int
    features: Features | None
    content_hash: str | None = None
    reason: str = ""
    is_final: bool = False


class Embedder:
    """Decoding children and a backbone. Use it as a context manager.

    Raises BackboneUnavailable when the backbone cannot be had.
    """

    def __init__(
        self,
        backbone: str,
        settings: BackboneSettings,
        cache_dir: str,
        decoders: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self._encoder: Encoder | None = None
        if backbone != "descriptor":
            self._encoder = open_backbone(backbone, settings, cache_dir)
        self.backbone = backbone
        self.version = str(descriptor.VERSION) if self._encoder is None else self._encoder.version
        want = Want(
            input_px=0 if self._encoder is None else self._encoder.input_px,
            with_descriptor=self._encoder is None,
        )
        self._pool = DecoderPool(decoders, want, limits)

    def __enter__(self) -> "Embedder":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    @property
    def confinement(self) -> str:
        """What holds the decoding children, in words."""
        return self._pool.confinement

    def run(self, jobs: Iterable[Job]) -> Iterator[Found]:
        """Yield what came of every job, about in the order in which they finish."""
        waiting: list[Outcome] = []
        for outcome in self._pool.run(jobs):
            if outcome.facts is None or outcome.measured is None:
                yield _failed(outcome)
                continue
            waiting.append(outcome)
            if len(waiting) >= _BATCH:
                yield from self._embedded(waiting)
                waiting = []
        yield from self._embedded(waiting)

    def _embedded(self, outcomes: list[Outcome]) -> Iterator[Found]:
        if not outcomes:
            return
        if self._encoder is None:
            for outcome in outcomes:
                yield _found(outcome, outcome.embedding, outcome.levels)
            return
        pixels = np.stack([o.pixels for o in outcomes if o.pixels is not None])  # (B, S, S, 3)
        embedding, levels = self._encoder.embed(pixels)  # (B, E), (B, L) or None
        for row, outcome in enumerate(outcomes):
            yield _found(outcome, embedding[row], None if levels is None else levels[row])


def _found(outcome: Outcome, embedding: Vector | None, levels: Vector | None) -> Found:
    if outcome.facts is None or outcome.measured is None or outcome.content_hash is None:
        raise AssertionError("a failed outcome has no features")
    none = np.zeros(0, np.float32)
    features = Features(
        outcome.content_hash,
        outcome.facts,
        none if embedding is None else embedding,
        none if levels is None else levels,
        outcome.measured,
    )
    return Found(outcome.key, features, outcome.content_hash)


def _failed(outcome: Outcome) -> Found:
    is_final = outcome.content_hash is not None and not outcome.is_crash
    reason = outcome.error or "nothing came of it"
    return Found(outcome.key, None, outcome.content_hash, reason, is_final)


@dataclass(frozen=True, slots=True)
class Packed:
    """Features as bytes for a database: float16 for the backbone's, float32 for the measured."""

    facts: str
    embedding: bytes
    levels: bytes
    measured: bytes


def pack(features: Features) -> Packed:
    """Return `features` as they are stored, little-endian."""
    return Packed(
        json.dumps(asdict(features.facts)),
        features.embedding.astype("<f2").tobytes(),
        features.levels.astype("<f2").tobytes(),
        features.measured.astype("<f4").tobytes(),
    )


MEASURED_VERSION = measured.VERSION
