"""Which file names take part in the library, and which are somebody else's business. Pure.

    kind      extensions (any case)                       taken part how
    --------  ------------------------------------------  -----------------------------------
    image     jpg png webp gif tif bmp heic avif mpo ...  looked at, scored, learned from
    raw       cr2 cr3 nef arw dng raf orf rw2 ...         lives and dies with its shot
    video     mov mp4 m4v 3gp avi mkv ...                 the moving half of a live photo
    sidecar   xmp aae json thm dop pp3 ...                notes about a shot

Ignored are names that a download, a save, a sync client or an image tool has lent to a file for a
while, backups, and all that is hidden; and folders of thumbnails, versions and trashes.
"""

import re

from triaged.core.types import FileKind

_EXTENSIONS = {
    FileKind.IMAGE: b"jpg jpeg jpe jfif png webp gif tif tiff bmp heic heif hif avif mpo",
    FileKind.RAW: (
        b"3fr ari arw bay cap cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf "
        b"pef raf raw rw2 rwl sr2 srf srw x3f"
    ),
    FileKind.VIDEO: b"3g2 3gp avi m2ts m4v mkv mov mp4 mpeg mpg mts webm wmv",
    FileKind.SIDECAR: b"aae arp dop json on1 pp3 thm vrd xmp",
}
_KINDS = {extension: kind for kind, row in _EXTENSIONS.items() for extension in row.split()}

_IGNORED_NAME = re.compile(
    rb"""\. | ~syncthing~ | ~\$              # hidden; a sync in flight; an office lock
    | .* (?: ~ | _original | _exiftool_tmp
           | \.(?:part|partial|crdownload|download|opdownload|tmp|temp|aria2|filepart|!ut)
         ) \Z                                # saves, backups and downloads in flight
    | .* (?: \.sync-conflict- | [ ]\((?:.*[ ])?conflicted[ ]copy[ ] )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_IGNORED_FOLDERS = frozenset(
    (
        b"@eadir @recycle @recently-snapshot @tmp #recycle #snapshot $recycle.bin lost+found "
        b"__macosx"
    ).split()
) | {b"system volume information"}


def kind_of(name: bytes) -> FileKind | None:
    """Return the kind of a file called `name` by its extension, None if it is no part of a shot."""
    stem, dot, extension = name.rpartition(b".")
    return _KINDS.get(extension.lower()) if stem and dot else None


def is_ignored_name(name: bytes) -> bool:
    """Return whether a file called `name` is left alone: temporary, hidden, a backup."""
    return _IGNORED_NAME.match(name) is not None


def is_ignored_folder(name: bytes) -> bool:
    """Return whether a folder called `name`, with all below it, is left alone.

    All hidden folders are: `.stfolder`, `.stversions`, `.thumbnails`, `.Trash-1000`, `.dtrash`.
    """
    return name.startswith(b".") or name.lower() in _IGNORED_FOLDERS


def is_ignored_path(relative: bytes) -> bool:
    """Return whether a file at `relative`, below a root, is left alone for any name in the path."""
    *folders, name = relative.split(b"/")
    return is_ignored_name(name) or any(is_ignored_folder(folder) for folder in folders)
