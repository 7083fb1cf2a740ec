"""What a decoding child and its parent say to each other, and how little the parent believes.

    parent -> child   one byte with one open file attached          please decode this
    child  -> parent  Hello      once, confined: layers and the sizes of what will come
                      Read       the hash of the bytes, before anything is decoded
                      Decoded    facts, then the arrays' raw bytes in the order of `Sizes`
                      Refused    the reason why there is no picture

A frame is a length (4 bytes, network order), a JSON header of that length, and after `Decoded` the
bytes of the arrays, whose number the parent computes itself. Whatever a hostile picture makes the
child say, `take_frame` and `parse` return one of these four or raise `Nonsense`.
"""

import dataclasses
import functools
import json
import math
import re
import struct
import typing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triaged.ml.decode import MAX_PIXELS
from triaged.ml.exif import Facts

_LENGTH = struct.Struct("!I")
_MAX_HEADER_BYTES = 64 * 1024
_MAX_NUMBERS = 1 << 20  # of one array: far above any feature, far below harm
LONGEST_TEXT = 400  # characters of a reason or a camera's name
_HASH = re.compile(r"[0-9a-f]{32}")


class Nonsense(Exception):  # noqa: N818  # a judgement, read as a sentence
    """The child said what no honest decoder says."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the parent wants of every picture, and what a picture may cost."""

    input_px: int = 224
    with_descriptor: bool = True
    memory_bytes: int = 2 << 30  # beyond what is mapped once everything is loaded
    cpu_seconds: float = 60.0  # a file
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many numbers the arrays of one answer have; 0 where one is not wanted or not made."""

    measured: int  # float32, as are the next two
    embedding: int
    levels: int
    input_px: int  # (S, S, 3) uint8; last, so that the others lie on multiples of four bytes

    @property
    def body_bytes(self) -> int:
        """The bytes that follow the header of `Decoded`."""
        return 4 * (self.measured + self.embedding + self.levels) + 3 * self.input_px**2


@dataclass(frozen=True, slots=True)
class Hello:
    """The child has loaded everything and is confined."""

    layers: tuple[str, ...]
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Read:
    """The file has been read; `content_hash` is xxh3_128 of its bytes, in hex."""

    content_hash: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture: what the file says of itself, and what was computed from it."""

    facts: Facts
    pixels: NDArray[np.uint8] | None  # (S, S, 3)
    measured: NDArray[np.float32]  # (M,), NaN where meaningless
    embedding: NDArray[np.float32] | None  # (E,)
    levels: NDArray[np.float32] | None  # (L,)


@dataclass(frozen=True, slots=True)
class Refused:
    """No picture, and why: one printable line."""

    reason: str


Answer = Hello | Read | Decoded | Refused


def pack(header: dict[str, object], *arrays: NDArray[np.generic] | None) -> bytes:
    """Return one frame. Raises ValueError for numbers JSON does not have."""
    text = json.dumps(header, allow_nan=False).encode()
    body = b"".join(array.tobytes() for array in arrays if array is not None)
    return _LENGTH.pack(len(text)) + text + body


def pack_hello(hello: Hello) -> bytes:
    """Return the frame of a child's first words."""
    sizes = dataclasses.asdict(hello.sizes)
    return pack({"kind": "hello", "layers": list(hello.layers), "sizes": sizes})


def pack_decoded(decoded: Decoded) -> bytes:
    """Return the frame of a picture."""
    arrays = (decoded.measured, decoded.embedding, decoded.levels, decoded.pixels)
    return pack({"kind": "decoded", "facts": dataclasses.asdict(decoded.facts)}, *arrays)


def take_frame(buffer: bytearray, body_bytes: int) -> tuple[dict[str, object], bytes] | None:
    """Remove the first whole frame from `buffer` and return its header and body, or None.

    `body_bytes` is what has to follow the header of `Decoded`. Raises Nonsense.
    """
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    if length > _MAX_HEADER_BYTES:
        raise Nonsense(f"a header of {length} bytes")
    start = _LENGTH.size + length
    if len(buffer) < start:
        return None
    header = _header(bytes(buffer[_LENGTH.size : start]))
    end = start + (body_bytes if header.get("kind") == "decoded" else 0)
    if len(buffer) < end:
        return None
    body = bytes(buffer[start:end])
    del buffer[:end]
    return header, body


