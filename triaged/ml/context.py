"""The circumstances of a photo, known before its owner acted on it, as numbers.

    group     columns                                                          unknown when
    --------  ---------------------------------------------------------------  -----------------
    camera    taken by a camera at all; make and model hashed                  never
    exposure  log2 of time, aperture, ISO, focal length, scene light; flash    EXIF lacks all
    time      hour and day of the year, two harmonics each; weekday; weekend   no capture time
    folder    words of the folder in the library, hashed                       not in the library
    name      words and number of digits of the file name; its extension       never
    series    log2 of how many shots the scene has; place among them, 0..1     not in a series

Only words, never digits: a number in a name is a date or a counter, which would tell single photos
apart. No absolute date either: it would learn when the owner tidied up. An unknown group is NaN in
all its columns. Words are hashed by BLAKE2b, the same in every process (Weinberger et al. 2009,
"Feature hashing for large scale multitask learning").

The leak rule stands at `informative_groups`.
"""

import hashlib
import math
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from triaged.ml.leaks import is_lopsided, is_too_good

VERSION = 1

_CAMERA_BUCKETS = 8
_FOLDER_BUCKETS = 24
_NAME_BUCKETS = 24
_EXTENSIONS = (
    frozenset({"jpg", "jpeg"}),
    frozenset({"png"}),
    frozenset({"heic", "heif", "avif"}),
    frozenset({"webp"}),
    frozenset({"gif"}),
)
_WIDTHS = {
    "camera": 1 + _CAMERA_BUCKETS,
    "exposure": 6,
    "time": 11,
    "folder": _FOLDER_BUCKETS,
    "name": _NAME_BUCKETS + 1 + len(_EXTENSIONS),
    "series": 2,
}
_WORD = re.compile(r"[^\W\d_]{2,}")
_DIGIT = re.compile(r"\d")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # plus a span: years before 1970 work too
_NAME_WORDS = 4  # a whole sentence in a name is about one photo
_LONGEST_DIGITS = 20


def _slices() -> dict[str, slice]:
    groups, start = {}, 0
    for name, width in _WIDTHS.items():
        groups[name] = slice(start, start + width)
        start += width
    return groups


