"""Any byte can stand in a file name but NUL and `/`: what goes out comes back."""

import os
import tempfile
from pathlib import Path
from urllib.parse import quote_from_bytes

from hypothesis import given, settings
from hypothesis import strategies as st

from triaged.config import Config, RootConfig, load
from triaged.config_text import render
from triaged.core.filekinds import is_ignored_name, kind_of
from triaged.core.shots import is_edit, stem_of
from triaged.core.trashinfo import parse
from triaged.core.types import Role
from triaged.once import open_state
from triaged.store.photos import join

name = (
    st.binary(min_size=1, max_size=40)
    .map(lambda b: b.replace(b"\0", b"_").replace(b"/", b"_"))
    .filter(lambda b: b not in (b".", b".."))
)
path = st.lists(name, min_size=1, max_size=5).map(lambda parts: b"/" + b"/".join(parts))


@given(path=path)
def test_any_path_comes_back_from_a_note(path: bytes) -> None:
    note = f"[Trash Info]\nPath={quote_from_bytes(path)}\nDeletionDate=2026-07-14T18:32:08\n"

    assert parse(note.encode()).path == path


@given(note=st.binary(max_size=200))
def test_any_note_is_read_or_refused(note: bytes) -> None:
    try:
        found = parse(b"[Trash Info]\n" + note)
    except ValueError:
        return
    assert found.path.strip(b"/")


@given(
    paths=st.lists(path, min_size=1, max_size=3, unique=True),
    patterns=st.lists(st.text(max_size=20), max_size=3),
)
def test_any_folder_can_be_a_root(paths: list[bytes], patterns: list[str]) -> None:
    paths = [p.replace(b"$", b"_") for p in paths]  # `$` begins a variable
    config = Config(
        roots=tuple(RootConfig(p, Role.LIBRARY) for p in dict.fromkeys(paths)),
        exclude=tuple(patterns),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c.yaml"
        file.write_text(render(config), encoding="utf-8")
        found = load(bytes(file))

    assert found.roots == config.roots
    assert found.exclude == config.exclude


@given(name=name, is_upper=st.booleans())
def test_any_name_has_one_stem_in_any_case(name: bytes, is_upper: bool) -> None:
    other = name.upper() if is_upper else name.lower()

    assert stem_of(other) == stem_of(name)
    assert kind_of(other) == kind_of(name)
    assert is_edit(other) == is_edit(name)
    assert is_ignored_name(other) == is_ignored_name(name)


@given(stem=name, suffix=st.sampled_from([b"-edited", b"_edit", b" bearbeitet", b"~edited"]))
def test_an_edit_shares_its_originals_stem(stem: bytes, suffix: bytes) -> None:
    original, edit = stem + b".x.JPG", stem + b".x" + suffix + b".jpg"

    assert stem_of(edit) == stem_of(original)
    assert is_edit(edit)


@given(root=path, folder=st.lists(name, max_size=3), name=name)
def test_a_path_is_made_of_its_place(root: bytes, folder: list[bytes], name: bytes) -> None:
    whole = join(root, b"/".join(folder), name)

    assert whole.startswith(root + b"/")
    assert whole.endswith(b"/" + name)
    assert b"//" not in whole


@settings(deadline=None, max_examples=50)
@given(name=name)
def test_a_state_folder_may_have_any_name(name: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state_dir = folder.encode() + b"/" + name
        os.mkdir(state_dir)
        store, overview = open_state(state_dir)
        store.set_setting("a", "1")

        assert overview.db.conn.execute("SELECT value FROM triaged.settings").fetchall() == [("1",)]
        overview.close()
        store.close()
