"""Every key of the configuration: what it may be, and the sentence that explains it.

The order is that of the example file. A check returns the value as the program uses it, or raises
Rejected.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table: where the key stands, what it may be, what it does."""

    name: str
    check: Callable[[Any], Any]
    allowed: str
    says: str


class Rejected(ValueError):  # noqa: N818  # a judgement, read as a sentence
    """A value that its key does not allow."""


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Rejected
        if not low <= value <= high:
            raise Rejected
        return float(value)

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Rejected
        return value

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Rejected
    return value


def absolute_path(value: Any) -> bytes:
    """Return a path with `~` and variables resolved; raises Rejected unless it is absolute."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise Rejected
    expanded = os.path.expandvars(os.path.expanduser(value))
    if not os.path.isabs(expanded):
        raise Rejected
    return os.path.normpath(os.fsencode(expanded))


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Rejected
    return tuple(value)


def _triple(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 3:
        raise Rejected
    return tuple(_number(-1e4, 1e4)(item) for item in value)


def _spread(value: Any) -> tuple[float, ...]:
    triple = _triple(value)
    if min(triple) <= 0:
        raise Rejected
    return triple


def _backbone(value: Any) -> str:
    if not isinstance(value, str):
        raise Rejected
    if value in ("auto", "descriptor"):
        return value
    family, _, name = value.partition(":")
    if family not in ("torchvision", "onnx") or not name:
        raise Rejected
    return f"onnx:{os.path.abspath(os.path.expanduser(name))}" if family == "onnx" else value


KEYS: tuple[Key, ...] = (
    Key(
        "backbone",
        _backbone,
        "auto, descriptor, torchvision:NAME or onnx:PATH",
        "What looks at the pictures. auto: a downloaded network where that works, else the built-in"
        " descriptor.",
    ),
    Key(
        "exclude",
        _patterns,
        "a list of patterns such as 'Raw/*'",
        "Folders to leave alone: patterns matched against the path below a root.",
    ),
    Key("xattrs", _flag, "true or false", "Write the score to extended attributes of each photo."),
    Key(
        "scan.settle_seconds",
        _number(0, 600),
        "0 to 600 seconds",
        "How long a folder must be quiet before it is looked at (seconds).",
    ),
    Key(
        "scan.gone_seconds",
        _number(0, 3600),
        "0 to 3600 seconds",
        "How long a file must be missing until it is gone (seconds). Gone is never a label.",
    ),
    Key(
        "scan.interval_minutes",
        _number(1, 10080),
        "1 to 10080 minutes",
        "How often everything is looked at, whatever the hints said (minutes).",
    ),
    Key(
        "learn.min_labels",
        _whole(5, 10000),
        "a whole number, 5 to 10000",
        "How many deletions it takes before likely-delete is filled (photos).",
    ),
    Key(
        "learn.settled_days",
        _number(1, 36500),
        "1 to 36500 days",
        "Photos older than this that nobody touched count a little as kept (days since capture).",
    ),
    Key(
        "learn.half_life_days",
        _number(1, 36500),
        "1 to 36500 days",
        "After this long a decision weighs half (days): taste changes.",
    ),
    Key(
        "review.folder",
        absolute_path,
        "an absolute path, or one below ~",
        "Where the folders of links are kept. Outside every root.",
    ),
    Key(
        "review.size",
        _whole(1, 100000),
        "a whole number, 1 to 100000",
        "How many links likely-delete holds at most (photos).",
    ),
    Key(
        "review.min_score",
        _number(0, 1),
        "0 to 1",
        "The lowest delete score that is listed (probability).",
    ),
    Key(
        "review.min_age_days",
        _number(0, 36500),
        "0 to 36500 days",
        "Younger photos are never listed (days since capture).",
    ),
    Key(
        "worker.decoders",
        _whole(0, 256),
        "a whole number, 0 to 256",
        "Processes that decode pictures; 0 is one for each core.",
    ),
    Key(
        "worker.idle_seconds",
        _number(0, 3600),
        "0 to 3600 seconds",
        "How long the worker stays when there is nothing to do (seconds).",
    ),
    Key(
        "worker.file_seconds",
        _number(1, 3600),
        "1 to 3600 seconds",
        "The longest one file may take to decode (seconds).",
    ),
    Key(
        "worker.max_megapixels",
        _number(1, 10000),
        "1 to 10000 megapixels",
        "Larger pictures are not decoded (megapixels).",
    ),
    Key(
        "onnx.size_px",
        _whole(16, 2048),
        "a whole number, 16 to 2048",
        "Side of the square that an onnx: backbone takes (pixels).",
    ),
    Key(
        "onnx.mean",
        _triple,
        "three numbers",
        "Mean that is subtracted from each channel in 0..1, unless the model does that itself.",
    ),
    Key(
        "onnx.std",
        _spread,
        "three numbers above 0",
        "Deviation that each channel is divided by, unless the model does that itself.",
    ),
)
