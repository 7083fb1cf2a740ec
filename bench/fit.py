"""What learning costs as the labels grow: time and memory of a fit, and of scoring a library.

    ours      `fit_rows`, from rows as the database gives them to the calibrated model
    logistic  plain logistic regression on the embedding alone (`ml/baseline.py`)

Rows are made up, with the widths of mobilenet_v2: 32 hidden traits, of which the owner minds a
few, show in every block, with noise. Every fit has a process of its own and one thread, as in the
worker; its memory is the most that it took beyond the rows. Scoring makes its rows in batches, as
the database hands them out, and the time of making them does not count: `scores` is the bare
probability, `reasons` is all that the worker writes down of a photo.
"""

import argparse
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triaged.ml import measured
from triaged.ml.baseline import Baseline, fit_baseline
from triaged.ml.device import use_one_thread
from triaged.ml.exif import Facts
from triaged.ml.features import Features
from triaged.ml.fitting import Fitted, fit_rows, record
from triaged.ml.rows import blocks_of, row_of
from triaged.ml.scoring import Scorer

EMBEDDING, LEVELS, TRAITS = 1280, 1488, 32
BATCH = 1_000  # rows that the database hands out at once
ROOT = b"/home/owner/Pictures"
NOISE = 1.0
HALF_LIFE_DAYS = 730.0
CAMERAS = ("Google Pixel 6", "Apple iPhone 13", None)

Row = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class World:
    """How traits show in the blocks, and what the owner minds; the same in every process."""

    embedding: Floats
    levels: Floats
    measured: Floats
    taste: Floats


def world() -> World:
    rng = np.random.default_rng(0)
    return World(
        embedding=rng.standard_normal((TRAITS, EMBEDDING), dtype=np.float32),
        levels=rng.standard_normal((TRAITS, LEVELS), dtype=np.float32),
        measured=rng.standard_normal((TRAITS, len(measured.NAMES)), dtype=np.float32),
        taste=rng.standard_normal(TRAITS, dtype=np.float32),
    )


def make_rows(here: World, count: int, seed: int) -> list[Row]:
    """Return decided rows as the database has them."""
    rng = np.random.default_rng(seed)
    traits = rng.standard_normal((count, TRAITS), dtype=np.float32)  # (N, T)

    def block(shown: Floats) -> Floats:
        noise = rng.standard_normal((count, shown.shape[1]), dtype=np.float32)
        return traits @ shown / np.float32(TRAITS**0.5) + np.float32(NOISE) * noise

    embedding, levels, numbers = block(here.embedding), block(here.levels), block(here.measured)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    minded = traits @ here.taste + rng.standard_normal(count, dtype=np.float32)
    rows = []
    for n in range(count):
        hour = int(rng.integers(10**5)) * 3600.0
        camera = CAMERAS[int(rng.integers(len(CAMERAS)))]
        facts = Facts(4000, 3000, "JPEG", 4_000_000, 1, taken_at=hour, camera=camera, iso=100.0)
        name = b"IMG_%06d.jpg" % n
        content_hash = f"{seed:016x}{n:016x}"
        features = Features(content_hash, facts, embedding[n], levels[n], numbers[n])
        row = row_of(features, name, b"%s/%04d/%s" % (ROOT, rng.integers(50), name))
        label = "delete" if minded[n] > 0 else "keep"
        decided = {"label": label, "weight": 1.0, "size_of_act": 1, "gesture": f"{seed} {n}"}
        rows.append(row | decided | {"at": None, "shot": n, "content_hash": content_hash})
    return rows


def labelled(count: int) -> list[Row]:
    here, rows = world(), []
    for start in range(0, count, BATCH):
        rows += make_rows(here, min(BATCH, count - start), 1 + start)
    return rows


def fit_ours(rows: list[Row]) -> Fitted:
    fitted = fit_rows(rows, [], [ROOT], 0.0, HALF_LIFE_DAYS)
    if fitted is None:
        raise SystemExit("too few labels for a fit")
    return fitted


def fit_logistic(rows: list[Row]) -> Baseline:
    x = blocks_of(rows, [ROOT], [])["embedding"]
    labels = torch.tensor([row["label"] == "delete" for row in rows])
    return fit_baseline(x, labels, torch.ones(len(rows)))


FITS: dict[str, Callable[[list[Row]], object]] = {"ours": fit_ours, "logistic": fit_logistic}


def memory_mb(field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def measure_fit(method: str, count: int) -> tuple[float, float]:
    """Return seconds and peak megabytes of one fit. Runs in a process of its own."""
    use_one_thread()
    FITS[method](labelled(40))  # what is loaded at first use is no part of a fit
    rows = labelled(count)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    before = memory_mb("VmRSS")
    begin = time.process_time()
    FITS[method](rows)
    return time.process_time() - begin, memory_mb("VmHWM") - before


def measure_scoring(method: str, count: int, photos: int) -> tuple[float, float]:
    """Return seconds and peak megabytes of scoring. Runs in a process of its own."""
    use_one_thread()
    score = scoring(method, labelled(count))
    here, seconds = world(), 0.0
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_mb("VmRSS")
    for rows in batches(here, photos):
        begin = time.process_time()
        with torch.inference_mode():
            score(rows)
        seconds += time.process_time() - begin
    return seconds, memory_mb("VmHWM") - before


def batches(here: World, photos: int) -> Iterator[list[Row]]:
    for start in range(0, photos, BATCH):
        yield make_rows(here, min(BATCH, photos - start), 10**6 + start)


def scoring(method: str, rows: list[Row]) -> Callable[[list[Row]], object]:
    """Return what scores one batch, after a fit of `rows`."""
    if method == "logistic":
        baseline = fit_logistic(rows)
        return lambda batch: baseline.logits(blocks_of(batch, [ROOT], [])["embedding"])
    fitted = fit_ours(rows)
    if method == "scores":
        used = fitted.summary["context"]
        return lambda batch: fitted.preference.probabilities(blocks_of(batch, [ROOT], used))
    model = record(fitted, "none", "0", 0) | {"id": 1}
    return Scorer(model, [ROOT]).score


def alone(function: Callable[..., tuple[float, float]], *arguments: object) -> tuple[float, float]:
    """Return what `function` does in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", default="160,1000,5000,25000")
    parser.add_argument("--photos", type=int, default=100_000, help="to score; 0 for none")
    parser.add_argument("--model", type=int, default=1_000, help="labels of the model that scores")
    options = parser.parse_args()
    print("processor time, one thread\n")
    print(f"{'labels':>8}{'ours':>12}{'':>11}{'logistic':>12}{'':>11}{'ratio':>8}")
    for count in (int(part) for part in options.labels.split(",")):
        print(f"{count:>8,}", end="", flush=True)
        seconds = []
        for method in FITS:
            taken, megabytes = alone(measure_fit, method, count)
            seconds.append(taken)
            print(f"{taken:>10.2f} s{megabytes:>8,.0f} MB", end="", flush=True)
        print(f"{seconds[0] / seconds[1]:>8.2f}")
    if options.photos:
        print(f"\n{options.photos:,} photos scored by a model of {options.model:,} labels")
        for method in ("logistic", "scores", "reasons"):
            taken, megabytes = alone(measure_scoring, method, options.model, options.photos)
            rate = options.photos / taken
            print(f"{method:>10}{taken:>9.1f} s{rate:>9,.0f}/s{megabytes:>8,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
