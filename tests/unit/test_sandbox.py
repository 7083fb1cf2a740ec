import dataclasses
import io
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
import psutil
import pytest
import xxhash
from PIL import Image

import triaged
from triaged.ml.child import PROGRAM
from triaged.ml.decode import Facts
from triaged.ml.decoder import network_input
from triaged.ml.sandbox import DecoderPool, Job, Limits, Outcome, Want
from triaged.ml.wire import pack

NASTY = Path("/work/shared/nasty")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.fspath(Path(triaged.__file__).parents[1])}
WANT = Want(input_px=224, with_descriptor=True)

# A decoder that a picture has taken over: it does and says whatever the picture tells it to.
TAKEN_OVER = """
import ctypes, os, sys, threading
from triaged.ml import decoder

honest = decoder._answer

def answer(data, settings):
    if data == b"segfault":
        ctypes.string_at(0)
    if data == b"abort":
        os.abort()
    if data == b"leave":
        os._exit(3)
    if data == b"hang":
        threading.Event().wait()
    if data == b"burn":
        while True:
            pass
    return data[4:] if data.startswith(b"say:") else honest(data, settings)

decoder._answer = answer
decoder.main(sys.argv[1:])
"""
TAKEN_OVER_PROGRAM = (sys.executable, "-P", "-c", TAKEN_OVER)


def picture(seed: int = 0, size: tuple[int, int] = (320, 240), kind: str = "JPEG") -> bytes:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    file = io.BytesIO()
    image = coarse.resize(size, Image.Resampling.BICUBIC)
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, quality=80)
    else:
        image.save(file, kind)
    return file.getvalue()


def put(folder: Path, **contents: bytes) -> list[Job]:
    """Write the files and return their jobs, keyed by position."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [Job(key, os.fsencode(folder / name)) for key, name in enumerate(contents)]


def outcomes(pool: DecoderPool, jobs: list[Job]) -> dict[int, Outcome]:
    """Run the jobs and return what came of them, each exactly once."""
    came = list(pool.run(jobs))
    assert sorted(outcome.key for outcome in came) == [job.key for job in jobs]
    return {outcome.key: outcome for outcome in came}


def assert_decoded(outcome: Outcome, content: bytes) -> None:
    assert outcome.error is None
    assert outcome.content_hash == xxhash.xxh3_128_hexdigest(content)
    assert outcome.pixels is not None
    assert outcome.pixels.shape == (224, 224, 3)


def said_by(*command: str) -> str:
    """Run a program of ours, through a pipe, because a confined process cannot write files."""
    program = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=ENVIRONMENT)
    return program.stdout.decode().strip()


@pytest.fixture(scope="module")
def taken_over() -> Iterator[DecoderPool]:
    limits = Limits(seconds_per_file=5.0)
    with DecoderPool(2, WANT, limits, TAKEN_OVER_PROGRAM) as pool:
        yield pool


@pytest.fixture(scope="module")
def attempts() -> dict[str, str]:
    with DecoderPool(1, WANT) as pool:
        if "no seccomp" in pool.confinement:
            pytest.skip(f"this kernel gives only: {pool.confinement}")
    result: dict[str, str] = json.loads(said_by(*PROGRAM, "--probe"))
    return result


@pytest.mark.parametrize(
    "attempt",
    [
        "read a file",
        "write a file",
        "list a folder",
        "remove a file",
        "rename a file",
        "change the mode of an open file",
        "set an attribute of an open file",
        "set the times of an open file",
        "open a network socket",
        "open a local socket",
        "fork",
        "execute a program",
        "signal the parent",
        "make an io_uring",
    ],
)
def test_a_confined_decoder_is_refused(attempts: dict[str, str], attempt: str) -> None:
    assert attempts[attempt] == "EPERM"


@pytest.mark.parametrize("attempt", ["start a thread", "map memory", "ask for randomness"])
def test_a_confined_decoder_can_still(attempts: dict[str, str], attempt: str) -> None:
    assert attempts[attempt] == "allowed"


@pytest.mark.parametrize(
    ("layer", "refusal"), [("forbid_paths", "EACCES"), ("forbid_calls", "EPERM")]
)
def test_each_layer_refuses_files_without_the_other(layer: str, refusal: str) -> None:
    source = f"""
