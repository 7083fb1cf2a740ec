"""Any sequence of file operations, with hints, without, and with restarts, against plain rules.

Two machines watch the same folders. One gets no hints and looks at everything; the other gets some
of the hints, in any order, before it looks at everything too. What must hold whenever both have:

    a delete decision is about a photo that stood in a trash or a `deleted` folder
    nothing is ever decided because something is not there
    a restore says keep, a lone photo put away says delete
    nothing is a delete of which an identical copy is kept
    what was decided stays as it was, through restarts too
    the database has every photo where it is, once
    both machines agree on what stands decided

Where they may not agree, and why:

    a photo found missing first and elsewhere later was *gone* in between, and a gone photo that
    turns up is not filed: who does not wait for what is missing may lack a weak keep
    which files share a shot depends on what was seen side by side: photos called `a` have
    companions, keep their family, and are held to all rules but this one
"""

import os
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from desk import FOLDERS, LIBRARY, ROOTS, Desk, living_in
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from machine import PATIENT_SECONDS, Machine

NAMES = ("a.jpg", "a.png", "a.cr2", "b.jpg", "c.jpg", "d.jpg")
PICTURES = (".jpg", ".png")

pick = st.integers(0, 11)
folder = st.sampled_from(FOLDERS)
name = st.sampled_from(NAMES)
is_last = st.sampled_from([True, True, True, False])
is_so = st.booleans()


