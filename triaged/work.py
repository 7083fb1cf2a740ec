"""The heavy work: embed photos, fit a model when one is due, score what is new.

    embed    photos without features, an attempt counted before each is touched
    fit      when enough has been decided since the last fit
    score    what is new since the last model, or everything after a fit

torch is imported with the first fit or score: most runs of the worker only read a few photos.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from triaged.config import Config
from triaged.core.schedule import seconds_until_fit
from triaged.core.types import Role
from triaged.fs.places import find_places
from triaged.ml.backbone import resolve_auto
from triaged.ml.child import Job
from triaged.ml.eyes import backbone_settings, open_embedder
from triaged.ml.features import MEASURED_VERSION, Embedder, Found, pack
from triaged.store.features import Embedded, Failed, Features, ShotScore
from triaged.store.overview import Overview
from triaged.store.study import EncoderId

log = logging.getLogger(__name__)

_LEASE = 64  # photos whose attempts are counted in one transaction
_ALONE = 1  # after a failed attempt a photo is leased alone, so that it hurts nobody else
_COMMIT_SECONDS = 2.0

Tell = Callable[[str], None]


class Stopped(Exception):  # noqa: N818  # not an error: somebody asked
    """The worker was asked to stop in the middle of its work."""


class Worker:
    """One run of the worker: its databases, its backbone, and what it has been asked to do."""

    def __init__(self, config: Config, features: Features, overview: Overview, tell: Tell) -> None:
        self._config = config
        self._features = features
        self._overview = overview
        self._tell = tell
        self._encoder: EncoderId | None = None
        self.is_stopping = False

    def work(self, *, fit_now: bool = False) -> bool:
        """Do everything there is to do; return whether anything was done.

        With `fit_now` a fit does not wait until it is due. Raises Stopped when asked to stop.
        """
        did = self._embed_all()
        if self._is_fit_due(fit_now):
            did |= self._fit()
        return self._score_new() or did

    def encoder(self) -> EncoderId:
        """Return the encoder in use, found out once in the life of a worker."""
        if self._encoder is None:
            with self._embedder(self._backbone()) as embedder:
                self._encoder = self._record(embedder)
        return self._encoder

    def _backbone(self) -> str:
        """Return the backbone to use: `auto` is resolved once, and never changes by itself."""
        if self._config.backbone != "auto":
            return self._config.backbone
        resolved = self._features.setting("auto")
        if resolved is None:
            resolved = resolve_auto(backbone_settings(self._config), _cache_dir())
            self._features.set_setting("auto", resolved)
            log.info("backbone: %s", resolved)
        return resolved

    def _embedder(self, backbone: str) -> Embedder:

        return open_embedder(self._config, backbone, _cache_dir())

    def _record(self, embedder: Embedder) -> EncoderId:

        encoder = EncoderId(embedder.backbone, embedder.version, MEASURED_VERSION)
        text = json.dumps(encoder)
        if self._features.setting("encoder") != text:
            self._features.set_setting("encoder", text)
        return encoder

    def _embed_all(self) -> bool:
        with self._features.transaction():
            self._features.quarantine_worn_out(time.time())
        encoder = self.encoder()
        if not self._overview.study.to_embed(encoder, 1):
            return False
        with self._embedder(encoder.backbone) as embedder:
            self._features.set_setting("confinement", embedder.confinement)
            while leased := self._lease(encoder):
                self._embed(embedder, encoder, leased)
                self._stop_if_asked()
        return True

    def _lease(self, encoder: EncoderId) -> list[dict[str, Any]]:
        """Return the next photos to embed, their attempts counted: tried ones one at a time."""
        found = self._overview.study.to_embed(encoder, _LEASE)
        fresh = [row for row in found if row["attempts"] == 0]
        leased = fresh or found[:_ALONE]
        with self._features.transaction():
            self._features.begin_attempts(
                [(row["photo"], row["size_bytes"], row["mtime_ns"]) for row in leased]
            )
        return leased

    def _embed(self, embedder: Embedder, encoder: EncoderId, leased: list[dict[str, Any]]) -> None:

        rows = {row["photo"]: row for row in leased}
        pending: list[Found] = []
        last = time.monotonic()
        try:
            for found in embedder.run(Job(row["photo"], row["path"]) for row in leased):
                pending.append(found)
                if time.monotonic() - last >= _COMMIT_SECONDS:
                    self._commit(pending, rows, encoder)
                    pending, last = [], time.monotonic()
                self._stop_if_asked()
        finally:
            self._commit(pending, rows, encoder)
            with self._features.transaction():
                self._features.end_attempts(rows)  # what is left was not reached

    def _commit(
        self, pending: list[Found], rows: dict[int, dict[str, Any]], encoder: EncoderId
    ) -> None:
        """Store what came of photos, and take them from `rows`."""
        if not pending:
            return
        with self._features.transaction():
            for found in pending:
                row = rows.pop(found.key)
                self._store(found, row, encoder)
        read = sum(found.features is not None for found in pending)
        log.info("embedded %d photos, %d could not be read", read, len(pending) - read)
        self._tell("embedded")

    def _store(self, found: Found, row: dict[str, Any], encoder: EncoderId) -> None:
        stamp = (row["photo"], row["size_bytes"], row["mtime_ns"])
        if found.features is None:
            log.warning("%r could not be read: %s", os.fsdecode(row["path"]), found.reason)
            failed = Failed(*stamp, found.content_hash, found.reason, found.is_final)
            self._features.add_failed(failed, time.time())
            return

        packed = pack(found.features)
        embedded = Embedded(
            *stamp,
            found.features.content_hash,
            packed.facts,
            packed.measured,
            encoder.measured_version,
            packed.embedding,
            packed.levels,
        )
        self._features.add_embedded(embedded, encoder.backbone, encoder.version, time.time())
        self._features.end_attempts([row["photo"]])

    def _is_fit_due(self, fit_now: bool) -> bool:
        state = self._overview.fit_state(time.time())
        if fit_now:
            return state.new > 0
        return seconds_until_fit(state.new, state.labels, state.seconds_since_fit) == 0.0

    def _fit(self) -> bool:
        from triaged.ml.device import use_one_thread
        from triaged.ml.fitting import background_size, fit_rows, record

        use_one_thread()
        encoder, now, learn = self.encoder(), time.time(), self._config.learn
        changes = self._overview.changes()
        decided = self._overview.study.decided(encoder)
        deletes = sum(row["label"] == "delete" for row in decided)
        before = now - learn.settled_days * 86_400.0
        settled = self._overview.study.settled(encoder, before, background_size(deletes))
        fitted = fit_rows(decided, settled, self._roots(), now, learn.half_life_days)
        if fitted is None:
            return self._without_model(deletes, len(decided) - deletes)
        with self._features.transaction():
            row = record(fitted, encoder.backbone, encoder.version, changes)
            model = self._features.add_model(row, now)
        seconds = time.time() - now
        log.info(
            "model %d: %d deletes, %d keeps, %d background, fitted in %.1f s",
            *(model, fitted.deletes, fitted.keeps, fitted.background, seconds),
        )
        return True

    def _without_model(self, deletes: int, keeps: int) -> bool:
        """Retire the model, if there is one: there is too little left to learn from."""
        has_model = self._features.active_model() is not None
        log.log(
            logging.INFO if has_model else logging.DEBUG,
            "not yet: %d deletes, %d keeps",
            *(deletes, keeps),
        )
        if has_model:
            with self._features.transaction():
                self._features.retire_model(time.time())
            self._tell("scored")
        return has_model

    def _score_new(self) -> bool:
        """Score what the active model has not scored; everything if it is new."""
        model = self._features.active_model()
        if model is None or self.encoder()[:2] != (model["backbone"], model["version"]):
            return False
        is_all = self._overview.scored_by() != model["id"]
        unscored_by = None if is_all else model["id"]
        batches = self._overview.study.shots_with_features(self.encoder(), unscored_by)
        first = next(batches, None)
        if first is None:
            return False
        from triaged.ml.device import use_one_thread
        from triaged.ml.scoring import Scorer, percentiles, score_batches

        use_one_thread()
        scored: list[ShotScore] = []
        scorer = Scorer(model, self._roots())
        for batch in score_batches(scorer, _chain(first, batches)):
            scored += [
                ShotScore(r["shot"], r["photo"], r["content_hash"], s.score, 0.0, s.reason)
                for r, s in batch
            ]
            self._stop_if_asked()
        values = [s.score for s in scored]
        places = percentiles(values, values if is_all else self._overview.all_scores())
        placed = [_placed(s, p) for s, p in zip(scored, places, strict=True)]
        with self._features.transaction():
            self._features.replace_scores(placed, model["id"], time.time(), is_all)
        log.info("scored %d photos by model %d", len(placed), model["id"])
        self._tell("scored")
        return True

    def _roots(self) -> list[bytes]:
        return self._overview.root_paths(Role.LIBRARY) + self._overview.root_paths(Role.KEEP)

    def _stop_if_asked(self) -> None:
        if self.is_stopping:
            raise Stopped


def _placed(score: ShotScore, percentile: float) -> ShotScore:
    return ShotScore(
        score.shot, score.photo, score.content_hash, score.score, percentile, score.reason
    )


def _chain(
    first: list[dict[str, Any]], rest: Iterator[list[dict[str, Any]]]
) -> Iterator[list[dict[str, Any]]]:
    yield first
    yield from rest


def _cache_dir() -> str:
    return os.fsdecode(find_places().cache_dir)
