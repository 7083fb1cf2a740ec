"""The decoding child: `python -m triaged.ml.decoder SETTINGS`, its parent's socket as its input.

    1  load      every module, table and codec, by decoding a picture of its own
    2  confine   from here on nothing can be opened, started or connected to
    3  serve     take an open file, hash it, decode it, answer; leave when the parent is gone

SETTINGS is JSON with the fields of `Settings` in `wire.py`, as is what is said over the socket.
With `--probe` in its place it confines itself, tries what must not work, and prints what did.
"""

import codecs
import io
import json
import os
import socket
import sys

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from triaged.ml import descriptor, measured
from triaged.ml.confinement import confine, die_with_parent, limit_cpu
from triaged.ml.decode import Picture, Undecodable, decode
from triaged.ml.probe import attempts
from triaged.ml.wire import (
    LONGEST_TEXT,
    Decoded,
    Hello,
    Settings,
    Sizes,
    pack,
    pack_decoded,
    pack_hello,
)

_CHANNEL_FD = 0
_CODECS = ("ascii", "latin-1", "utf-8", "utf-16-le", "utf-16-be")  # Python loads them when asked
_RESIZE_TO_CROP = 256 / 224  # the usual evaluation transform: short side to 256, centre 224


def main(arguments: list[str]) -> None:
    """Serve one parent until it is gone, or probe the confinement."""
    die_with_parent()
    if arguments == ["--probe"]:
        _warm_up(Settings())
        confine(Settings().memory_bytes)
        print(json.dumps(attempts()))  # noqa: T201  # its whole purpose
        return
    settings = Settings(**json.loads(arguments[0]))
    with socket.socket(fileno=_CHANNEL_FD) as channel:
        sizes = _warm_up(settings)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        layers = confine(settings.memory_bytes)
        channel.sendall(pack_hello(Hello(layers, sizes)))
        # What went wrong until here is for the journal; from here on only libraries complain,
        # about every second file.
        os.dup2(nowhere, sys.stderr.fileno(), inheritable=False)
        _serve(channel, settings)


def _serve(channel: socket.socket, settings: Settings) -> None:
    while True:
        message, fds, _, _ = socket.recv_fds(channel, 1, 1)
        if not message:
            return
        limit_cpu(settings.cpu_seconds)
        try:
            data = _read(fds[0])
        except (OSError, MemoryError) as error:
            channel.sendall(_refusal(f"cannot be read: {error}"))
            continue
        # The hash goes first: it names the file even if its decoding ends this process.
        channel.sendall(pack({"kind": "read", "hash": xxhash.xxh3_128_hexdigest(data)}))
        channel.sendall(_answer(data, settings))


def _read(fd: int) -> bytes:
    """Return the bytes of an open file and close it; they do not stay in the page cache."""
    with open(fd, "rb", buffering=0) as file:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        data = file.readall()
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return data


def _answer(data: bytes, settings: Settings) -> bytes:
    """Return the frame that answers for a file with these bytes."""
    try:
        return pack_decoded(_computed(decode(data, max_pixels=settings.max_pixels), settings))
    except Undecodable as error:
        return _refusal(str(error))
    except MemoryError:
        return _refusal("too large for the memory allowed")
    except Exception as error:  # the boundary: one photo's trouble never ends the child
        return _refusal(f"{type(error).__name__}: {error}")


def _refusal(reason: str) -> bytes:
    return pack({"kind": "refused", "reason": reason[:LONGEST_TEXT]})


def _computed(picture: Picture, settings: Settings) -> Decoded:
    embedding, levels = descriptor.describe(picture) if settings.with_descriptor else (None, None)
    return Decoded(
        facts=picture.facts,
        pixels=network_input(picture.pixels, settings.input_px) if settings.input_px else None,
        measured=measured.measure(picture),
        embedding=embedding,
        levels=levels,
    )


def network_input(pixels: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Return `(S, S, 3)`: short side to S * 256 / 224, then the centre square, in one resize."""
    height, width = pixels.shape[:2]
    side = max(1.0, min(width, height) / _RESIZE_TO_CROP)
    left, top = (width - side) / 2, (height - side) / 2
    square = Image.fromarray(pixels).resize(
        (size_px, size_px), Image.Resampling.BICUBIC, (left, top, left + side, top + side)
    )
    return np.asarray(square)  # (S, S, 3)


def _warm_up(settings: Settings) -> Sizes:
    """Do all there is to do once, so that nothing is left to load; return the arrays' sizes."""
    for codec in _CODECS:
        codecs.lookup(codec)
    ramp = np.indices((480, 640)).sum(axis=0)  # (480, 640)
    image = Image.fromarray(np.stack([ramp % 251, ramp % 127, ramp % 61], axis=2).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "JPEG")
    computed = _computed(decode(file.getvalue()), settings)
    return Sizes(
        measured=computed.measured.size,
        embedding=0 if computed.embedding is None else computed.embedding.size,
        levels=0 if computed.levels is None else computed.levels.size,
        input_px=settings.input_px,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