class Labels(RuleBasedStateMachine):
    """A person at a desk, and two machines that watch."""

    def __init__(self) -> None:
        super().__init__()
        self.exit = ExitStack()
        self.home = Path(self.exit.enter_context(tempfile.TemporaryDirectory()))
        self.exit.enter_context(living_in(self.home))
        self.desk = Desk(self.home)
        self.put_away: set[bytes] = set()
        self.unseen: set[str] = set()
        self.decided: dict[str, list[Any]] = {"scanning": [], "hinted": []}
        self.expected: list[tuple[Path, str]] = []
        self.operations = 0
        self.is_only_absence = True

    @initialize(data=st.data(), patience=st.sampled_from([0.0, PATIENT_SECONDS]))
    def begin(self, data: st.DataObject, patience: float) -> None:
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        state = Path(self.exit.enter_context(tempfile.TemporaryDirectory(dir=fast)))
        self.patience = patience
        self.scanning = Machine(self.home, state / "scanning")
        self.hinted = Machine(self.home, state / "hinted", patience)
        for at, each in data.draw(st.sets(st.tuples(folder, name), min_size=1, max_size=6)):
            self.desk.create(self.home / at / each, is_old=False)
        self.is_only_absence = False
        self.look_round(data)

    def teardown(self) -> None:
        if hasattr(self, "scanning"):
            self.scanning.close()
            self.hinted.close()
        self.exit.close()

    # What the person does. Each operation says whether everybody looks after it.

    @rule(data=st.data(), at=folder, called=name, old=is_so, last=is_last)
    def create(self, data: st.DataObject, at: str, called: str, old: bool, last: bool) -> None:
        path = self._free(at, called)
        if path:
            self.desk.create(path, is_old=old)
        self._done(data, last)

    @rule(
        data=st.data(), n=pick, how=st.sampled_from(["in place", "atomic", "backup"]), last=is_last
    )
    def edit(self, data: st.DataObject, n: int, how: str, last: bool) -> None:
        if path := self._photo(n):
            if how == "in place":
                self.desk.edit(path)
            elif how == "atomic":
                self.desk.edit_atomically(path)
            else:
                self.desk.edit_with_backup(path)
        self._done(data, last)

    @rule(data=st.data(), n=pick, at=folder, called=name, time=is_so, last=is_last)
    def copy(
        self, data: st.DataObject, n: int, at: str, called: str, time: bool, last: bool
    ) -> None:
        src = self._photo(n)
        dst = self._free(at, called, src)
        if src and dst:
            self.desk.copy(src, dst, keeps_time=time)
        self._done(data, last)

    @rule(data=st.data(), n=pick, at=folder, called=name, across=is_so, last=is_last)
    def move(
        self, data: st.DataObject, n: int, at: str, called: str, across: bool, last: bool
    ) -> None:
        src = self._photo(n)
        dst = self._free(at, called, src)
        if src and dst:
            self.desk.move(src, dst, is_across=across)
        self._done(data, last)

    @rule(data=st.data(), n=pick, m=pick, last=is_last)
    def swap(self, data: st.DataObject, n: int, m: int, last: bool) -> None:
        one, other = self._photo(n), self._photo(m)
        if one and other and one != other and _is_one_family(one, other):
            self.desk.swap(one, other)
        self._done(data, last)

    @rule(data=st.data(), n=pick, at=folder, called=name)
    def link(self, data: st.DataObject, n: int, at: str, called: str) -> None:
        self.look_round(data)  # of two names that a file got at once, either may be where it moved
        src = self._photo(n)
        dst = self._free(at, called, src)
        if src and dst:
            self.desk.link(src, dst)
        self._done(data, is_last=True)

    @rule(data=st.data(), n=pick, last=is_last)
    def unlink(self, data: st.DataObject, n: int, last: bool) -> None:
        if path := self._photo(n):
            self.desk.unlink(path)
        self._done(data, last, is_absence=True)

    @rule(data=st.data(), n=pick, across=is_so, last=is_last)
    def trash(self, data: st.DataObject, n: int, across: bool, last: bool) -> None:
        if path := self._photo(n):
            lone = self._is_lone(path) and not across
            trashed = self.desk.put_in_trash(path, is_across=across)
            if lone:
                self.expected.append((self.desk.trash / "files" / trashed, "delete"))
        self._done(data, last)

    @rule(data=st.data(), n=pick, at=folder, called=name, time=is_so, last=is_last)
    def copy_and_trash(
        self, data: st.DataObject, n: int, at: str, called: str, time: bool, last: bool
    ) -> None:
        src = self._photo(n)
        dst = self._free(at, called, src)
        if src and dst:
            self.desk.copy(src, dst, keeps_time=time)
            self.desk.put_in_trash(src)
        self._done(data, last)

    @rule(data=st.data(), n=pick, suffix=st.sampled_from(PICTURES), last=is_last)
    def convert(self, data: st.DataObject, n: int, suffix: str, last: bool) -> None:
        src = self._photo(n)
        if src and src.stem == "a" and not src.with_suffix(suffix).exists():
            self.desk.create(src.with_suffix(suffix), is_old=False)
            self.desk.put_in_trash(src)
        self._done(data, last)

    @precondition(lambda self: "Pictures" not in self.desk.away)
    @rule(data=st.data(), last=is_last)
    def trash_folder(self, data: st.DataObject, last: bool) -> None:
        if (self.home / "Pictures/trip").exists():
            self.desk.put_in_trash(self.home / "Pictures/trip")
        self._done(data, last)

    @rule(data=st.data(), n=pick, across=is_so, last=is_last)
    def restore(self, data: st.DataObject, n: int, across: bool, last: bool) -> None:
        notes = self.desk.notes()
        back = [(n, home) for n, home in notes.items() if self._may_return(home)]
        if back:
            trashed, home = back[n % len(back)]
            is_folder = (self.desk.trash / "files" / trashed).is_dir()
            was = self.scanning.label_at(self.desk.trash / "files" / trashed)
            self.desk.restore(trashed, home, is_across=across and not is_folder)
            if was == "delete" and str(home.parent.relative_to(self.home)) in LIBRARY:
                self.expected.append((home, "keep"))
        self._done(data, last)

    @rule(data=st.data(), last=is_last)
    def empty_trash(self, data: st.DataObject, last: bool) -> None:
        self.desk.empty_trash()
        self._done(data, last, is_absence=True)

    @rule(
        data=st.data(),
        root=st.sampled_from(sorted(ROOTS)),
        stand_in=st.sampled_from(["nothing", "empty folder", "another disk"]),
        last=is_last,
    )
    def unplug(self, data: st.DataObject, root: str, stand_in: str, last: bool) -> None:
        if root not in self.desk.away:
            self.desk.unplug(root, stand_in)
            if not self.is_only_absence:
                self.unseen.add(root)  # what was done there before will be seen when it is back
        self._done(data, last, is_absence=True)

    @precondition(lambda self: self.desk.away)
    @rule(data=st.data(), last=is_last)
    def plug_in(self, data: st.DataObject, last: bool) -> None:
        root = min(self.desk.away)
        self.desk.plug_in(root)
        self._done(data, last, is_absence=root not in self.unseen)
        self.unseen.discard(root)

    @rule(data=st.data(), root=st.sampled_from(sorted(ROOTS)), last=is_last)
    def empty_root(self, data: st.DataObject, root: str, last: bool) -> None:
        if root not in self.desk.away:
            for path in self.desk.files(*(f for f in FOLDERS if f.startswith(root))):
                self.desk.unlink(path)
        self._done(data, last, is_absence=True)

    @rule()
    def restart(self) -> None:
        for machine in (self.scanning, self.hinted):
            machine.close()
            machine.open()

    @rule()
    def let_days_pass(self) -> None:
        for machine in (self.scanning, self.hinted):
            machine.let_days_pass(2)

    # Looking, and what must hold then.

    def look_round(self, data: st.DataObject) -> None:
        """Let both machines look: the one at everything, the other at some hints before."""
        self.put_away |= self._lying_away()
        hints = sorted(self.desk.touched | {os.fsencode(self.home / f) for f in FOLDERS})
        for folders in data.draw(st.lists(st.sets(st.sampled_from(hints)), max_size=3)):
            self.hinted.look(folders)
            self.hinted.read_and_judge()
        self.hinted.look(None, patient=False)
        self.scanning.look(None)
        for machine in (self.scanning, self.hinted):
            machine.read_and_judge()
        self.desk.touched.clear()
        self._check(data)
        self.operations, self.is_only_absence, self.expected = 0, True, []

    def _check(self, data: st.DataObject) -> None:
        for called, machine in (("scanning", self.scanning), ("hinted", self.hinted)):
            decisions, before = machine.decisions(), self.decided[called]
            assert decisions[: len(before)] == before, "what was decided has changed"
            if self.is_only_absence:
                assert decisions == before, "something was decided from absence"
            for decision in decisions[len(before) :]:
                row = dict(decision)
                assert row["label"] == "keep" or row["seen_to"] in self.put_away
            self.decided[called] = decisions
            assert machine.tidied_away(after=len(before)) == []
            assert machine.present() == self._looked_at(machine)
            if self.operations == 1:
                for path, label in self.expected:
                    assert machine.label_at(path) == label, (called, path, label)
        self._check_agreement()

    def _check_agreement(self) -> None:
        scanning, hinted = (
            Counter(
                row for row in machine.standing() if not os.path.basename(row[0]).startswith(b"a")
            )
            for machine in (self.scanning, self.hinted)
        )
        if self.patience:
            assert hinted == scanning
        else:
            assert all(source == "filed" for *_, source in scanning - hinted)
            assert not hinted - scanning

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        if hasattr(self, "scanning") and not self.operations:
            assert self.scanning.store.acts.open() == []

    def _done(self, data: st.DataObject, is_last: bool, *, is_absence: bool = False) -> None:
        self.operations += 1
        self.is_only_absence &= is_absence
        if is_last:
            self.look_round(data)

    # What is where.

    def _photo(self, n: int) -> Path | None:
        files = self.desk.files()
        return files[n % len(files)] if files else None

    def _free(self, at: str, called: str, src: Path | None = None) -> Path | None:
        """Return where a photo may go: nothing is there, and the name is of its family."""
        path = self.home / at / called
        if src and not _is_one_family(src, path):
            return None
        return path if path.parent.is_dir() and not path.exists() else None

    def _may_return(self, home: Path) -> bool:
        root = home.relative_to(self.home).parts[0]
        return root not in self.desk.away and not home.exists()

    def _lying_away(self) -> set[bytes]:
        """Return what lies in a `deleted` folder, or in the trash with a home in the library."""
        homes = (self.home / "Pictures", self.home / "Second", self.home / "Favourites")
        found = set(self.desk.files("Archive"))
        for trashed, home in self.desk.notes().items():
            if any(home.is_relative_to(top) for top in homes):
                path = self.desk.trash / "files" / trashed
                found |= set(path.glob("*")) if path.is_dir() else {path}
        return {os.fsencode(path) for path in found}

    def _is_lone(self, path: Path) -> bool:
        """Return whether putting a photo away is about that photo alone."""
        if str(path.parent.relative_to(self.home)) not in (*LIBRARY, "Favourites"):
            return False
        if path.suffix not in PICTURES or path.stem == "a":
            return False
        if self.desk.away or self.scanning.offline():
            return False  # a copy may lie on a drive that is away
        data = path.read_bytes()
        same = [p for p in self.desk.files() if p.read_bytes() == data]
        return same == [path] and os.stat(path).st_nlink == 1 and self.operations == 0

    def _looked_at(self, machine: Machine) -> dict[bytes, int]:
        """Return what the machine has to have where: what is there, or was before a root went."""
        offline = machine.offline()
        known = {p: i for p, i in machine.present().items() if self._root_of(p) in offline}
        there = {
            os.fsencode(p): os.stat(p).st_ino
            for p in self.desk.files(*(f for f in FOLDERS if f != "Elsewhere"))
            if self._root_of(os.fsencode(p)) not in offline
        }
        trashed = {p: os.stat(p).st_ino for p in self._lying_away() if b"/Trash/" in p}
        others = {p: i for p, i in machine.present().items() if b"/Trash/" in p}
        return known | there | {p: i for p, i in trashed.items() if _is_photo(p)} | others

    def _root_of(self, path: bytes) -> str:
        return Path(os.fsdecode(path)).relative_to(self.home).parts[0]


def _is_one_family(one: Path, other: Path) -> bool:
    return one.suffix == other.suffix and (one.stem == "a") == (other.stem == "a")


def _is_photo(path: bytes) -> bool:
    return path.endswith((b".jpg", b".png", b".cr2"))


Labels.TestCase.settings = settings(
    max_examples=int(os.environ.get("TRIAGED_EXAMPLES", "150")),
    stateful_step_count=16,
    deadline=None,
    report_multiple_bugs=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
test_labels = pytest.mark.timeout(3_600)(Labels.TestCase)  # long runs and shrinking take longer
