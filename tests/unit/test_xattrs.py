import os
from pathlib import Path

import pytest

from triaged.fs import xattrs
from triaged.fs.xattrs import Written


@pytest.fixture
def photo(tmp_path: Path) -> bytes:
    path = os.fsencode(tmp_path / "a.jpg")
    with open(path, "wb") as file:
        file.write(b"x")
    try:
        os.setxattr(path, "user.probe", b"1")
    except OSError as error:
        pytest.skip(f"the temporary folder takes no attributes: {error}")
    os.utime(path, ns=(1_600_000_000_000_000_001, 1_600_000_000_000_000_002))
    return path


def test_what_is_written_is_read(photo: bytes) -> None:
    values = {"score": "0.9731", "reason": "blurred, like 14 you deleted: ä", "model": "7"}

    assert xattrs.write(photo, values) is Written.WRITTEN
    assert xattrs.read(photo) == values
    assert os.getxattr(photo, "user.triaged.score") == b"0.9731"


def test_the_same_again_is_not_written(photo: bytes) -> None:
    xattrs.write(photo, {"score": "0.9731"})
    changed_at = os.stat(photo).st_ctime_ns

    assert xattrs.write(photo, {"score": "0.9731"}) is Written.SAME
    assert os.stat(photo).st_ctime_ns == changed_at


def test_the_photo_itself_does_not_change(photo: bytes) -> None:
    xattrs.write(photo, {"score": "0.5000"})
    xattrs.read(photo)
    xattrs.remove(photo)

    st = os.stat(photo)
    assert (st.st_atime_ns, st.st_mtime_ns) == (
        1_600_000_000_000_000_001,
        1_600_000_000_000_000_002,
    )
    with open(photo, "rb") as file:
        assert file.read() == b"x"


def test_removing_takes_off_ours_and_no_others(photo: bytes) -> None:
    xattrs.write(photo, {"score": "0.5000", "model": "7"})

    assert xattrs.remove(photo) is Written.WRITTEN
    assert xattrs.read(photo) == {}
    assert os.listxattr(photo) == ["user.probe"]
    assert xattrs.remove(photo) is Written.SAME


def test_a_link_is_neither_followed_nor_marked(photo: bytes) -> None:
    link = photo + b".link"
    os.symlink(photo, link)

    assert xattrs.write(link, {"score": "0.5000"}) is Written.DENIED
    assert xattrs.read(photo) == {}
    assert xattrs.read(link) == {}


def test_a_photo_that_went_is_gone(photo: bytes) -> None:
    assert xattrs.write(photo + b"?", {"score": "0.5"}) is Written.GONE
    assert xattrs.write(photo + b"/x", {"score": "0.5"}) is Written.GONE
    assert xattrs.remove(photo + b"?") is Written.GONE
    assert xattrs.read(photo + b"?") == {}


def test_attributes_that_are_full_still_hold_the_score(photo: bytes) -> None:
    assert xattrs.write(photo, {"reason": "x" * 70_000, "score": "0.5000"}) is Written.FULL
    assert xattrs.read(photo) == {"score": "0.5000"}


def test_a_file_system_without_attributes_says_so() -> None:
    assert xattrs.write(b"/proc/self/comm", {"score": "0.5"}) is Written.UNSUPPORTED
    assert xattrs.remove(b"/proc/self/comm") in (Written.UNSUPPORTED, Written.SAME)


def test_an_unknown_note_is_a_mistake(photo: bytes) -> None:
    with pytest.raises(ValueError, match="rating"):
        xattrs.write(photo, {"rating": "5"})
