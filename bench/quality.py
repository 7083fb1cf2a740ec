"""How well the program ranks photos that it has not seen: held-out AUROC and average precision.

A task is a folder with `keep/` and `delete/`. Of each, k photos are learned from and the others are
ranked; photos of a scene that was learned from (within a minute) are left out of the test. All
methods get the same draws; figures are means over draws, with their standard errors.

    ours       embedding, levels, measured part and context through `fit_rows`, as `learn` does it
    logistic   plain logistic regression on the embedding (`ml/baseline.py`)
    nearest    of the five most similar embeddings, how many were deleted, by similarity
    sharpness  the least sharp first; learns nothing

Without `--tasks` a library is drawn, and its pretend owner says what is to go.
"""

import argparse
import itertools
import math
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from triaged.demo.library import make_library
from triaged.ml import measured
from triaged.ml.backbone import BackboneSettings
from triaged.ml.baseline import fit_baseline
from triaged.ml.child import Job
from triaged.ml.device import use_one_thread
from triaged.ml.features import Embedder
from triaged.ml.fitting import SAME_SCENE_SECONDS, fit_rows
from triaged.ml.metrics import auroc, average_precision
from triaged.ml.rows import blocks_of, row_of

NEIGHBOURS = 5
HALF_LIFE_DAYS = 730.0
LEAST = 5  # of each label, below which the program does not fit

Row = dict[str, Any]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """Photos with their labels. `roots` are the library's where the photos lie in one."""

    name: str
    rows: list[Row]
    roots: list[bytes]


def embed(backbone: str, photos: Sequence[tuple[Path, bool]], home: Path | None) -> list[Row]:
    """Return the rows of the photos that can be read. `home` is the library that they lie in."""
    rows = []
    jobs = [Job(number, os.fsencode(path)) for number, (path, _) in enumerate(photos)]
    with Embedder(backbone, BackboneSettings(), "") as embedder:
        for found in embedder.run(jobs):
            path, is_delete = photos[found.key]
            if found.features is None:
                print(f"{path} could not be read: {found.reason}")
                continue
            row = row_of(
                found.features, os.fsencode(path.name), os.fsencode(path) if home else None
            )
            decided = {
                "label": "delete" if is_delete else "keep",
                "weight": 1.0,
                "size_of_act": 1,
                "gesture": int(is_delete),  # a taught folder is one
                "at": None,
                "shot": found.key,
                "content_hash": found.features.content_hash,
            }
            rows.append(row | decided)
    return sorted(rows, key=lambda row: row["shot"])


def task_from(folder: Path, backbone: str) -> Task:
    photos = [
        (path, label == "delete")
        for label in ("keep", "delete")
        for path in sorted((folder / label).rglob("*"))
        if path.is_file()
    ]
    if len({label for _, label in photos}) < 2:
        raise SystemExit(f"{folder} has no photos in keep/ and in delete/")
    return Task(folder.name, embed(backbone, photos, None), [])


def drawn_task(folder: Path, count: int, seed: int, backbone: str) -> Task:
    drawn = make_library(folder, count, seed)
    photos = [(picture.path, picture.is_unwanted) for picture in drawn]
    return Task("drawn library", embed(backbone, photos, folder), [os.fsencode(folder)])


def scenes(rows: Sequence[Row]) -> list[int]:
    """Return the scene of each row: photos taken within a minute of the one before share it."""
    scene = list(range(len(rows)))
    timed = sorted(
        (row["taken_at"], i) for i, row in enumerate(rows) if row["taken_at"] is not None
    )
    for (a, i), (b, j) in itertools.pairwise(timed):
        if b - a <= SAME_SCENE_SECONDS:
            scene[j] = scene[i]
    return scene


