"""What a trash notes about each thing in it: where it came from, and when. Pure.

freedesktop.org Trash specification 1.0, "Contents of a trash directory": the file `NAME.trashinfo`

    [Trash Info]
    Path=foo/bar/meow.bow-wow
    DeletionDate=2004-08-31T22:32:08

- `Path` is percent-encoded bytes, absolute, or relative to the folder in which the trash lies.
- `DeletionDate` is local time, without a zone.
- Of several `Path=` or `DeletionDate=` lines the first counts; all other lines are ignored.

digiKam's trash keeps `NAME.dtrashinfo` instead, a JSON object with `path` and `deletiontimestamp`.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes

LocalTime = tuple[int, int, int, int, int, int]
"""Year, month, day, hour, minute, second on the owner's clock; the zone is not known."""

_DATE = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)")
_QT_TEXT_DATE = "%a %b %d %H:%M:%S %Y"


@dataclass(frozen=True, slots=True)
class TrashInfo:
    """Where a trashed thing came from, absolute or relative as written, and when, if told."""

    path: bytes
    deleted_at_local: LocalTime | None


def parse(data: bytes) -> TrashInfo:
    """Return what the `.trashinfo` file `data` says.

    Raises ValueError when it is empty, half-written or no such file. A date that is complete but
    impossible is None. The last line needs no line end, unless it is the path: a path cut short
    would be another path.
    """
    header, _, body = data.partition(b"\n")
    if header.strip() != b"[Trash Info]":
        raise ValueError("no [Trash Info] header")
    path = _first_value(body, b"Path", needs_line_end=True)
    date = _first_value(body, b"DeletionDate", needs_line_end=False)
    if len(date) < len("YYYY-MM-DDTHH:MM:SS"):
        raise ValueError("the DeletionDate is cut short")
    return TrashInfo(_checked(unquote_to_bytes(path)), _local_time(date))


def parse_digikam(data: bytes) -> TrashInfo:
    """Return what digiKam's `.dtrashinfo` file `data` says; raises ValueError as `parse` does."""
    record = json.loads(data)  # a JSONDecodeError is a ValueError
    path = record.get("path") if isinstance(record, dict) else None
    if not isinstance(path, str):
        raise ValueError("no path")
    return TrashInfo(
        _checked(path.encode("utf-8", "surrogateescape")),
        _qt_time(str(record.get("deletiontimestamp"))),
    )


def _first_value(body: bytes, key: bytes, *, needs_line_end: bool) -> bytes:
    """Return the value of the first `key=` line of `body`, or raise ValueError."""
    lines = body.split(b"\n")
    for number, line in enumerate(lines):
        if line.startswith(key + b"="):
            if needs_line_end and number == len(lines) - 1:
                raise ValueError(f"the {key.decode()} is cut short")
            return line[len(key) + 1 :].rstrip(b"\r")
    raise ValueError(f"no {key.decode()}")


def _checked(path: bytes) -> bytes:
    """Return `path` if it can be one; the specification forbids `..` in it."""
    if not path.strip(b"/") or b"\0" in path or b".." in path.split(b"/"):
        raise ValueError(f"{path!r} is no path")
    return path


def _local_time(date: bytes) -> LocalTime | None:
    match = _DATE.match(date)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(digits) for digits in match.groups())
    try:
        datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    return year, month, day, hour, minute, second


def _qt_time(text: str) -> LocalTime | None:
    """Return the time of day that Qt's `QDateTime::toString` wrote, in either of its formats."""
    for read in (datetime.fromisoformat, lambda text: datetime.strptime(text, _QT_TEXT_DATE)):
        try:
            at = read(text)
        except ValueError:
            continue
        return at.year, at.month, at.day, at.hour, at.minute, at.second
    return None
