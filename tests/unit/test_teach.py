from collections.abc import Iterator
from pathlib import Path

import pytest

from triaged.core.decide import ActKind
from triaged.core.types import Known, Label, Role
from triaged.errors import UserError
from triaged.judge import settle
from triaged.once import open_state
from triaged.store.acts import ScoreBefore
from triaged.store.connection import rows
from triaged.store.overview import Overview
from triaged.store.state import Store, open_features
from triaged.teach import Taught, label_photos, teach_folder


class House:
    """A state folder, and folders of small files that pass for photos."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "state").mkdir()
        self.store: Store
        self.overview: Overview
        self.store, self.overview = open_state(bytes(path / "state"))

    def make(self, *names: str) -> None:
        """Make files, each with bytes of its own."""
        for name in names:
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(name.encode())

    def root(self, name: str, role: Role) -> None:
        """Make a folder a configured root."""
        (self.path / name).mkdir(exist_ok=True)
        with self.store.transaction():
            self.store.roots.ensure(bytes(self.path / name), role, "config")

    def teach(self, name: str, label: Label) -> Taught:
        """Teach from a folder."""
        return teach_folder(self.store, self.overview, bytes(self.path / name), label)

    def read_all(self) -> None:
        """Read every photo as the worker does, by path, and judge."""
        features = open_features(bytes(self.path / "state"))
        for row in rows(self.store.db, "SELECT id, size_bytes, mtime_ns FROM photos"):
            path = self.store.photos.path_of(row["id"])
            features.add_copy(row["id"], row["size_bytes"], row["mtime_ns"], path.hex(), 1.0)
        features.close()
        settle(self.store, self.overview)

    def standing(self) -> dict[str, tuple[str, str, float]]:
        """Return label, source and weight by file name."""
        return {
            Path(row["path"].decode()).name: (row["label"], row["source"], row["weight"])
            for row in self.store.acts.export()
        }

    def photo(self, name: str) -> Known:
        """Return the photo at a path."""
        found = self.store.photos.at_path(bytes(self.path / name))
        assert found is not None
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.overview.close()
    house.store.close()


def test_a_folder_teaches_every_photo_below_it(house: House) -> None:
    house.make("old/a.jpg", "old/2020/b.png", "old/2020/c.txt", "old/.thumbnails/d.jpg")

    assert house.teach("old", Label.DELETE) == Taught(new=2, known=0)
    house.read_all()

    assert house.standing() == {
        "a.jpg": ("delete", "taught", 1.0),
        "b.png": ("delete", "taught", 1.0),
    }


def test_nothing_is_moved_or_touched(house: House) -> None:
    house.make("old/a.jpg", "old/b.jpg")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (house.path / "old").iterdir()}

    house.teach("old", Label.DELETE)

    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (house.path / "old").iterdir()}
    assert after == before


def test_the_photos_of_a_folder_are_many_acts_but_one_gesture_to_undo(house: House) -> None:
    house.make(*(f"old/{n}.jpg" for n in range(30)))
    house.teach("old", Label.KEEP)
    house.read_all()

    acts = rows(house.store.db, "SELECT gesture, size_of_act, at FROM acts")

    assert {(act["size_of_act"], act["at"]) for act in acts} == {(1, None)}
    [gesture] = {act["gesture"] for act in acts}
    assert house.store.acts.retract_gesture(gesture) == 30
    assert house.standing() == {}


def test_teaching_again_teaches_only_what_is_new(house: House) -> None:
    house.make("old/a.jpg")
    house.teach("old", Label.DELETE)
    house.read_all()
    house.make("old/b.jpg")

    assert house.teach("old", Label.DELETE) == Taught(new=1, known=1)


def test_the_last_word_counts(house: House) -> None:
    house.make("old/a.jpg")
    for label in (Label.DELETE, Label.KEEP):
        assert house.teach("old", label) == Taught(new=1, known=0)
        house.read_all()

    assert house.standing() == {"a.jpg": ("keep", "taught", 1.0)}


def test_an_archive_has_no_folder_in_the_library(house: House) -> None:
    house.make("deleted/2020/a.jpg", "good/b.jpg")
    house.teach("deleted", Label.DELETE)
    house.teach("good", Label.KEEP)

    assert house.photo("deleted/2020/a.jpg").home_path is None
    assert house.photo("good/b.jpg").home_path is None
    assert [root.role for root in house.store.roots.taught()] == [Role.DELETED, Role.KEEP]


@pytest.mark.parametrize(
    ("role", "is_home"),
    [(Role.LIBRARY, True), (Role.KEEP, False), (Role.DELETED, False)],
    ids=["library", "keep", "deleted"],
)
def test_only_a_folder_of_the_library_is_a_home(house: House, role: Role, is_home: bool) -> None:
    house.root("root", role)
    house.make("root/trip/a.jpg")
    house.teach("root/trip", Label.KEEP)

    found = house.photo("root/trip/a.jpg")

    assert found.place.folder == b"trip"
    assert found.place.role is role
    assert found.home_path == (bytes(house.path / "root/trip/a.jpg") if is_home else None)


def test_a_photo_of_the_library_is_taught_where_it_is(house: House) -> None:
    house.root("Pictures", Role.LIBRARY)
    house.make("Pictures/a.jpg", "Pictures/bad/b.jpg")
    house.teach("Pictures", Label.KEEP)
    house.read_all()

    assert house.teach("Pictures/bad", Label.DELETE) == Taught(new=1, known=0)
    house.read_all()

    assert house.standing()["b.jpg"][0] == "delete"
    assert len(rows(house.store.db, "SELECT * FROM photos")) == 2
    assert house.store.roots.taught() == []


@pytest.mark.parametrize("taught", ["Pictures", "Pictures/best"])
def test_a_root_within_a_root_keeps_its_photos(house: House, taught: str) -> None:
    house.root("Pictures", Role.LIBRARY)
    house.root("Pictures/best", Role.KEEP)
    house.make("Pictures/best/a.jpg")

    house.teach(taught, Label.KEEP)

    place = house.photo("Pictures/best/a.jpg").place
    assert (place.role, place.folder) == (Role.KEEP, b"")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("old", Label.DELETE), ("old/good", Label.KEEP)),
        (("old/good", Label.KEEP), ("old", Label.DELETE)),
    ],
    ids=["the inner folder last", "the inner folder first"],
)
def test_a_folder_taught_within_another_has_its_photos_once(
    house: House, first: tuple[str, Label], second: tuple[str, Label]
) -> None:
    house.make("old/good/a.jpg")
    house.teach(*first)
    house.teach(*second)
    house.read_all()

    assert len(rows(house.store.db, "SELECT id FROM photos")) == 1
    assert house.standing()["a.jpg"][0] == second[1].value


def test_a_link_to_a_folder_is_the_folder(house: House) -> None:
    house.make("old/a.jpg")
    (house.path / "shortcut").symlink_to("old")

    house.teach("old", Label.DELETE)
    house.read_all()

    assert house.teach("shortcut", Label.DELETE) == Taught(new=0, known=1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("missing", "is not a folder"), ("file.jpg", "is not a folder"), ("empty", "no photos")],
    ids=["missing", "a file", "empty"],
)
def test_what_cannot_teach_says_so_and_leaves_nothing(
    house: House, name: str, expected: str
) -> None:
    house.make("file.jpg", "empty/readme.txt")

    with pytest.raises(UserError, match=expected):
        house.teach(name, Label.DELETE)

    assert rows(house.store.db, "SELECT * FROM acts") == []


def test_a_label_by_hand_has_a_time_and_the_score_before(house: House) -> None:
    house.root("Pictures", Role.LIBRARY)
    house.make("Pictures/a.jpg")
    house.teach("Pictures", Label.KEEP)
    house.read_all()

    label_photos(house.store, house.overview, [house.photo("Pictures/a.jpg")], Label.DELETE)
    [act] = house.store.acts.open()
    assert (act.kind, act.role_to, act.before) == (ActKind.LABELLED, "deleted", ScoreBefore())
    assert act.at is not None
    settle(house.store, house.overview)

    assert house.standing() == {"a.jpg": ("delete", "labelled", 1.0)}


def test_saying_the_same_again_is_no_news(house: House) -> None:
    house.root("Pictures", Role.LIBRARY)
    house.make("Pictures/a.jpg")
    house.teach("Pictures", Label.KEEP)
    house.read_all()

    label_photos(house.store, house.overview, [house.photo("Pictures/a.jpg")], Label.KEEP)

    assert house.store.acts.open() == []


def test_photos_labelled_together_are_one_gesture(house: House) -> None:
    house.root("Pictures", Role.LIBRARY)
    house.make("Pictures/a.jpg", "Pictures/b.jpg", "Pictures/c.jpg")
    house.teach("Pictures", Label.KEEP)
    house.read_all()
    photos = [house.photo(f"Pictures/{name}.jpg") for name in "ab"]

    label_photos(house.store, house.overview, photos, Label.DELETE)

    assert len({act.gesture for act in house.store.acts.open()}) == 1
    assert {act.photo for act in house.store.acts.open()} == {p.photo for p in photos}


def test_clearing_takes_everything_about_a_photo_back(house: House) -> None:
    house.root("Pictures", Role.LIBRARY)
    house.make("Pictures/a.jpg", "Pictures/b.jpg")
    house.teach("Pictures", Label.KEEP)
    house.read_all()

    label_photos(house.store, house.overview, [house.photo("Pictures/a.jpg")], None)

    assert house.standing().keys() == {"b.jpg"}
