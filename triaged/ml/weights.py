"""The cache of weights and exported networks, and how published weights get into it.

    weights/NAME-XXXXXXXX.pth               as published
    exported/NAME-XXXXXXXX-LAYOUT.onnx      made from them by `export.py`, in that way of doing it

The X are the first digits of the SHA-256 of the published content (torch.hub, `check_hash`).
Whoever asks for weights gets a file that has passed this check just now; a download stands under
another name until it has.
"""

import contextlib
import glob
import hashlib
import http.client
import logging
import os
import re
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator

from triaged.errors import UserError

log = logging.getLogger(__name__)

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z]+$")
_LAYOUT = 1  # of exported networks: count it up when `network.py` makes other numbers
_CHUNK_BYTES = 1 << 20
_MAX_BYTES = 4 << 30  # the largest published classifier has 2.5 GB


class BackboneUnavailable(UserError):  # noqa: N818  # what it says to the owner
    """A backbone cannot be had; `str()` says why, and what to do."""


def weights_path(url: str, cache_dir: str) -> str:
    """Return where the weights of this address stand, or would stand, in the cache."""
    return os.path.join(cache_dir, "weights", os.path.basename(urllib.parse.urlsplit(url).path))


def hash_in_name(path: str) -> str:
    """Return the digits of the SHA-256 in a weights' name. Raises BackboneUnavailable without."""
    digits = _HASH_IN_NAME.search(path)
    if digits is None:
        raise BackboneUnavailable(f"the name of {path} holds no hash to check it against")
    return digits[1]


def exported_path(name: str, weights_hash: str, cache_dir: str) -> str:
    """Return where a network made from weights of this hash stands, or would stand."""
    return os.path.join(cache_dir, "exported", f"{name}-{weights_hash}-{_LAYOUT}.onnx")


def find_exported(name: str, cache_dir: str) -> str | None:
    """Return the path of the newest exported network of this name, None if there is none."""
    pattern = exported_path(glob.escape(name), "*", glob.escape(cache_dir))
    return max(glob.glob(pattern), key=os.path.getmtime, default=None)


def version_of(exported: str) -> str:
    """Return the version of an exported network's vectors: hash of the weights, and layout."""
    return os.path.basename(exported).partition("-")[2].removesuffix(".onnx")


def fetch_weights(
    url: str, cache_dir: str, *, silence_seconds: float = 5.0, total_seconds: float = 600.0
) -> str:
    """Return the path of the weights in the cache, downloading them if they are not there, whole.

    Gives up when the server is silent for `silence_seconds` or not done after `total_seconds`.
    Raises BackboneUnavailable; nothing is left behind then.
    """
    path = weights_path(url, cache_dir)
    digits = hash_in_name(path)
    if os.path.exists(path) and _sha256(path).startswith(digits):
        return path
    log.info("downloading %s", url)
    try:
        with kept_when_whole(path) as unchecked:
            _download(url, unchecked, silence_seconds, time.monotonic() + total_seconds)
            sha256 = _sha256(unchecked)
            if not sha256.startswith(digits):
                raise BackboneUnavailable(f"{url} came damaged: its SHA-256 is {sha256}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BackboneUnavailable(
            f"cannot download {url} ({getattr(error, 'reason', error)}): go online once, or put "
            f"the file at {path}, or set `backbone: descriptor`"
        ) from error
    return path


@contextlib.contextmanager
def kept_when_whole(path: str) -> Iterator[str]:
    """Give a name beside `path` to write to; it becomes `path` on success and vanishes otherwise.

    The folder is made if it is missing.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # A folder of its own: ONNX files may come with a second file for their weights.
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as beside:
        temporary = os.path.join(beside, name)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url: str, path: str, silence_seconds: float, deadline: float) -> None:
    # S310: the address is torchvision's; tests use file: and http: on this machine.
    with (
        open(path, "wb") as file,
        urllib.request.urlopen(url, timeout=silence_seconds) as answer,  # noqa: S310
    ):
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError("too slow")
            if file.tell() > _MAX_BYTES:
                raise OSError(f"more than {_MAX_BYTES:,} bytes")
