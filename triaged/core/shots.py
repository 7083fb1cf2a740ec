"""Which files live and die together: one press of the shutter, several files.

Members lie in one folder, share a stem (letter case aside), differ in suffix, and were captured
within two seconds where both captures are known: phones use IMG_0001 again.

    IMG_1.CR2 + IMG_1.JPG     RAW and JPEG
    IMG_1.HEIC + IMG_1.MOV    a live photo
    IMG_1.JPG + IMG_1-edited.JPG, IMG_E1.JPG     an edit beside its original
"""

import re

SAME_CAPTURE_SECONDS = 2.0

_EDITED = re.compile(rb"[-_ ~](edited|edit|bearbeitet)$")
_APPLE_EDIT = re.compile(rb"^(img_)e(\d{4,})$")


def stem_of(name: bytes) -> bytes:
    """Return what members of a shot have in common: the stem, folded, without an edit's mark."""
    stem = name.rpartition(b".")[0].lower() or name.lower()
    stem = _EDITED.sub(b"", stem)
    return _APPLE_EDIT.sub(rb"\1\2", stem)


def is_edit(name: bytes) -> bool:
    """Return whether a name is marked as an edited version of another file."""
    stem = name.rpartition(b".")[0].lower() or name.lower()
    return bool(_EDITED.search(stem) or _APPLE_EDIT.match(stem))


def may_share_shot(taken_a: float | None, taken_b: float | None) -> bool:
    """Return whether two capture times (seconds) allow one shot; an unknown one always does."""
    if taken_a is None or taken_b is None:
        return True
    return abs(taken_a - taken_b) <= SAME_CAPTURE_SECONDS
