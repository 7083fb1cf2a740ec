"""The heavy process: lease photos, decode, embed, fit when due, score, leave.

    embed    photos without features, an attempt counted before each is touched
    fit      when enough has been decided since the last fit
    score    what is new since the last model, or everything after a fit

It reads both databases and writes only `features.db`. Its pipes are doorbells: a line on standard
input says "look again", a line on standard output says "there is news", the end of either says that
the other side has gone. It leaves when there has been nothing to do for a while.

    python -m triaged.worker --config FILE [--eager] [--humble]
"""

import argparse
import fcntl
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import psutil

from triaged import journal
from triaged.config import Config, load
from triaged.core.schedule import seconds_until_fit
from triaged.core.types import Role
from triaged.errors import UserError
from triaged.fs.places import find_places
from triaged.store.features import Embedded, Failed, Features, ShotScore
from triaged.store.overview import EncoderId, Overview
from triaged.store.state import open_features

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
            from triaged.ml.backbone import resolve_auto
            from triaged.ml.eyes import backbone_settings

            resolved = resolve_auto(backbone_settings(self._config), _cache_dir())
            self._features.set_setting("auto", resolved)
            log.info("backbone: %s", resolved)
        return resolved

    def _embedder(self, backbone: str) -> Any:
        from triaged.ml.eyes import open_embedder

        return open_embedder(self._config, backbone, _cache_dir())

    def _record(self, embedder: Any) -> EncoderId:
        from triaged.ml.features import MEASURED_VERSION

        encoder = EncoderId(embedder.backbone, embedder.version, MEASURED_VERSION)
        text = json.dumps(encoder)
        if self._features.setting("encoder") != text:
            self._features.set_setting("encoder", text)
        return encoder

    def _embed_all(self) -> bool:
        with self._features.transaction():
            self._features.quarantine_worn_out(time.time())
        encoder = self.encoder()
        if not self._overview.to_embed(encoder, 1):
            return False
        with self._embedder(encoder.backbone) as embedder:
            self._features.set_setting("confinement", embedder.confinement)
            while leased := self._lease(encoder):
                self._embed(embedder, encoder, leased)
                self._stop_if_asked()
        return True

    def _lease(self, encoder: EncoderId) -> list[dict[str, Any]]:
        """Return the next photos to embed, their attempts counted: tried ones one at a time."""
        found = self._overview.to_embed(encoder, _LEASE)
        fresh = [row for row in found if row["attempts"] == 0]
        leased = fresh or found[:_ALONE]
        with self._features.transaction():
            self._features.begin_attempts(
                [(row["photo"], row["size_bytes"], row["mtime_ns"]) for row in leased]
            )
        return leased

    def _embed(self, embedder: Any, encoder: EncoderId, leased: list[dict[str, Any]]) -> None:
        from triaged.ml.child import Job

        rows = {row["photo"]: row for row in leased}
        pending: list[Any] = []
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
        self, pending: list[Any], rows: dict[int, dict[str, Any]], encoder: EncoderId
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

    def _store(self, found: Any, row: dict[str, Any], encoder: EncoderId) -> None:
        stamp = (row["photo"], row["size_bytes"], row["mtime_ns"])
        if found.features is None:
            log.warning("%r could not be read: %s", os.fsdecode(row["path"]), found.reason)
            failed = Failed(*stamp, found.content_hash, found.reason, found.is_final)
            self._features.add_failed(failed, time.time())
            return
        from triaged.ml.features import pack

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
        decided = self._overview.decided(encoder)
        deletes = sum(row["label"] == "delete" for row in decided)
        before = now - learn.settled_days * 86_400.0
        settled = self._overview.settled(encoder, before, background_size(deletes))
        fitted = fit_rows(decided, settled, self._roots(), now, learn.half_life_days)
        if fitted is None:
            log.info("not yet: %d deletes, %d keeps", deletes, len(decided) - deletes)
            return False
        with self._features.transaction():
            row = record(fitted, encoder.backbone, encoder.version, changes)
            model = self._features.add_model(row, now)
        seconds = time.time() - now
        log.info(
            "model %d: %d deletes, %d keeps, %d background, fitted in %.1f s",
            *(model, fitted.deletes, fitted.keeps, fitted.background, seconds),
        )
        return True

    def _score_new(self) -> bool:
        """Score what the active model has not scored; everything if it is new."""
        model = self._features.active_model()
        if model is None or self.encoder()[:2] != (model["backbone"], model["version"]):
            return False
        is_all = self._overview.scored_by() != model["id"]
        unscored_by = None if is_all else model["id"]
        batches = self._overview.shots_with_features(self.encoder(), unscored_by)
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


def take_lock(state_dir: bytes, *, wait: bool) -> int:
    """Return a descriptor that holds the worker's lock: there is one writer of `features.db`.

    Raises BlockingIOError if another worker has it and `wait` is False.
    """
    fd = os.open(
        os.path.join(state_dir, b"worker.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(fd)
        raise
    return fd


def main() -> int:
    """Run the worker until it is idle, asked to stop, or left alone."""
    parser = argparse.ArgumentParser(prog="triaged.worker")
    parser.add_argument("--config", required=True)
    parser.add_argument("--eager", action="store_true", help="fit without delay, leave when left")
    parser.add_argument("--humble", action="store_true", help="run when nobody else wants to")
    options = parser.parse_args()
    journal.set_up(logging.INFO)
    try:
        config = load(os.fsencode(options.config))
        lock = take_lock(find_places().state_dir, wait=True)
    except UserError as error:
        log.error("%s", error)
        return error.exit_code
    try:
        if options.humble:
            _be_humble()
        return _run(config, eager=options.eager)
    finally:
        os.close(lock)


def _run(config: Config, *, eager: bool) -> int:
    state_dir = find_places().state_dir
    features = open_features(state_dir)
    worker = Worker(config, features, Overview(state_dir), _tell)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        worker.work(fit_now=eager)
        _tell("done")
        while _wait(None if eager else config.worker.idle_seconds) and not worker.is_stopping:
            worker.work(fit_now=eager)
            _tell("done")
    except (Stopped, BrokenPipeError):
        log.info("stopped in the middle; the rest stays for the next time")
    except UserError as error:
        log.error("%s", error)
        features.set_setting("trouble", str(error))
        return error.exit_code
    return 0


def _tell(news: str) -> None:
    """Ring the daemon's doorbell; BrokenPipeError if there is nobody."""
    print(news, flush=True)  # noqa: T201  # standard output is the doorbell


def _wait(seconds: float | None) -> bool:
    """Wait for the doorbell; False when nobody rang for so long, or nobody is there any more."""
    readable, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return bool(readable) and bool(os.read(sys.stdin.fileno(), 4096))


def _be_humble() -> None:
    """Leave the processor and the disk to everybody else."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


if __name__ == "__main__":
    sys.exit(main())
