"""The demo: a library, a person, the real daemon, and what it has learned from them.

    1   a library is drawn (or copied), the daemon reads it
    2   the person goes through a part of it: deletes, favourites, one slip restored
    3   the daemon learns; the person goes through a second part, unseen by the model so far
    4   shown: how well the scores before those acts agreed with them, and what is listed now

Nothing is canned: the numbers come out of `triaged status`, the reasons out of `triaged explain`.
"""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from triaged.core.filekinds import kind_of
from triaged.core.record import auroc_of_pairs
from triaged.core.types import FileKind
from triaged.demo.library import make_library
from triaged.demo.person import Home
from triaged.demo.sheet import contact_sheet
from triaged.errors import UserError

_COUNT = 320
_SEED = 2026
_PART = 105  # photos the person goes through in one sitting
_AT_A_TIME = 16  # photos looked at in one go
_BREATH_SECONDS = 2.2  # between two goes: longer than what makes them one act
_NEARLY = 0.9
_OWN_MOST = 600
_SHEET_ROWS = 4
_SHEET_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of the scratch library, and whether its owner wants it gone."""

    path: Path
    is_unwanted: bool


@dataclass(frozen=True, slots=True)
class Sitting:
    """What the person did in one sitting."""

    deleted: int
    kept: int


def play(own: tuple[bytes, bytes] | None, *, keep_home: bool, sheet: Path | None) -> Iterator[Any]:
    """Play the demo; yield what is to be printed. `own` are folders of kept and deleted photos.

    Raises UserError if a step takes for ever, or the folders hold too little.
    """
    begun = time.monotonic()
    home_path = Path(tempfile.mkdtemp(prefix="triaged-demo-"))
    say = Console(stderr=True).print
    try:
        with Home(home_path) as home:
            say(f"drawing a library in {home.pictures}" if own is None else "copying your photos")
            photos = _library(home, own)
            home.start_daemon()
            say(f"the daemon reads {len(photos)} photos")
            home.wait_until("all is read", lambda s: _is_read(s, len(photos)))
            yield from _acts(home, photos, say)
            kept_sheet = sheet or (home_path / "likely-delete.png" if keep_home else None)
            yield from _listed(home, kept_sheet)
    finally:
        if not keep_home:
            shutil.rmtree(home_path, ignore_errors=True)
    left = f", scratch home {home_path}" if keep_home else ""
    yield Text(f"\n{time.monotonic() - begun:.0f} s{left}", "dim")


def _is_read(status: dict[str, Any], count: int) -> bool:
    return bool(status["waiting"] == 0 and status["photos"].get("library", 0) >= count)


def _library(home: Home, own: tuple[bytes, bytes] | None) -> list[Photo]:
    if own is None:
        drawn = make_library(home.pictures, _COUNT, _SEED)
        return [Photo(d.path, d.is_unwanted) for d in drawn]
    photos = []
    for folder, is_unwanted in zip(own, (False, True), strict=True):
        found = _own_photos(Path(os.fsdecode(folder)))
        for number, source in enumerate(found[: _OWN_MOST // 2]):
            target = home.pictures / f"{int(is_unwanted)}_{number:04}{source.suffix}"
            shutil.copy2(source, target)
            photos.append(Photo(target, is_unwanted))
    if min(sum(p.is_unwanted for p in photos), sum(not p.is_unwanted for p in photos)) < 30:
        raise UserError("the demo needs at least 30 photos in each of the two folders")
    return _neutrally_named(photos)


def _neutrally_named(photos: Sequence[Photo]) -> list[Photo]:
    """Shuffle and rename photos, so that neither name nor order says what they are."""
    order = list(photos)
    random.Random(_SEED).shuffle(order)
    renamed = []
    for number, photo in enumerate(order):
        target = photo.path.with_name(f"IMG_{number:04}{photo.path.suffix}")
        renamed.append(Photo(photo.path.rename(target), photo.is_unwanted))
    return renamed


def _own_photos(folder: Path) -> list[Path]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and kind_of(os.fsencode(path.name)) is FileKind.IMAGE
    ]
    random.Random(_SEED).shuffle(files)
    return files


def _acts(home: Home, photos: Sequence[Photo], say: Any) -> Iterator[Any]:
    """Have the person act in two sittings; yield the record of the second, then what was done."""
    order = list(photos)
    random.Random(_SEED + 1).shuffle(order)
    part = min(_PART, len(order) // 3)
    say(f"first sitting: the person goes through {part} photos")
    first = _sit(home, order[:part])
    home.wait_until("it has learned", lambda s: _has_learned(s, first.deleted, first.kept))
    say(f"second sitting: {part} more, which the model has only scored so far")
    second = _sit(home, order[part : 2 * part])
    deleted, kept = first.deleted + second.deleted, first.kept + second.kept
    home.wait_until("it has learned more", lambda s: _has_learned(s, deleted, kept))
    yield _record(home, {str(photo.path) for photo in order[part : 2 * part]})
    slip = next(photo.path for photo in order[:part] if photo.is_unwanted)
    home.restore(slip)
    home.wait_until("the slip is undone", lambda s: s["labels"]["keep"] > kept)
    yield _done(len(photos), first, second, slip)


def _has_learned(status: dict[str, Any], deletes: int, keeps: int) -> bool:
    """Return whether so much is decided, and a model of nearly all of it has scored the library.

    The last few decisions may wait: a fit is due after some more of them, or five minutes.
    """
    labels, model = status["labels"], status["model"]
    is_decided = (labels["delete"], labels["keep"]) == (deletes, keeps)
    if not is_decided or model is None or status["scored_by"] != model["id"]:
        return False
    return bool(model["deletes"] + model["keeps"] >= _NEARLY * (deletes + keeps))


def _record(home: Home, paths: set[str]) -> Text:
    """Return how the scores that photos had before the acts agreed with the acts."""
    rows = [row for row in home.ask("labels") if row["path"] in paths]
    scored = [row for row in rows if row["score_before"] is not None]
    deleted = [row["score_before"] for row in scored if row["label"] == "delete"]
    kept = [row["score_before"] for row in scored if row["label"] == "keep"]
    auroc = auroc_of_pairs(deleted, kept)
    if auroc is None:
        raise UserError("the second sitting was not scored before it was acted on")
    return Text.assemble(
        ("AUROC ", "bold"),
        (f"{auroc:.3f}", "bold green"),
        f" of the scores that photos had before the owner acted on them"
        f" ({len(deleted)} deletes, {len(kept)} keeps)",
    )


def _sit(home: Home, photos: Sequence[Photo]) -> Sitting:
    """Go through photos a handful at a time, as a person does: delete some, keep the others."""
    for start in range(0, len(photos), _AT_A_TIME):
        handful = photos[start : start + _AT_A_TIME]
        home.keep([photo.path for photo in handful if not photo.is_unwanted])
        if unwanted := [photo.path for photo in handful if photo.is_unwanted]:
            home.trash(unwanted)
        time.sleep(_BREATH_SECONDS)
    deleted = sum(photo.is_unwanted for photo in photos)
    return Sitting(deleted, len(photos) - deleted)


def _done(count: int, first: Sitting, second: Sitting, slip: Path) -> Table:
    table = Table(title="What the person did", title_justify="left", box=None)
    for column in ("", "put in the trash", "moved to Favourites"):
        table.add_column(column, justify="right" if column else "left")
    table.add_row("first sitting, no model yet", str(first.deleted), str(first.kept))
    table.add_row("second sitting, scored before", str(second.deleted), str(second.kept))
    table.caption = f"in a library of {count} photos; {slip.name} was restored from the trash"
    return table


def _listed(home: Home, sheet: Path | None) -> Iterator[Any]:
    """Yield the first rows of `likely-delete`, and why the first three are there."""
    status = home.wait_until("there is a list", lambda s: s["review"]["listed"] > 0)
    targets = {link: link.resolve() for link in sorted(home.likely_delete.iterdir())}
    links = list(targets)
    yield Text(f"\n{home.likely_delete}", "bold", no_wrap=True, overflow="ignore")
    table = Table(box=None, pad_edge=False)
    table.add_column("link", no_wrap=True)
    table.add_column("photo", no_wrap=True)
    for link in links[:10]:
        table.add_row(link.name, str(targets[link].relative_to(home.pictures)))
    table.caption = f"{len(links)} links, {status['review']['bytes'] / 1e6:.0f} MB"
    yield table
    for link in links[:3]:
        why = home.ask("explain", str(targets[link]))
        yield Text.assemble((f"{link.name} ", "bold"), f"{why['score']:.0%}: {why['reason']}")
    if sheet is None:
        return
    shown = links[: _SHEET_ROWS * _SHEET_COLUMNS]
    contact_sheet(
        [targets[link] for link in shown],
        sheet,
        [link.name for link in shown],
        columns=_SHEET_COLUMNS,
    )
    yield Text(f"contact sheet: {sheet}")