def draws(task: Task, k: int, count: int) -> Iterator[tuple[list[Row], list[Row]]]:
    """Yield what is learned from, k of each label or half of them, and what is ranked."""
    scene = scenes(task.rows)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        learned: list[int] = []
        for label in ("delete", "keep"):
            own = [i for i, row in enumerate(task.rows) if row["label"] == label]
            learned += rng.permutation(own)[: min(k, len(own) // 2)].tolist()
        taken = {scene[i] for i in learned}
        test = [i for i in range(len(task.rows)) if scene[i] not in taken]
        yield [task.rows[i] for i in learned], [task.rows[i] for i in test]


def is_delete(rows: Sequence[Row]) -> NDArray[np.bool_]:
    return np.array([row["label"] == "delete" for row in rows])


def embeddings(rows: Sequence[Row]) -> torch.Tensor:
    return blocks_of(rows, [], [])["embedding"]


def ours(learned: Sequence[Row], test: Sequence[Row], roots: Sequence[bytes]) -> Scores:
    fitted = fit_rows(learned, [], roots, 0.0, HALF_LIFE_DAYS)
    if fitted is None:
        raise SystemExit(f"{len(learned)} labels are too few: {LEAST} of each are the least")
    blocks = blocks_of(test, roots, fitted.summary["context"])
    return fitted.preference.probabilities(blocks).numpy()


def logistic(learned: Sequence[Row], test: Sequence[Row], _: Sequence[bytes]) -> Scores:
    labels = torch.from_numpy(is_delete(learned))
    fitted = fit_baseline(embeddings(learned), labels, torch.ones(len(labels)))
    return fitted.logits(embeddings(test)).numpy()


def nearest(learned: Sequence[Row], test: Sequence[Row], _: Sequence[bytes]) -> Scores:
    alike = embeddings(test).double() @ embeddings(learned).double().T  # (N, n), unit rows
    values, at = alike.topk(min(NEIGHBOURS, len(learned)), dim=1)
    signs = torch.where(torch.from_numpy(is_delete(learned)), 1.0, -1.0)[at]
    return (values * signs).sum(1).numpy()


def sharpness(_: Sequence[Row], test: Sequence[Row], __: Sequence[bytes]) -> Scores:
    column = blocks_of(test, [], [])["measured"][:, measured.NAMES.index("sharpness")]
    values = column.double().numpy()
    return -np.where(np.isfinite(values), values, np.nanmean(values))


METHODS: dict[str, Callable[[Sequence[Row], Sequence[Row], Sequence[bytes]], Scores]] = {
    "ours": ours,
    "logistic": logistic,
    "nearest": nearest,
    "sharpness": sharpness,
}


def shown(values: Sequence[float]) -> str:
    """Return mean and standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):.3f} ±{error:.3f}"


def evaluate(task: Task, sizes: Sequence[int], count: int) -> None:
    deletes = int(is_delete(task.rows).sum())
    print(f"\n{task.name}: {deletes} deletes, {len(task.rows) - deletes} keeps, {count} draws")
    print(f"{'k':>4} {'':10} {'AUROC':>14} {'average precision':>18}")
    for k in sizes:
        figures: dict[str, tuple[list[float], list[float]]] = {m: ([], []) for m in METHODS}
        for learned, test in draws(task, k, count):
            truth = is_delete(test)
            for name, method in METHODS.items():
                scores = method(learned, test, task.roots)
                figures[name][0].append(auroc(scores, truth))
                figures[name][1].append(average_precision(scores, truth))
        for name, (areas, precisions) in figures.items():
            print(f"{k:>4} {name:10} {shown(areas):>14} {shown(precisions):>18}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=Path, nargs="+", help="folders with keep/ and delete/")
    parser.add_argument("--backbone", default="descriptor", help="descriptor or onnx:PATH")
    parser.add_argument("--k", default="5,20,80", help="photos of each label to learn from")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--count", type=int, default=500, help="photos of the drawn library")
    parser.add_argument("--seed", type=int, default=1, help="of the drawn library")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up then as well
    sizes = [int(k) for k in options.k.split(",")]
    if min(sizes) < LEAST:
        raise SystemExit(f"--k {options.k}: {LEAST} of each label are the least")
    use_one_thread()
    print(f"backbone: {options.backbone}")
    if options.tasks:
        for folder in options.tasks:
            evaluate(task_from(folder, options.backbone), sizes, options.draws)
        return
    with tempfile.TemporaryDirectory(prefix="triaged-bench-") as name:
        task = drawn_task(Path(name), options.count, options.seed, options.backbone)
        evaluate(task, sizes, options.draws)


if __name__ == "__main__":
    main()
