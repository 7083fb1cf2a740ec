from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from triaged.core.trashinfo import TrashInfo, parse, parse_digikam

_WHOLE = b"[Trash Info]\nPath=/home/anna/Pictures/x.jpg\nDeletionDate=2026-07-14T18:32:08\n"
_NAMES = st.binary(min_size=1).filter(
    lambda path: b"\0" not in path and b".." not in path and path.strip(b"/")
)


def test_the_example_of_the_specification_is_read() -> None:
    text = b"[Trash Info]\nPath=foo/bar/meow.bow-wow\nDeletionDate=2004-08-31T22:32:08\n"

    assert parse(text) == TrashInfo(b"foo/bar/meow.bow-wow", (2004, 8, 31, 22, 32, 8))


@given(_NAMES)
@example(b"/a b/\xff\xfe/50%.jpg")
def test_any_name_comes_back_as_it_was_written(path: bytes) -> None:
    text = f"[Trash Info]\nPath={quote_from_bytes(path)}\nDeletionDate=2026-01-02T03:04:05\n"

    assert parse(text.encode()).path == path


def test_of_two_lines_the_first_counts_and_others_are_ignored() -> None:
    text = (
        b"[Trash Info]\nColour=red\nDeletionDate=2026-01-01T00:00:00\nDeletionDate=later\n"
        b"Path=/a.jpg\nPath=/b.jpg\n"
    )

    assert parse(text) == TrashInfo(b"/a.jpg", (2026, 1, 1, 0, 0, 0))


def test_windows_line_ends_do_not_end_up_in_the_path() -> None:
    assert parse(_WHOLE.replace(b"\n", b"\r\n")) == parse(_WHOLE)


@pytest.mark.parametrize("length", range(len(_WHOLE) - 1))
def test_a_note_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"header|Path|DeletionDate"):
        parse(_WHOLE[:length])


def test_a_note_without_its_last_line_end_is_whole() -> None:
    assert parse(_WHOLE[:-1]) == parse(_WHOLE)


def test_a_path_in_the_last_line_may_be_cut_short_and_is_refused() -> None:
    with pytest.raises(ValueError, match="Path is cut short"):
        parse(b"[Trash Info]\nDeletionDate=2026-07-14T18:32:08\nPath=/home/anna/Pict")


@pytest.mark.parametrize(
    "path", [b"", b"/", b"/a/../../etc/x.jpg", b"../x.jpg", b"/a%00b"], ids=repr
)
def test_a_path_that_can_be_none_is_refused(path: bytes) -> None:
    with pytest.raises(ValueError, match="is no path"):
        parse(b"[Trash Info]\nPath=%s\nDeletionDate=2026-07-14T18:32:08\n" % path)


@pytest.mark.parametrize(
    "date", [b"0000-00-00T00:00:00", b"2026-02-30T10:00:00", b"yesterday, or the day before"]
)
def test_an_impossible_date_is_unknown(date: bytes) -> None:
    text = b"[Trash Info]\nPath=/x.jpg\nDeletionDate=%s\n" % date

    assert parse(text) == TrashInfo(b"/x.jpg", None)


@pytest.mark.parametrize(
    "stamp", ["Tue Jul 14 18:32:08 2026", "2026-07-14T18:32:08"], ids=["qt-text", "iso"]
)
def test_digikams_record_is_read(stamp: str) -> None:
    record = f'{{"path": "/photos/ä.jpg", "deletiontimestamp": "{stamp}", "imageid": 7}}'

    expected = TrashInfo("/photos/ä.jpg".encode(), (2026, 7, 14, 18, 32, 8))
    assert parse_digikam(record.encode()) == expected


@pytest.mark.parametrize("data", [b"", b'{"path"', b"[]", b'{"path": 7}', b'{"path": "../x"}'])
def test_a_broken_record_of_digikam_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"path|Expecting|delimiter"):
        parse_digikam(data)


def test_digikams_date_in_another_language_is_unknown() -> None:
    record = '{"path": "/x.jpg", "deletiontimestamp": "Di. Juli 14 18:32:08 2026"}'

    assert parse_digikam(record.encode()) == TrashInfo(b"/x.jpg", None)