import ctypes
from triaged.ml import confinement, probe
no_new_privileges = 38
ctypes.CDLL(None).prctl(no_new_privileges, 1, 0, 0, 0)
try:
    confinement.{layer}()
except OSError as error:
    raise SystemExit(print(error))
print(probe.attempt("read a file"), probe.attempt("write a file"))
"""
    said = said_by(sys.executable, "-c", source)
    if said.startswith("[Errno"):
        pytest.skip(f"this kernel has no such layer: {said}")
    assert said.split() == [refusal, refusal]


def test_the_pool_says_what_holds_its_children() -> None:
    with DecoderPool(1, WANT) as pool:
        rlimits, landlock, seccomp = pool.confinement.split(", ")
    assert rlimits == "rlimits"
    assert landlock == "landlock" or landlock.startswith("no landlock (")
    assert seccomp == "seccomp" or seccomp.startswith("no seccomp (")


def test_a_decoder_imports_neither_torch_nor_onnx_runtime() -> None:
    source = "import triaged.ml.decoder, sys; print({'torch', 'onnxruntime'} & set(sys.modules))"
    assert said_by(sys.executable, "-c", source) == "set()"


def test_every_picture_comes_back_with_its_hash_facts_and_arrays(tmp_path: Path) -> None:
    contents = {f"photo{seed}": picture(seed) for seed in range(9)}
    jobs = put(tmp_path, **contents)
    with DecoderPool(2, WANT) as pool:
        came = outcomes(pool, jobs)
    for outcome, content in zip((came[job.key] for job in jobs), contents.values(), strict=True):
        assert_decoded(outcome, content)
        assert outcome.facts == Facts(320, 240, "JPEG", len(content), 1)
        assert outcome.measured is not None
        assert outcome.embedding is not None
        assert np.linalg.norm(outcome.embedding) == pytest.approx(1.0, abs=1e-3)


def test_nothing_is_computed_that_is_not_wanted(tmp_path: Path) -> None:
    jobs = put(tmp_path, photo=picture())
    with DecoderPool(1, Want(input_px=0, with_descriptor=False)) as pool:
        outcome = outcomes(pool, jobs)[0]
    assert outcome.measured is not None
    assert (outcome.pixels, outcome.embedding, outcome.levels) == (None, None, None)


def test_a_file_that_is_no_picture_has_a_reason_and_its_hash(tmp_path: Path) -> None:
    jobs = put(tmp_path, text=b"Dear diary", empty=b"")
    with DecoderPool(1, WANT) as pool:
        text, empty = outcomes(pool, jobs).values()
    assert text.content_hash == xxhash.xxh3_128_hexdigest(b"Dear diary")
    assert text.error is not None
    assert not text.is_crash
    assert empty.error == "the file is empty"


def test_a_picture_beyond_the_memory_limit_is_refused_and_the_next_decoded(tmp_path: Path) -> None:
    content = picture()
    jobs = put(tmp_path, large=picture(size=(4000, 6000), kind="BMP"), small=content)
    with DecoderPool(1, WANT, Limits(memory_bytes=100 << 20)) as pool:
        large, small = outcomes(pool, jobs).values()
    assert "memory" in (large.error or "")
    assert large.content_hash is not None
    assert_decoded(small, content)


def test_a_picture_beyond_the_pixel_limit_is_refused(tmp_path: Path) -> None:
    jobs = put(tmp_path, photo=picture(size=(320, 240)))
    with DecoderPool(1, WANT, Limits(max_pixels=320 * 240 - 1)) as pool:
        assert "pixels" in (outcomes(pool, jobs)[0].error or "")


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (b"segfault", "the decoder crashed (SIGSEGV)"),
        (b"abort", "the decoder crashed (SIGABRT)"),
        (b"leave", "the decoder ended with status 3"),
    ],
    ids=["segfault", "abort", "exit"],
)
def test_a_crashing_child_costs_one_file(
    taken_over: DecoderPool, tmp_path: Path, trouble: bytes, reason: str
) -> None:
    good = {f"good{seed}": picture(seed) for seed in range(4)}
    jobs = put(tmp_path, bad=trouble, **good)
    bad, *rest = (outcome for _, outcome in sorted(outcomes(taken_over, jobs).items()))
    assert (bad.error, bad.is_crash) == (reason, True)
    assert bad.content_hash == xxhash.xxh3_128_hexdigest(trouble)
    for outcome, content in zip(rest, good.values(), strict=True):
        assert_decoded(outcome, content)


@pytest.mark.parametrize("trouble", [b"hang", b"burn"], ids=["hanging", "burning"])
def test_a_file_over_the_time_limit_is_given_up_and_the_next_decoded(
    tmp_path: Path, trouble: bytes
) -> None:
    content = picture()
    jobs = put(tmp_path, bad=trouble, good=content)
    with DecoderPool(1, WANT, Limits(seconds_per_file=1.0), TAKEN_OVER_PROGRAM) as pool:
        bad, good = outcomes(pool, jobs).values()
    assert (bad.error, bad.is_crash) == ("took longer than 1 s", True)
    assert bad.content_hash == xxhash.xxh3_128_hexdigest(trouble)
    assert_decoded(good, content)


FACTS = dataclasses.asdict(Facts(4, 3, "JPEG", 99, 1))


def decoded(**changes: object) -> bytes:
    return pack({"kind": "decoded", "facts": FACTS | changes}) + bytes(1 << 20)


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff",
        struct.pack("!I", 9) + b"not JSON!",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 60_000) + b"[" * 60_000,
        struct.pack("!I", 5000) + b"9" * 5000,
        pack({"kind": "hello", "layers": [], "sizes": {}}),
        pack({"kind": "read", "hash": "0" * 32}),
        pack({"kind": "refused", "reason": 7}),
        pack({"kind": "sudo"}),
        decoded(width="4"),
        decoded(width=True),
        decoded(width=2**63),
        decoded(width=None),
        decoded(taken_at="now"),
        decoded(surprise=1),
        decoded().replace(b'"iso": null', b'"iso":1e999'),
        decoded().replace(b'"iso": null', b'"iso":  NaN'),
        os.urandom(1 << 16),
    ],
    ids=[
        "an endless header",
        "no JSON",
        "a list",
        "a deep list",
        "a long number",
        "a second hello",
        "a second hash",
        "a reason that is no text",
        "an unknown answer",
        "a text for a number",
        "a truth for a number",
        "a number beyond SQLite",
        "a missing number",
        "a text for a time",
        "an unknown fact",
        "a number out of range",
        "a number that is none",
        "noise",
    ],
)
def test_nonsense_from_a_taken_over_child_costs_one_file(
    taken_over: DecoderPool, tmp_path: Path, said: bytes
) -> None:
    content = picture()
    jobs = put(tmp_path, bad=b"say:" + said, good=content)
    bad, good = (outcome for _, outcome in sorted(outcomes(taken_over, jobs).items()))
    assert (bad.error or "").startswith("the decoder answered nonsense")
    assert (bad.facts, bad.is_crash) == (None, True)
    assert_decoded(good, content)


def test_a_child_that_says_too_much_costs_no_further_file(
    taken_over: DecoderPool, tmp_path: Path
) -> None:
    content = picture()
    jobs = put(tmp_path, bad=b"say:" + decoded(), good=content)
    bad, good = (outcome for _, outcome in sorted(outcomes(taken_over, jobs).items()))
    assert bad.facts == Facts(4, 3, "JPEG", 99, 1)
    assert_decoded(good, content)


def test_what_a_file_says_of_itself_comes_out_as_short_printable_lines(
    taken_over: DecoderPool, tmp_path: Path
) -> None:
    reason = "\x1b[2J\nDisk full\ud800\0" + "!" * 9999
    jobs = put(tmp_path, bad=b"say:" + pack({"kind": "refused", "reason": reason}))
    error = outcomes(taken_over, jobs)[0].error
    assert error is not None
    assert error.startswith("[2J Disk full  !!!")
    assert error.isprintable()
    assert len(error) <= 400


def test_what_is_no_regular_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    content = picture()
    (good,) = put(tmp_path, good=content)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "good")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fspath(tmp_path / "socket"))
    (tmp_path / "long").write_bytes(bytes(200_001))
    names = [b"pipe", b"folder", b"link", b"socket", b"gone", b"zero\0", b"long"]
    folder = os.fsencode(tmp_path)
    jobs = [good, *(Job(key, folder + b"/" + name) for key, name in enumerate(names, start=1))]
    with listener, DecoderPool(1, WANT, Limits(file_bytes=200_000)) as pool:
        came = outcomes(pool, jobs)
    assert_decoded(came.pop(0), content)
    assert {names[key - 1]: outcome.error for key, outcome in came.items()} == {
        b"pipe": "not a regular file",
        b"folder": "not a regular file",
        b"link": "cannot be opened: a symbolic link",
        b"socket": "cannot be opened: No such device or address",
        b"gone": "cannot be opened: No such file or directory",
        b"zero\0": "cannot be opened: a zero byte in its name",
        b"long": "200,001 bytes; the limit is 200,000",
    }
    assert not any(outcome.is_crash for outcome in came.values())


def test_jobs_are_drawn_only_as_children_get_free(tmp_path: Path) -> None:
    photo, *_ = put(tmp_path, photo=picture())
    drawn: list[int] = []

    def draw() -> Iterator[Job]:
        for key in range(40):
            drawn.append(key)
            yield Job(key, photo.path)

    in_flight = 2 * 2  # two for each of two children
    with DecoderPool(2, WANT) as pool:
        for finished, _ in enumerate(pool.run(draw()), start=1):
            # As many may have come in together and have been replaced before they are told of.
            assert len(drawn) - finished < 2 * in_flight
    assert len(drawn) == 40


def test_an_idle_child_that_is_killed_costs_no_file(tmp_path: Path) -> None:
    content = picture()
    jobs = put(tmp_path, photo=content)
    with DecoderPool(1, WANT) as pool:
        assert_decoded(outcomes(pool, jobs)[0], content)
        for child in psutil.Process().children():
            child.kill()
            child.wait(timeout=10)
        assert_decoded(outcomes(pool, jobs)[0], content)


def test_leaving_early_ends_the_children_at_work(tmp_path: Path) -> None:
    jobs = put(tmp_path, good=picture(), bad=b"hang", worse=b"hang")
    with DecoderPool(1, WANT, Limits(), TAKEN_OVER_PROGRAM) as pool:
        for outcome in pool.run(jobs):
            assert outcome.key == 0
            assert len(psutil.Process().children()) == 1
            break
    assert psutil.Process().children() == []


def test_a_closed_run_does_not_answer_in_the_next(tmp_path: Path) -> None:
    first = put(tmp_path, one=picture(1), two=picture(2), three=picture(3))
    with DecoderPool(1, WANT) as pool:
        run = pool.run(first)
        next(run)
        run.close()  # type: ignore[attr-defined]
        assert outcomes(pool, [Job(7, first[0].path)])[7].error is None


def test_children_leave_with_a_killed_parent(tmp_path: Path) -> None:
    source = """
