"""One decoding child as its parent sees it: started, asked, listened to, killed.

Whatever ends it, early or late, honest or not, comes out as `Lost` with a reason for the owner.
"""

import dataclasses
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import triaged
from triaged.ml.decode import MAX_PIXELS
from triaged.ml.exif import Facts
from triaged.ml.wire import (
    Answer,
    Decoded,
    Hello,
    Nonsense,
    Read,
    Refused,
    Settings,
    parse,
    take_frame,
)

# -P: nothing is imported from the folder the owner happens to stand in.
PROGRAM = (sys.executable, "-P", "-m", "triaged.ml.decoder")

_ENVIRONMENT = {
    # One thread a child: there are as many children as cores, and threads that stand before the
    # confinement would not be under landlock.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    # One arena: each further one maps 64 MiB that count as memory of the limit.
    "MALLOC_ARENA_MAX": "1",
    "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(triaged.__file__))),
}
_CHUNK_BYTES = 1 << 20
_LAST_WORDS_SECONDS = 1.0  # between the end of its socket and the end of its process
_BURIAL_SECONDS = 5.0  # a killed process that waits for a dead disk cannot be waited for


@dataclass(frozen=True, slots=True)
class Want:
    """What is computed of every picture beside its facts and its measured part."""

    input_px: int  # side of the network's input, 0: none wanted
    with_descriptor: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost."""

    seconds_per_file: float = 60.0  # by the wall clock and of processor time
    file_bytes: int = 1 << 30
    memory_bytes: int = 2 << 30  # beyond what a child needs before it has seen a file
    max_pixels: int = MAX_PIXELS
    start_seconds: float = 60.0  # until a child is ready, imports from a cold disk included


@dataclass(frozen=True, slots=True)
class Job:
    """One file to look at; `key` is the caller's own, and comes back with the outcome."""

    key: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file: facts and arrays, or an `error`.

    `content_hash` is xxh3_128 of the bytes in hex, and is there whenever the file could be read,
    even if decoding it failed or crashed. `is_crash` says that the child was lost over it: such a
    file is better tried alone the next time.
    """

    key: int
    content_hash: str | None = None
    facts: Facts | None = None
    pixels: NDArray[np.uint8] | None = None  # (S, S, 3) sRGB, if wanted
    measured: NDArray[np.float32] | None = None  # (M,) NaN where meaningless
    embedding: NDArray[np.float32] | None = None  # (E,) the descriptor's, if wanted
    levels: NDArray[np.float32] | None = None  # (L,) the same
    error: str | None = None
    is_crash: bool = False


class Lost(Exception):  # noqa: N818  # a state of the child, read as a sentence
    """The child is of no more use; `str()` is the reason."""


class Child:
    """A decoding child. `deadline` is the monotonic time by which it must have said more."""

    def __init__(self, program: Sequence[str], want: Want, limits: Limits) -> None:
        self.hello: Hello | None = None
        self.pending: deque[Job] = deque()
        self.deadline = time.monotonic() + limits.start_seconds
        self._want, self._limits = want, limits
        self._content_hash: str | None = None  # of the first pending job
        self._buffer = bytearray()
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        with theirs:
            # Room for an answer, so that it can go on with the next file while we are away.
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CHUNK_BYTES)
            self._process = _start(program, theirs, want, limits)

    def ask(self, job: Job, fd: int) -> None:
        """Send an open file along. Raises Lost, with the job not taken, if nobody is there."""
        try:
            socket.send_fds(self.channel, [b"\0"], [fd])
        except OSError as error:
            raise Lost(self._last_words()) from error
        self.pending.append(job)
        if len(self.pending) == 1 and self.hello is not None:
            self._wind()

    def listen(self) -> Iterator[Outcome]:
        """Yield what has come in by now, without waiting. Raises Lost."""
        try:
            data = self.channel.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise Lost(self._last_words()) from error
        if not data:
            raise Lost(self._last_words())
        self._buffer += data
        try:
            yield from self._outcomes()
        except Nonsense as nonsense:
            raise Lost(f"the decoder answered nonsense: {nonsense}") from nonsense

    def blame(self, lost: Lost) -> Outcome | None:
        """Remove the file this child was lost over and return its outcome; None if it was none.

        Before a file has been read nothing in it can have done harm; it can only be slow to read.
        """
        is_late = self.hello is not None and time.monotonic() >= self.deadline
        if not self.pending or (self._content_hash is None and not is_late):
            return None
        job = self.pending.popleft()
        return Outcome(job.key, self._content_hash, error=str(lost), is_crash=True)

    @property
    def lateness(self) -> str:
        """What to say of this child once its deadline has passed."""
        if self.hello is None:
            return f"the decoder was not ready after {self._limits.start_seconds:g} s"
        return f"took longer than {self._limits.seconds_per_file:g} s"

    def kill(self) -> None:
        """End it now, whatever it is doing."""
        self._process.kill()
        self.channel.close()
        try:
            self._process.wait(_BURIAL_SECONDS)
        except subprocess.TimeoutExpired:
            return

    def _outcomes(self) -> Iterator[Outcome]:
        while True:
            body_bytes = self.hello.sizes.body_bytes if self.hello else 0
            frame = take_frame(self._buffer, body_bytes)
            if frame is None:
                return
            outcome = self._heard(parse(*frame, self.hello.sizes if self.hello else None))
            if outcome is not None:
                yield outcome

    def _heard(self, answer: Answer) -> Outcome | None:
        """Return the outcome that an answer completes. Raises Nonsense if it is out of turn."""
        match answer:
            case Hello(sizes=sizes) if self.hello is None and sizes.input_px == self._want.input_px:
                self.hello = answer
                self._wind()
                return None
            case Read(content_hash) if self.hello and self.pending and self._content_hash is None:
                self._content_hash = content_hash
                return None
            case Refused(reason) if self.hello and self.pending:
                return self._finished(error=reason or "not decodable")
            case Decoded() if self.pending and self._content_hash is not None:
                arrays = {f.name: getattr(answer, f.name) for f in dataclasses.fields(answer)}
                return self._finished(**arrays)
        raise Nonsense("an answer out of turn")

    def _finished(self, **what: object) -> Outcome:
        job, content_hash = self.pending.popleft(), self._content_hash
        self._content_hash = None
        self._wind()
        return Outcome(job.key, content_hash, **what)  # type: ignore[arg-type]

    def _wind(self) -> None:
        """Give the first pending file its time; a child without one has no deadline."""
        seconds = self._limits.seconds_per_file if self.pending else math.inf
        self.deadline = time.monotonic() + seconds

    def _last_words(self) -> str:
        try:
            code = self._process.wait(_LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            return "the decoder hung up"
        if code == -signal.SIGXCPU:
            return f"took longer than {self._limits.seconds_per_file:g} s of processor time"
        if code < 0:
            return f"the decoder crashed ({signal.Signals(-code).name})"
        return f"the decoder ended with status {code}"


def _start(
    program: Sequence[str], channel: socket.socket, want: Want, limits: Limits
) -> subprocess.Popen[bytes]:
    settings = Settings(
        input_px=want.input_px,
        with_descriptor=want.with_descriptor,
        memory_bytes=limits.memory_bytes,
        cpu_seconds=limits.seconds_per_file,
        max_pixels=limits.max_pixels,
    )
    return subprocess.Popen(
        [*program, json.dumps(dataclasses.asdict(settings))],
        stdin=channel.fileno(),
        stdout=subprocess.DEVNULL,
        env=os.environ | _ENVIRONMENT,
        process_group=0,  # Ctrl-C is for the parent, which ends its children
    )