GROUPS = _slices()
DIMENSION = sum(_WIDTHS.values())


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What was known of a photo before the act. `taken_at` is local wall clock read as if UTC.

    `folder` is relative to the library root and None for what never lay in the library (an
    archive, a scratch folder); never a trash's. `series_rank` counts from 0 in order of capture.
    """

    name: bytes
    folder: bytes | None = None
    taken_at: float | None = None
    camera: str | None = None
    flash: bool | None = None
    exposure_seconds: float | None = None
    aperture: float | None = None
    iso: float | None = None
    focal_mm: float | None = None
    series_size: int | None = None
    series_rank: int | None = None


def context(circumstances: Sequence[Circumstance]) -> NDArray[np.float32]:
    """Return (N, DIMENSION) float32, columns as in `GROUPS`, NaN where a whole group is unknown."""
    rows = np.full((len(circumstances), DIMENSION), np.nan, np.float32)
    for row, circumstance in zip(rows, circumstances, strict=True):
        row[GROUPS["camera"]] = _camera(circumstance)
        row[GROUPS["exposure"]] = _exposure(circumstance)
        row[GROUPS["time"]] = _time(circumstance)
        row[GROUPS["folder"]] = _folder(circumstance)
        row[GROUPS["name"]] = _name(circumstance)
        row[GROUPS["series"]] = _series(circumstance)
    return rows


def informative_groups(x: NDArray[np.float32], labels: NDArray[np.bool_]) -> set[str]:
    """Return the groups of `x (n, DIMENSION)` that may take part in a fit of `labels (n,)`.

    Deletes taught from an archive have no folder, perhaps new names and no EXIF, while the keeps
    have them all; a model given that learns where a photo lies instead of what it is. A group is
    left out when

    1. one class has it more often than the other (a camera, for the group of that name): rates
       that differ by more than 0.2, or by more than 0.05 with p < 0.01 in Fisher's exact test; or
    2. one column alone is too good to be true: AUROC of at least 0.9 either way, with p < 0.01 in
       the Mann-Whitney test. A word that nine in ten deletes have and no keep has is an archive's
       name, or a taste so plain that the picture shows it too; or
    3. no labelled photo has it.

    A group dropped by mistake costs little, a leak costs the model. Sources: Fisher 1922; Mann,
    Whitney 1947. Raises ValueError unless both labels occur.
    """
    if labels.all() or not labels.any():
        raise ValueError("the leak rule needs both keeps and deletes")
    return {name for name, at in GROUPS.items() if _is_informative(name, x[:, at], labels)}


def keep_groups(x: NDArray[np.float32], names: Iterable[str]) -> NDArray[np.float32]:
    """Return a copy of `x (N, DIMENSION)` in which every group but `names` is unknown."""
    kept = np.full_like(x, np.nan)
    for name in names:
        kept[:, GROUPS[name]] = x[:, GROUPS[name]]
    return kept


def _is_informative(name: str, columns: NDArray[np.float32], labels: NDArray[np.bool_]) -> bool:
    known = columns[:, :1] > 0 if name == "camera" else np.isfinite(columns)
    is_present = known.max(axis=1)  # (n,)
    if not is_present.any() or is_lopsided(is_present, labels):
        return False
    return not any(is_too_good(column, labels) for column in columns.T)


def _camera(circumstance: Circumstance) -> list[float]:
    if circumstance.camera is None:
        return [0.0] * (1 + _CAMERA_BUCKETS)
    return [1.0, *_hashed("camera", [circumstance.camera.casefold().strip()], _CAMERA_BUCKETS)]


def _exposure(circumstance: Circumstance) -> list[float]:
    seconds, aperture = _log2(circumstance.exposure_seconds), _log2(circumstance.aperture)
    iso, focal = _log2(circumstance.iso), _log2(circumstance.focal_mm)
    light = 2 * aperture - seconds - iso  # the scene's exposure value, up to a constant
    flash = math.nan if circumstance.flash is None else float(circumstance.flash)
    return [seconds, aperture, iso, focal, light, flash]


def _time(circumstance: Circumstance) -> list[float]:
    try:
        at = math.nan if circumstance.taken_at is None else circumstance.taken_at
        taken = _EPOCH + timedelta(seconds=at)
    except (ValueError, OverflowError):  # no time, or none within the calendar
        return [math.nan] * _WIDTHS["time"]
    hour = (taken.hour + taken.minute / 60) / 24
    day = taken.timetuple().tm_yday / 366
    weekday = taken.weekday() / 7
    waves = [*_wave(hour), *_wave(2 * hour), *_wave(day), *_wave(2 * day), *_wave(weekday)]
    return [*waves, float(taken.weekday() >= 5)]


def _folder(circumstance: Circumstance) -> list[float]:
    if circumstance.folder is None:
        return [math.nan] * _FOLDER_BUCKETS
    return _hashed("folder", _words(circumstance.folder), _FOLDER_BUCKETS)


def _name(circumstance: Circumstance) -> list[float]:
    stem, suffix = os.path.splitext(circumstance.name)
    words = _hashed("name", _words(stem)[:_NAME_WORDS], _NAME_BUCKETS)
    digits = len(_DIGIT.findall(os.fsdecode(stem)))
    extension = os.fsdecode(suffix[1:]).lower()
    kinds = [float(extension in alike) for alike in _EXTENSIONS]
    return [*words, min(digits, _LONGEST_DIGITS) / _LONGEST_DIGITS, *kinds]


def _series(circumstance: Circumstance) -> list[float]:
    size, rank = circumstance.series_size, circumstance.series_rank
    if size is None or size < 1:
        return [math.nan, math.nan]
    return [math.log2(size), math.nan if rank is None else rank / max(size - 1, 1)]


def _words(text: bytes) -> list[str]:
    # Composed, because macOS writes accents as letters of their own.
    plain = unicodedata.normalize("NFC", os.fsdecode(text)).casefold()
    return _WORD.findall(plain)


def _hashed(group: str, words: Iterable[str], buckets: int) -> list[float]:
    columns = [0.0] * buckets
    for word in words:
        text = word.encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(text, digest_size=8, person=group.encode()).digest()
        columns[int.from_bytes(digest, "big") % buckets] = 1.0
    return columns


def _log2(value: float | None) -> float:
    return math.log2(value) if value is not None and 0 < value < math.inf else math.nan


def _wave(turn: float) -> tuple[float, float]:
    return math.sin(2 * math.pi * turn), math.cos(2 * math.pi * turn)
