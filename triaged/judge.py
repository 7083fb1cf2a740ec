"""Judging: what the acts teach, once the worker has read the photos they are about.

Identity alone cannot see that an identical copy stays, or that two files of one name are two shots.
So an act waits until its photo's bytes are known (seconds), and is judged once, by
`core.decide.judge`. What a decided shot looked like is then kept beside the decision, because its
file may be gone tomorrow and its features can be thrown away.
"""

import json
import logging
import os
import time
from typing import Any, NamedTuple

from triaged.core.decide import FAVOURITE_RATING, ActKind, Member, judge
from triaged.core.shots import may_share_shot
from triaged.core.types import FileKind, Label, Role
from triaged.store.acts import NewAct, OpenAct, ScoreBefore
from triaged.store.overview import Overview
from triaged.store.state import Store

log = logging.getLogger(__name__)

_BATCH = 1_000
_PUT_AWAY = (ActKind.TRASHED, ActKind.DISCARDED, ActKind.FOUND, ActKind.TAUGHT)
"""Acts that teach nothing while an identical copy stays: they wait for photos of the same size."""


class Settled(NamedTuple):
    """How many photos were taken in, decisions made or taken back, and lessons kept."""

    read: int
    decisions: int
    lessons: int


def take_in(store: Store, overview: Overview) -> int:
    """Take in what the worker has read: hashes, capture times, ratings. Returns how many photos."""
    taken = 0
    while batch := overview.unread_contents(_BATCH):
        with store.transaction():
            for row in batch:
                facts = json.loads(row["facts"]) if row["facts"] else {}
                photo, rating = row["photo"], facts.get("rating")
                store.photos.set_content(photo, row["content_hash"], facts.get("taken_at"), rating)
                shot = _settle_shot(store, photo, row["shot"], facts.get("taken_at"))
                if rating is not None and rating >= FAVOURITE_RATING:
                    _note_rating(store, photo, shot)
        taken += len(batch)
    return taken


def _settle_shot(store: Store, photo: int, shot: int, taken_at: float | None) -> int:
    """Return the shot of a photo whose capture time is known now: its own if others differ."""
    others = [m for m in store.photos.members(shot) if m["photo"] != photo]
    if all(may_share_shot(taken_at, member["taken_at"]) for member in others):
        return shot
    own = store.photos.new_shot(taken_at)
    store.photos.set_shot(photo, own)
    return own


def _note_rating(store: Store, photo: int, shot: int) -> None:
    """Record that the owner has given a photo stars; once, while that stands."""
    standing = store.acts.label_of(shot)
    if standing is not None and standing["label"] == Label.KEEP.value:
        return
    path = store.photos.path_of(photo)
    act = NewAct(ActKind.RATED, photo, None, None, None, path, None, ScoreBefore())
    store.acts.add(act, None, 1, "taken", time.time())


def judge_open_acts(store: Store, overview: Overview) -> int:
    """Judge every act whose photo has been read; returns how many decisions were made."""
    if not store.acts.open():
        return 0
    unreadable = {row["photo"] for row in overview.quarantined()}
    decisions = 0
    with store.transaction():
        unread: dict[int, set[int]] = {}
        for photo, shot, size_bytes in store.photos.unread_at_home():
            if photo not in unreadable:
                unread.setdefault(size_bytes, set()).add(shot)
        for act in store.acts.open():  # again: a command may have judged them meanwhile
            is_unread = act.content_hash is None and act.file_kind == FileKind.IMAGE.value
            if is_unread and act.is_present and act.photo not in unreadable:
                continue  # so it is with most of a large archive, most of the time
            members = store.photos.members(act.shot)
            may_be_copy = any(unread.get(m["size_bytes"], set()) - {act.shot} for m in members)
            is_unsure = act.kind in _PUT_AWAY and (may_be_copy or _may_have_moved(store, act.shot))
            if _is_read(members, unreadable) and not is_unsure:
                is_broken = act.photo in unreadable
                decisions += _judge(store, act, members, is_broken, time.time())
    return decisions


def _is_read(members: list[dict[str, Any]], unreadable: set[int]) -> bool:
    """Return whether every picture of a shot that can be read has been."""
    return all(
        m["content_hash"] is not None
        or m["kind"] != FileKind.IMAGE.value
        or not m["is_present"]
        or m["photo"] in unreadable
        for m in members
    )


def _may_have_moved(store: Store, shot: int) -> bool:
    """Return whether all copies of a shot are missing just now: it moved to another disk, or not.

    It is known when what is missing has been missing for long enough.
    """
    copies = store.photos.copies_kept(shot)
    return bool(copies) and not any(
        os.path.lexists(path) or not is_online for path, is_online in copies
    )


def _judge(
    store: Store, act: OpenAct, members: list[dict[str, Any]], is_broken: bool, now: float
) -> int:
    path = os.fsdecode(store.photos.path_of(act.photo))
    if not any(m["kind"] == FileKind.IMAGE.value for m in members):
        store.acts.reject(act.id, "there is no picture in it to learn from", now)
        return 0
    if is_broken or (act.content_hash is None and act.file_kind == FileKind.IMAGE.value):
        store.acts.reject(act.id, "its picture could not be read", now)
        return 0
    known = store.photos.get(act.photo)
    verdict = judge(
        act.kind,
        Role(act.role_to) if act.role_to else None,
        known.place.role if known and known.is_present else None,
        [
            Member(Role(m["role"]), bool(m["is_present"]))
            for m in members
            if m["photo"] != act.photo
        ],
        len(store.photos.copies_kept(act.shot)),
        store.acts.has_decision(act.gesture, act.shot),
    )
    if verdict.label is None:
        store.acts.reject(act.id, verdict.reason, now)
        log.info("%r teaches nothing: %s", path, verdict.reason)
        return 0
    store.acts.decide(act, verdict.label, verdict.weight, now)
    log.info("%s %r: %s", verdict.label.value, path, act.kind.value)
    return 1


def retract_tidied(store: Store) -> int:
    """Take back deletes of which a copy turned out to have stayed; returns how many."""
    with store.transaction():
        retracted = store.acts.retract_tidied()
    if retracted:
        log.info("%d deletes were tidying up: identical copies stay", retracted)
    return retracted


def keep_lessons(store: Store, overview: Overview) -> int:
    """Keep what the decided shots look like beside the decisions; returns how many were new."""
    encoder = overview.encoder()
    if encoder is None:
        return 0
    lessons = overview.study.new_lessons(encoder)
    if lessons:
        with store.transaction():
            for lesson in lessons:
                store.add_lesson(lesson)
    return len(lessons)


def settle(store: Store, overview: Overview) -> Settled:
    """Do all of it, in order."""
    return Settled(
        take_in(store, overview),
        judge_open_acts(store, overview) + retract_tidied(store),
        keep_lessons(store, overview),
    )
