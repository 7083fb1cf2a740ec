"""Publishing: the review folder and the attributes of the photos. Only differences are written.

    likely-delete/0001_97_IMG_4711.jpg    absolute links, most likely delete first
    README.txt                            what the folder means
    user.triaged.*                        the score on the photo itself

A score on a photo is rewritten when it has moved by 0.05 and was written a week ago: backup tools
read a file again when its ctime changes. A root without attributes is remembered, not asked again.
"""

import logging
import os
import time

from triaged.config import Config
from triaged.core.review import Listable, choose
from triaged.fs import xattrs
from triaged.fs.links import link_name, publish_view, write_text_if_changed
from triaged.fs.places import make_private_dir
from triaged.fs.xattrs import Written
from triaged.store.links import Link
from triaged.store.overview import Overview
from triaged.store.state import Store

log = logging.getLogger(__name__)

VIEW = b"likely-delete"
_SCORE_MOVED = 0.05
_SCORE_SECONDS = 7 * 86_400.0
_BATCH = 200


class Publisher:
    """Writes what has changed since the last time."""

    def __init__(self, config: Config, store: Store, overview: Overview) -> None:
        self._config = config
        self._store = store
        self._overview = overview
        self._without_attributes: set[int] = set()

    def publish(self) -> None:
        """Bring the review folder and the attributes up to date."""
        self.publish_links()
        if self._config.xattrs:
            self._publish_scores()

    def listed(self) -> list[Listable]:
        """Return the photos that belong in `likely-delete` now; none before enough was learned."""
        review = self._config.review
        if self._store.acts.counts()["delete"] < self._config.learn.min_labels:
            return []
        candidates = self._overview.listable(review.min_score, 4 * review.size + 1_000)
        return choose(
            candidates,
            now=time.time(),
            size=review.size,
            min_score=review.min_score,
            min_age_days=review.min_age_days,
        )

    def publish_links(self) -> None:
        """Bring `likely-delete` up to date, and record which links stand from when to when."""
        listed = self.listed()
        folder = os.path.join(self._config.review.folder, VIEW)
        digits = max(4, len(str(len(listed))))
        links = [
            Link(
                photo.shot,
                photo.photo,
                link_name(rank, digits, round(photo.score * 100), os.path.basename(photo.path)),
                rank,
            )
            for rank, photo in enumerate(listed, 1)
        ]
        targets = {link.name: p.path for link, p in zip(links, listed, strict=True)}
        make_private_dir(self._config.review.folder)
        change = publish_view(folder, targets)
        blocked = set(change.blocked)
        self._record([k for k in links if k.name not in blocked], dict(change.added))
        size = sum(photo.size_bytes for photo in listed)
        text = readme(len(listed), size, self._store.acts.counts(), self._config)
        write_text_if_changed(os.path.join(self._config.review.folder, b"README.txt"), text)

    def _record(self, links: list[Link], inodes: dict[bytes, int]) -> None:
        """Record the links that ended and began: a name that now points elsewhere is both."""
        view = os.fsdecode(VIEW)
        shown = {link.name: link for link in self._store.links.shown(view)}
        wanted = {link.name: link for link in links}
        ended = [n for n, old in shown.items() if n not in wanted or wanted[n].photo != old.photo]
        begun = [
            Link(link.shot, link.photo, name, link.rank, inodes.get(name))
            for name, link in wanted.items()
            if name not in shown or shown[name].photo != link.photo
        ]
        if ended or begun:
            with self._store.transaction():
                self._store.links.replace(view, ended, begun, time.time())

    def _publish_scores(self) -> None:
        done: list[tuple[int, str, float, int, str]] = []
        for row in self._overview.to_publish(_SCORE_MOVED, time.time() - _SCORE_SECONDS):
            if row["root"] in self._without_attributes:
                continue
            values = {
                "score": f"{row['score']:.4f}",
                "reason": row["reason"],
                "model": str(row["model"]),
                "hash": row["content_hash"],
            }
            outcome = xattrs.write(row["path"], values)
            if outcome is Written.UNSUPPORTED:
                self._without_attributes.add(row["root"])
                log.warning(
                    "no extended attributes in the folder of %r: scores are not written there",
                    os.fsdecode(row["path"]),
                )
                continue
            if outcome is not Written.GONE:
                key = (row["photo"], row["content_hash"], row["score"], row["model"])
                done.append((*key, outcome.value))
            if len(done) >= _BATCH:
                self._record_scores(done)
        self._record_scores(done)

    def _record_scores(self, done: list[tuple[int, str, float, int, str]]) -> None:
        if not done:
            return
        with self._store.transaction():
            for photo, content_hash, score, model, outcome in done:
                self._store.links.set_published(
                    photo, content_hash, score, model, outcome, time.time()
                )
        done.clear()


def readme(listed: int, size_bytes: int, counts: dict[str, int], config: Config) -> str:
    """Return the text of README.txt: what the folder means, and what a deletion here does."""
    if listed:
        state = (
            f"likely-delete/ holds {listed} links, together {size_bytes / 1e6:,.0f} MB of photos,"
            " most likely deletes first."
        )
    else:
        missing = max(0, config.learn.min_labels - counts["delete"])
        state = (
            f"likely-delete/ is empty: {missing} more deleted photos are needed to fill it."
            if missing
            else "likely-delete/ is empty: nothing is likely enough to be deleted."
        )
    return f"""\
This folder is made by triaged. It learns from the photos you delete, restore and keep, and lists
here the ones you are likely to delete next.

{state}

    0001_97_IMG_4711.jpg      the first in the list: delete score 97 %, a link to IMG_4711.jpg

The links point to your photos where they are; nothing has been copied or moved. Delete a photo
itself (in its own folder, or with your viewer's "show in folder") and it goes to the trash as
always; triaged learns from that, and from restoring it. Deleting a link here does nothing to the
photo: the link comes back while the photo stays likely to be deleted.
"""
