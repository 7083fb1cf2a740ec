"""A believable photo library on disk, and what its pretend owner would delete.

    what the owner does                                       share
    --------------------------------------------------------  -----
    keeps landscapes, portraits, streets, meals, flowers      1
    deletes blurred, dark and burnt ones, receipts            1
    deletes screenshots, memes, photographed papers           .95
    deletes the shaken frames of a burst, keeps the sharp     1
    then changes his mind at random                           .02

Folders are mixed on purpose: a receipt lies among the holiday pictures and a good landscape comes
by messenger, so that a folder's name alone tells little. Dates lie in 2021 to 2024.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from triaged.demo.canvas import Rng, between, chance, one
from triaged.demo.pictures import SCENES, draw, draw_series
from triaged.demo.saving import save

_FIRST_DAY = datetime(2021, 1, 3)
_DAYS = 1440  # to December 2024
_FICKLE = 0.02
_MIX = {
    "landscape": 0.19, "portrait": 0.17, "city": 0.12, "food": 0.09, "flower": 0.09,
    "screenshot": 0.09, "receipt": 0.06, "meme": 0.06, "document": 0.02,
    "blurred": 0.06, "dark": 0.04, "burnt": 0.01,
}  # fmt: skip
_IN_BURSTS = 0.16  # share of all pictures
_DELETED = {
    "receipt": 1.0, "blurred": 1.0, "dark": 1.0, "burnt": 1.0,
    "screenshot": 0.95, "meme": 0.95, "document": 0.95,
}  # fmt: skip
_TRIPS = ("Summer", "Lisbon", "Alps", "Birthday", "Garden", "Christmas", "Weekend", "Coast")
_CAMERAS = {
    "android": "samsung SM-G991B", "pixel": "Google Pixel 6",
    "iphone": "Apple iPhone 13", "camera": "SONY ILCE-6400",
}  # fmt: skip
_SPAWN_FROM = 24  # below, starting helpers takes longer than drawing


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture of the library: where it lies, what it shows, whether its owner wants it gone."""

    path: Path
    kind: str
    taken_at: datetime
    is_unwanted: bool


@dataclass(frozen=True, slots=True)
class _Shot:
    """What is to be drawn into one file; `frame` counts within a burst and is -1 outside one."""

    path: Path
    kind: str
    seed: int
    taken_at: datetime
    camera: str | None
    fickle: bool
    taste: float
    frame: int = -1


@dataclass(frozen=True, slots=True)
class _Job:
    """The files made from one drawing: one, or the frames of a burst."""

    shots: tuple[_Shot, ...]
    long_side_px: int


def make_library(
    folder: str | os.PathLike[str],
    count: int,
    seed: int,
    *,
    long_side_px: int = 1280,
    workers: int | None = None,
) -> list[Drawn]:
    """Draw `count` pictures below `folder` and return them by date; same seed, same library.

    `workers` processes draw at once, as many as there are processors when None. The path of each
    is unique; nothing in `folder` is touched besides.
    """
    jobs = list(_jobs(np.random.default_rng(seed), Path(folder), count, long_side_px))
    for place in {shot.path.parent for job in jobs for shot in job.shots}:
        place.mkdir(parents=True, exist_ok=True)
    wanted = workers or len(os.sched_getaffinity(0))
    if wanted < 2 or count < _SPAWN_FROM:
        made = [_make(job) for job in jobs]
    else:
        # Spawned, not forked: the caller may hold threads and locks of numeric libraries.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(wanted, mp_context=context) as pool:
            made = list(pool.map(_make, jobs, chunksize=4))
    return sorted((d for drawn in made for d in drawn), key=lambda d: (d.taken_at, d.path))


def _jobs(rng: Rng, folder: Path, count: int, long_side_px: int) -> Iterator[_Job]:
    """Yield what is to be drawn, `count` files in all."""
    taken: set[Path] = set()
    made = 0
    kinds, shares = tuple(_MIX), np.array(list(_MIX.values()))
    while made < count:
        burst = 1
        if chance(rng, _IN_BURSTS / 4.5 / (1 - _IN_BURSTS + _IN_BURSTS / 4.5)):
            burst = min(int(rng.integers(3, 7)), count - made)
        if burst > 2:
            kind = one(rng, tuple(SCENES))
        else:
            burst, kind = 1, str(rng.choice(kinds, p=shares / shares.sum()))
        yield _Job(tuple(_shots(rng, folder, kind, burst, taken)), long_side_px)
        made += burst


def _shots(rng: Rng, folder: Path, kind: str, burst: int, taken: set[Path]) -> Iterator[_Shot]:
    """Yield the files of one drawing, with names and times."""
    at = _moment(rng, kind)
    place, style = _place(rng, kind, at) if burst == 1 else _camera_place(rng, at)
    camera = _CAMERAS.get(style)  # screens and messengers leave none
    seed = int(rng.integers(2**31))
    for number in range(burst):
        path = folder / place / _name(rng, style, at)
        while path in taken:
            at += timedelta(seconds=1)
            path = folder / place / _name(rng, style, at)
        taken.add(path)
        frame = number if burst > 1 else -1
        yield _Shot(path, kind, seed, at, camera, chance(rng, _FICKLE), rng.random(), frame)
        at += timedelta(seconds=int(rng.integers(1, 3)), milliseconds=int(rng.integers(1000)))


