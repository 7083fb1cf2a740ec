import pytest

from triaged.core.shots import is_edit, may_share_shot, stem_of


@pytest.mark.parametrize(
    "names",
    [
        (b"IMG_1.CR2", b"IMG_1.JPG"),
        (b"IMG_1.HEIC", b"IMG_1.MOV"),
        (b"IMG_1.JPG", b"IMG_1-edited.JPG"),
        (b"IMG_1.JPG", b"IMG_1_edit.jpg"),
        (b"IMG_1.JPG", b"IMG_1 bearbeitet.jpg"),
        (b"IMG_1.JPG", b"IMG_1~edited.jpg"),
        (b"IMG_4711.JPG", b"IMG_E4711.JPG"),
        (b"IMG_1.jpg", b"img_1.XMP"),
        (b"\xff\xfe.cr2", b"\xff\xfe.JPG"),
    ],
    ids=[
        "RAW and JPEG",
        "a live photo",
        "edited",
        "edit",
        "edited in German",
        "edited with a tilde",
        "Apple's edit",
        "letter case",
        "not utf-8",
    ],
)
def test_members_of_a_shot_have_one_stem(names: tuple[bytes, bytes]) -> None:
    assert stem_of(names[0]) == stem_of(names[1])


@pytest.mark.parametrize(
    "names",
    [
        (b"IMG_1.JPG", b"IMG_2.JPG"),
        (b"IMG_1.JPG", b"IMG_1-1.JPG"),
        (b"IMG_1.JPG", b"IMG_1 (1).JPG"),
        (b"IMG_E12.JPG", b"IMG_12.JPG"),
        (b"credited.jpg", b"cr.jpg"),
    ],
    ids=["counters", "a copy", "a download again", "too short for Apple", "a word that ends so"],
)
def test_other_names_are_other_shots(names: tuple[bytes, bytes]) -> None:
    assert stem_of(names[0]) != stem_of(names[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"IMG_1-edited.JPG", True),
        (b"IMG_E4711.HEIC", True),
        (b"IMG_1.JPG", False),
        (b"edited.jpg", False),
        (b"noext", False),
    ],
    ids=["a suffix", "Apple's", "an original", "a name of its own", "no extension"],
)
def test_an_edit_is_told_by_its_name(name: bytes, expected: bool) -> None:
    assert is_edit(name) is expected


@pytest.mark.parametrize("name", [b".jpg", b"noext", b"", b".", b"-edited.jpg"], ids=repr)
def test_odd_names_have_a_stem_as_well(name: bytes) -> None:
    assert isinstance(stem_of(name), bytes)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (100.0, 102.0, True),
        (102.0, 100.0, True),
        (100.0, 102.1, False),
        (None, 100.0, True),
        (100.0, None, True),
        (None, None, True),
    ],
    ids=["two seconds", "the other way round", "longer", "one unknown", "other unknown", "both"],
)
def test_one_press_of_the_shutter_takes_two_seconds_at_most(
    a: float | None, b: float | None, expected: bool
) -> None:
    assert may_share_shot(a, b) is expected