def parse(header: dict[str, object], body: bytes, sizes: Sizes | None) -> Answer:
    """Return what a frame says, checked field by field. Raises Nonsense.

    `sizes` are those of the child's Hello, None before it has come.
    """
    match header:
        case {"kind": "hello", "layers": list(layers), "sizes": dict(announced)}:
            return Hello(tuple(_line(layer) for layer in layers[:8]), _sizes(announced))
        case {"kind": "read", "hash": str(content_hash)} if _HASH.fullmatch(content_hash):
            return Read(content_hash)
        case {"kind": "refused", "reason": reason}:
            return Refused(_line(reason))
        case {"kind": "decoded", "facts": dict(facts)} if sizes is not None:
            return _decoded(facts, body, sizes)
    raise Nonsense("an unknown answer")


def _header(text: bytes) -> dict[str, object]:
    try:
        header = json.loads(text, parse_constant=_refuse_constant)
    except (
        ValueError,
        RecursionError,
    ) as error:  # not UTF-8, not JSON, too deep, too long a number
        raise Nonsense("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise Nonsense("a header without names")
    return header


def _refuse_constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity: Python reads them, JSON has none


def _sizes(announced: dict[str, object]) -> Sizes:
    numbers = [announced.get(field.name) for field in dataclasses.fields(Sizes)]
    checked = [n for n in numbers if type(n) is int and 0 <= n <= _MAX_NUMBERS]
    if len(checked) != len(numbers):
        raise Nonsense("sizes out of range")
    return Sizes(*checked)


def _decoded(facts: dict[str, object], body: bytes, sizes: Sizes) -> Decoded:
    count = sizes.measured + sizes.embedding + sizes.levels
    numbers = np.frombuffer(body, np.float32, count=count)  # (M + E + L,)
    pixels = np.frombuffer(body, np.uint8, offset=4 * count)
    measured, embedding, levels = np.split(
        numbers, [sizes.measured, sizes.measured + sizes.embedding]
    )
    if np.isinf(measured).any() or not np.isfinite(numbers[sizes.measured :]).all():
        raise Nonsense("numbers that are not finite")
    shape = (sizes.input_px, sizes.input_px, 3)
    return Decoded(
        facts=_facts(facts),
        pixels=pixels.reshape(shape) if sizes.input_px else None,
        measured=measured,
        embedding=embedding if sizes.embedding else None,
        levels=levels if sizes.levels else None,
    )


@functools.cache
def _facts_types() -> dict[str, object]:
    return typing.get_type_hints(Facts)


def _facts(said: dict[str, object]) -> Facts:
    """Return the facts with every field of its declared type, bounded and printable."""
    hints = _facts_types()
    if said.keys() != hints.keys():
        raise Nonsense("facts with other names")
    return Facts(**{name: _fact(said[name], hint) for name, hint in hints.items()})  # type: ignore[arg-type]


def _fact(value: object, hint: object) -> object:
    allowed = typing.get_args(hint) or (hint,)
    if type(value) is int and float in allowed and int not in allowed:
        value = float(value) if abs(value) < 2**53 else None
    if type(value) not in allowed:
        raise Nonsense("a fact of another type")
    if isinstance(value, int) and abs(value) >= 2**63:  # what SQLite can hold
        raise Nonsense("a fact out of range")
    if isinstance(value, float) and not math.isfinite(value):  # 1e999
        raise Nonsense("a fact that is not finite")
    return _line(value) if isinstance(value, str) else value


def _line(text: object) -> str:
    """Return `text` as one short printable line: it goes to terminals, logs and SQLite."""
    if not isinstance(text, str):
        raise Nonsense("a text that is none")
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST_TEXT]).strip()