import psutil
from triaged.ml.sandbox import DecoderPool, Want
with DecoderPool(1, Want(0, False)) as pool:
    pool.confinement
    print(psutil.Process().children()[0].pid, flush=True)
    input()
"""
    command = [sys.executable, "-c", source]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=ENVIRONMENT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.send_signal(signal.SIGKILL)
        gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child]


@pytest.mark.parametrize(
    "program",
    [
        ("false",),
        (sys.executable, "-c", "print('hello')"),
        (sys.executable, "-c", "import os; os.write(0, b'hello, parent')"),
    ],
    ids=["fails", "leaves", "talks"],
)
def test_a_decoder_that_does_not_start_is_no_fault_of_the_files(
    tmp_path: Path, program: tuple[str, ...]
) -> None:
    jobs = put(tmp_path, photo=picture())
    with (
        DecoderPool(1, WANT, program=program) as pool,
        pytest.raises(RuntimeError, match="before they have read"),
    ):
        list(pool.run(jobs))


def test_a_decoder_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    jobs = put(tmp_path, photo=picture())
    forever = (sys.executable, "-c", "import signal; signal.pause()")
    with (
        DecoderPool(1, WANT, Limits(start_seconds=0.2), forever) as pool,
        pytest.raises(RuntimeError, match="the decoder was not ready"),
    ):
        list(pool.run(jobs))


def damaged(seed: int) -> bytes:
    """Return a picture in one of seven formats: cut, overwritten, or both."""
    rng = random.Random(seed)
    kind = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF")[seed % 7]
    content = bytearray(picture(seed, size=(120, 90), kind=kind))
    for _ in range(rng.choice((0, 1, 8, 64))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content[: rng.randrange(len(content))]) if seed % 3 else bytes(content)


def test_damaged_pictures_of_every_format_leave_the_pool_whole(tmp_path: Path) -> None:
    contents = {f"damaged{seed}": damaged(seed) for seed in range(70)}
    jobs = put(tmp_path, **contents)
    with DecoderPool(2, WANT) as pool:
        came = outcomes(pool, jobs)
    for job, content in zip(jobs, contents.values(), strict=True):
        outcome = came[job.key]
        assert outcome.content_hash == xxhash.xxh3_128_hexdigest(content)
        assert (outcome.facts is None) == (outcome.error is not None)
        assert "not permitted" not in (outcome.error or "")
    assert any(outcome.error for outcome in came.values())


@pytest.mark.skipif(not NASTY.is_dir(), reason="the nasty pictures are not here")
def test_real_nasty_pictures_leave_the_pool_whole() -> None:
    paths = sorted(NASTY.iterdir())
    with DecoderPool(2, WANT) as pool:
        came = outcomes(pool, [Job(key, os.fsencode(path)) for key, path in enumerate(paths)])
    assert {path.name for key, path in enumerate(paths) if came[key].is_crash} == set()
    for key, path in enumerate(paths):
        assert came[key].content_hash == xxhash.xxh3_128_hexdigest(path.read_bytes())
        assert "not permitted" not in (came[key].error or "")


@pytest.mark.parametrize("size", [(224, 224), (1, 400), (900, 30), (768, 512)])
def test_the_network_input_is_square_whatever_the_picture(size: tuple[int, int]) -> None:
    pixels = np.zeros((*size, 3), np.uint8)
    assert network_input(pixels, 96).shape == (96, 96, 3)


def test_the_network_input_is_the_centre_of_the_picture() -> None:
    pixels = np.zeros((512, 768, 3), np.uint8)
    pixels[:, :128] = pixels[:, -128:] = 255  # beyond the centre square
    pixels[:28] = pixels[-28:] = 255  # 1/16 of 512 is 32: beyond the crop
    assert network_input(pixels, 224).max() == 0
    pixels[:, :170] = 255
    assert network_input(pixels, 224)[:, 0].min() > 128
