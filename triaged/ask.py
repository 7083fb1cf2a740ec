"""Answers about photos: their delete score, and why. Heavy parts are imported when asked.

A photo that the worker has read is answered from its features; any other file is decoded and
embedded here, the same way, and nothing about it is stored.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from triaged.config import Config
from triaged.core.types import FileKind, Known, Role
from triaged.errors import UserError
from triaged.fs.places import find_places
from triaged.fs.scan import walk
from triaged.store.overview import Overview
from triaged.store.state import Store
from triaged.store.study import EncoderId

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One photo's delete score (0..1), or None with the reason why there is none."""

    path: bytes
    score: float | None
    reason: str
    neighbours: tuple[dict[str, Any], ...] = ()
    measures: tuple[dict[str, Any], ...] = ()
    blocks: dict[str, float] = field(default_factory=dict)


def score_paths(
    config: Config,
    store: Store,
    overview: Overview,
    paths: Sequence[bytes],
    progress: Progress = lambda _done, _total: None,
) -> list[Answer]:
    """Return an answer for every photo among `paths` (files, or folders with all below them).

    Most likely delete first, those without a score last. Raises UserError for a path that is not
    there.
    """
    files = list(dict.fromkeys(_files(paths)))
    model, encoder = overview.active_model(), overview.encoder()
    if model is None or encoder is None:
        return [Answer(path, None, not_yet(store)) for path in files]
    if encoder[:2] != (model["backbone"], model["version"]):
        encoder = EncoderId(model["backbone"], model["version"], encoder.measured_version)
    rows, failed = _rows(config, store, overview, encoder, files, progress)
    answers = [*_scored(store, overview, model, rows), *failed]
    return sorted(answers, key=lambda a: (a.score is None, -(a.score or 0.0), a.path))


def not_yet(store: Store) -> str:
    """Return why there is no model, in words."""
    counts = store.acts.counts()
    return (
        f"not yet: {counts['delete']} deleted and {counts['keep']} kept photos are known;"
        " five of each are the least there is to learn from"
    )


def _files(paths: Sequence[bytes]) -> Iterator[bytes]:
    for path in paths:
        path = os.path.abspath(path)
        if os.path.isdir(path):
            for folder, listing in walk(path):
                for entry in sorted(listing.entries, key=lambda entry: entry.name):
                    if entry.kind is FileKind.IMAGE:
                        yield os.path.join(path, folder, entry.name)
        elif os.path.lexists(path):
            yield path
        else:
            raise UserError(f"{os.fsdecode(path)} does not exist")


def find_photo(store: Store, path: bytes) -> Known | None:
    """Return the photo the database has at `path`, None if it has none there."""
    path = os.path.abspath(path)
    return store.photos.at_path(path) or store.photos.at_path(os.path.realpath(path))


def _rows(
    config: Config,
    store: Store,
    overview: Overview,
    encoder: EncoderId,
    files: Sequence[bytes],
    progress: Progress,
) -> tuple[list[tuple[bytes, dict[str, Any]]], list[Answer]]:
    """Return the features of files, known ones from the database, and why others have none."""
    rows, unknown = [], []
    known = overview.features_by_path(encoder)
    for path in files:
        row = known.get(os.path.realpath(path))
        if row is not None and _is_as_read(path, row):
            rows.append((path, row))
        else:
            unknown.append(path)
    embedded, failed = _embed(config, store, encoder, unknown, progress) if unknown else ([], [])
    return rows + embedded, failed


def _is_as_read(path: bytes, row: dict[str, Any]) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (row["size_bytes"], row["mtime_ns"])


def _embed(
    config: Config, store: Store, encoder: EncoderId, files: Sequence[bytes], progress: Progress
) -> tuple[list[tuple[bytes, dict[str, Any]]], list[Answer]]:
    from triaged.ml.child import Job
    from triaged.ml.eyes import open_embedder
    from triaged.ml.rows import row_of

    rows: list[tuple[bytes, dict[str, Any]]] = []
    failed: list[Answer] = []
    with open_embedder(config, encoder.backbone, os.fsdecode(find_places().cache_dir)) as embedder:
        jobs = (Job(i, os.path.realpath(path)) for i, path in enumerate(files))
        for found in embedder.run(jobs):
            path = files[found.key]
            if found.features is None:
                failed.append(Answer(path, None, found.reason))
            else:
                home = path if _is_home(store, path) else None
                rows.append((path, row_of(found.features, os.path.basename(path), home)))
            progress(len(rows) + len(failed), len(files))
    return rows, failed


def _is_home(store: Store, path: bytes) -> bool:
    return any(
        path.startswith(root.path.rstrip(b"/") + b"/")
        for root in store.roots.active()
        if root.role is Role.LIBRARY
    )


def _scored(
    store: Store,
    overview: Overview,
    model: dict[str, Any],
    rows: Sequence[tuple[bytes, dict[str, Any]]],
) -> list[Answer]:
    if not rows:
        return []
    from triaged.ml.scoring import Scorer

    scorer = Scorer(model, overview.root_paths(Role.LIBRARY) + overview.root_paths(Role.KEEP))
    answers = []
    for (path, _), scored in zip(
        rows, scorer.score([row for _, row in rows], in_full=True), strict=True
    ):
        answers.append(
            Answer(
                path,
                scored.score,
                scored.reason,
                tuple(asdict(n) for n in scored.neighbours),
                tuple(asdict(m) for m in scored.measures),
                dict(scored.contributions),
            )
        )
    return answers


def explain(config: Config, store: Store, overview: Overview, path: bytes) -> dict[str, Any]:
    """Return everything there is to say about the score of one photo.

    Raises UserError if there is no such file, or no model yet.
    """
    if not os.path.isfile(path):
        raise UserError(f"{os.fsdecode(path)} is not a file")
    answer = score_paths(config, store, overview, [path])[0]
    photo = find_photo(store, path)
    standing = store.acts.label_of(photo.shot) if photo else None
    model = overview.active_model()
    return {
        "path": os.fsdecode(answer.path),
        "score": answer.score,
        "reason": answer.reason,
        "model": model["id"] if model else None,
        "decision": standing["label"] if standing else None,
        "neighbours": [
            {
                "path": os.fsdecode(overview.path_of_shot(n["shot"]) or b""),
                "label": "delete" if n["is_delete"] else "keep",
                "similarity": round(n["similarity"], 4),
            }
            for n in answer.neighbours
        ],
        "measures": [dict(m) for m in answer.measures],
        "blocks": answer.blocks,
    }
