from collections.abc import Iterator
from pathlib import Path

import pytest
from shelf import Shelf

from triaged.store.connection import rows
from triaged.store.links import Link

VIEW = "likely-delete"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    for n in range(3):
        shelf.add(b"%d.jpg" % n)
    yield shelf
    shelf.close()


def link(photo: int, rank: int, name: bytes = b"") -> Link:
    return Link(photo, photo, name or b"%04d_90_%d.jpg" % (rank, photo), rank, inode=photo + 100)


def test_the_links_of_a_view_are_shown_by_rank(shelf: Shelf) -> None:
    links = shelf.store.links
    links.replace(VIEW, [], [link(2, 2), link(1, 1)], 10.0)
    links.replace("control-sample", [], [Link(3, 3, b"x.jpg", 1, is_control=True)], 10.0)

    assert links.shown(VIEW) == [link(1, 1), link(2, 2)]
    assert links.shown("control-sample") == [Link(3, 3, b"x.jpg", 1, is_control=True)]
    assert links.shown("unsure") == []


def test_a_link_that_ended_stays_on_record_with_its_time(shelf: Shelf) -> None:
    links = shelf.store.links
    links.replace(VIEW, [], [link(1, 1), link(2, 2)], 10.0)
    links.replace(VIEW, [link(1, 1).name], [link(3, 1)], 20.0)

    assert [one.photo for one in links.shown(VIEW)] == [3, 2]
    stored = rows(
        shelf.store.db, "SELECT photo, generation, shown_from, shown_to FROM links ORDER BY id"
    )
    assert [tuple(row.values()) for row in stored] == [
        (1, 1, 10.0, 20.0),
        (2, 1, 10.0, None),
        (3, 2, 20.0, None),
    ]


def test_a_name_that_comes_back_is_another_exposure(shelf: Shelf) -> None:
    links, name = shelf.store.links, b"0001_90_x.jpg"
    links.replace(VIEW, [], [link(1, 1, name)], 10.0)
    links.replace(VIEW, [name], [link(2, 1, name)], 20.0)
    links.replace(VIEW, [name], [], 30.0)

    stored = rows(shelf.store.db, "SELECT photo, shown_from, shown_to FROM links ORDER BY id")
    assert [tuple(row.values()) for row in stored] == [(1, 10.0, 20.0), (2, 20.0, 30.0)]


def test_ending_a_link_of_one_view_leaves_another_views_alone(shelf: Shelf) -> None:
    links, name = shelf.store.links, b"0001_90_x.jpg"
    links.replace(VIEW, [], [link(1, 1, name)], 10.0)
    links.replace("unsure", [], [link(2, 1, name)], 10.0)

    links.replace(VIEW, [name], [], 20.0)

    assert links.shown(VIEW) == []
    assert len(links.shown("unsure")) == 1


def test_what_was_written_to_a_photo_is_remembered_as_it_was_last(shelf: Shelf) -> None:
    links = shelf.store.links
    links.set_published(1, "h", 0.7, 1, "written", 10.0)
    links.set_published(1, "h2", 0.8, 2, "written", 20.0)
    links.set_published(2, "h", 0.1, 1, "full", 10.0)

    published = links.published()

    assert published.keys() == {1, 2}
    assert published[1] == {
        "photo": 1,
        "content_hash": "h2",
        "score": 0.8,
        "model": 2,
        "outcome": "written",
        "at": 20.0,
    }