def _moment(rng: Rng, kind: str) -> datetime:
    """Return when such a picture is taken: meals at meal times, screens late, most by day."""
    day = _FIRST_DAY + timedelta(days=int(rng.integers(_DAYS)))
    hour = {
        "food": one(rng, (9.0, 13.0, 19.5)), "screenshot": 20.0, "meme": 19.0, "receipt": 17.0,
    }.get(kind, 14.5)  # fmt: skip
    hours = float(np.clip(hour + rng.normal(0, 2.6), 0.2, 23.8))
    return day + timedelta(seconds=int(hours * 3600), milliseconds=int(rng.integers(1000)))


def _place(rng: Rng, kind: str, at: datetime) -> tuple[str, str]:
    """Return the folder and the naming style of a single picture."""
    if kind == "screenshot":
        where = one(rng, ("Screenshots", "Screenshots", "Camera/Screenshots", _month(at)))
        return where, "screenshot"
    if kind == "meme":
        where = one(rng, ("WhatsApp Images", "WhatsApp Images", "Camera", _month(at)))
        return where, "messenger"
    if chance(rng, 0.14):
        return "WhatsApp Images", "messenger"
    return _camera_place(rng, at)


def _camera_place(rng: Rng, at: datetime) -> tuple[str, str]:
    """Return the folder and naming style of something the owner's camera took."""
    style = one(rng, ("android", "android", "pixel", "iphone", "camera"))
    return ("Camera" if chance(rng, 0.35) else _month(at)), style


def _month(at: datetime) -> str:
    """Return the dated folder for `at`; each month has one name, so that folders fill."""
    trip = _TRIPS[(at.year * 12 + at.month) % len(_TRIPS)]
    return f"{at.year}/{at:%Y-%m} {trip}"


def _name(rng: Rng, style: str, at: datetime) -> str:
    """Return a file name as such a device gives it."""
    number = int(rng.integers(1, 9999))
    match style:
        case "screenshot":
            return f"Screenshot_{at:%Y%m%d-%H%M%S}.png"
        case "messenger":
            return f"IMG-{at:%Y%m%d}-WA{number % 100:04d}.jpg"
        case "pixel":
            return f"PXL_{at:%Y%m%d_%H%M%S}{at.microsecond // 1000:03d}.jpg"
        case "iphone":
            return f"IMG_{number:04d}.HEIC"
        case "camera":
            return f"DSC{number:05d}.JPG"
        case _:
            return f"IMG_{at:%Y%m%d_%H%M%S}.jpg"


def _make(job: _Job) -> list[Drawn]:
    """Draw and save the files of one job."""
    first = job.shots[0]
    if first.frame < 0:
        image = draw(first.kind, first.seed, job.long_side_px)
        return [_keep(first, image, is_sharp=True)]
    frames = draw_series(first.kind, first.seed, len(job.shots), job.long_side_px)
    return [_keep(shot, *frame) for shot, frame in zip(job.shots, frames, strict=True)]


def _keep(shot: _Shot, image: Image.Image, is_sharp: bool) -> Drawn:
    """Save one picture as its device would, and return what its owner thinks of it."""
    rng = np.random.default_rng((shot.seed, shot.frame + 1))
    if shot.camera is None:
        save(image, shot.path, taken_at=None, quality=int(rng.integers(68, 84)))
        os.utime(shot.path, (shot.taken_at.timestamp(),) * 2)
    else:
        _expose(rng, shot, image)
    is_unwanted = not is_sharp or shot.taste < _DELETED.get(shot.kind, 0.0)
    return Drawn(shot.path, shot.kind, shot.taken_at, is_unwanted != shot.fickle)


def _expose(rng: Rng, shot: _Shot, image: Image.Image) -> None:
    """Save a picture with the exposure that its light would have asked for."""
    mean = float(np.asarray(image.convert("L").reduce(16)).mean())
    iso = int(np.clip(50 * 2 ** round(max(0.0, 130 - mean) / 22 + rng.normal(0, 0.8)), 50, 6400))
    stops = float(np.clip((mean - 60) / 25 + rng.normal(0, 1), -2, 5))
    save(
        image,
        shot.path,
        taken_at=shot.taken_at,
        camera=shot.camera,
        exposure_seconds=1 / round(30 * 2**stops),
        aperture=1.8 if shot.camera != "SONY ILCE-6400" else one(rng, (2.8, 4.0, 5.6, 8.0)),
        iso=iso,
        flash=mean < 70 and chance(rng, 0.3),
        focal_mm=4.4 if shot.camera != "SONY ILCE-6400" else between(rng, 16, 55),
        bias_ev=0.0,
        quality=int(rng.integers(84, 93)),
    )
