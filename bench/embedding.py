"""Throughput of reading photos: this program's pipeline against the plain recipe, in one run.

    ours    decoding children (read, hash, decode at a fraction, measure), batches, ONNX Runtime
    plain   one process: Pillow in full, resize 256, crop 224, eager torch, one picture at a time

Both take turns for several rounds, on files that stand in the page cache; the ratio is the median
of the rounds'. The network is torchvision's mobilenet_v2 with random weights (they cost what others
cost), which `ours` runs as this program exported it, its levels included, and `plain` as torch has
it, in one thread: a second one saves 4 of its 97 ms where nobody else is at work, and makes the
network ten times slower where somebody is. The bound is what decoding and network would give one
after the other, each alone on all cores.

Other work on the machine hits the two differently. Each round says how much of the machine others
took, and the last line compares processor time, which hardly depends on them: what one process
needs for a photo, against what ours need together, spread over the cores.
"""

import argparse
import hashlib
import io
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
import xxhash
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from triaged.demo.canvas import grain
from triaged.demo.pictures import SCENES, draw
from triaged.ml import measured
from triaged.ml.backbone import BackboneSettings, open_backbone
from triaged.ml.child import Job, Want
from triaged.ml.decode import decode
from triaged.ml.decoder import network_input
from triaged.ml.descriptor import describe
from triaged.ml.device import use_one_thread
from triaged.ml.export import export
from triaged.ml.features import Embedder
from triaged.ml.network import import_torchvision
from triaged.ml.sandbox import DecoderPool

SIZE = (4000, 3000)
DISTINCT = 12
QUALITY, GRAIN = 90, 7.0  # of sensor noise, levels; together 3 to 5 MB a file
BATCH = 16
JPEG = {".jpg", ".jpeg"}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_photos(folder: Path, count: int) -> list[Path]:
    """Write `count` files with different bytes, of a dozen different pictures."""
    kinds, paths = list(SCENES), []
    pictures = []
    for number in range(min(DISTINCT, count)):
        scene = draw(kinds[number % len(kinds)], number, max(SIZE))
        rng = np.random.default_rng(number)
        photo = grain(rng, scene.resize(SIZE, Image.Resampling.BICUBIC), GRAIN)
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=QUALITY)
        pictures.append(file.getvalue())
    for number in range(count):
        path = folder / f"IMG_{number:04d}.jpg"
        # Bytes after the end of a JPEG belong to no picture: same work, another content.
        path.write_bytes(pictures[number % len(pictures)] + number.to_bytes(8, "big"))
        paths.append(path)
    return paths


def random_network(folder: Path) -> tuple[nn.Module, str]:
    """Return mobilenet_v2 without its head, and the path of its export by this program."""
    models = import_torchvision().models
    torch.manual_seed(0)
    net = models.mobilenet_v2(weights=None)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one batch settles the statistics: no layer fades to nothing
    net.train()(torch.rand(8, 3, 224, 224))
    net.eval()
    unnamed = folder / "weights.pth"
    torch.save(net.state_dict(), unnamed)
    digits = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:8]
    published = unnamed.rename(folder / f"mobilenet_v2-{digits}.pth")
    path = export("mobilenet_v2", str(folder / "cache"), published.as_uri())
    net.classifier = nn.Identity()
    return net, path


class Plain:
    """The plain recipe, and the processor seconds that its parts took."""

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        self._mean = torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1)
        self._std = torch.tensor(IMAGENET_STD).reshape(3, 1, 1)
        self.seconds: dict[str, list[float]] = {"decode": [], "resize": [], "network": []}

    def run(self, paths: Sequence[Path]) -> None:
        """Embed every photo, one after the other."""
        with torch.inference_mode():
            for path in paths:
                times = [time.process_time()]
                with Image.open(path) as image:
                    photo = image.convert("RGB")
                times.append(time.process_time())
                pixels = self._prepared(photo)
                times.append(time.process_time())
                self._net(pixels[None])  # (1, 1280)
                times.append(time.process_time())
                for part, begin, end in zip(self.seconds, times, times[1:], strict=False):
                    self.seconds[part].append(end - begin)

    def _prepared(self, photo: Image.Image) -> torch.Tensor:
        """Return (3, 224, 224) as torchvision's evaluation transform makes it."""
        scale = 256 / min(photo.size)
        width, height = (round(side * scale) for side in photo.size)
        small = photo.resize((width, height), Image.Resampling.BILINEAR)
        left, top = (width - 224) // 2, (height - 224) // 2
        square = np.array(small.crop((left, top, left + 224, top + 224)))  # (224, 224, 3)
        pixels = torch.from_numpy(square).permute(2, 0, 1).float() / 255
        return (pixels - self._mean) / self._std


def jobs(paths: Sequence[Path]) -> Iterator[Job]:
    return (Job(number, os.fsencode(path)) for number, path in enumerate(paths))


def run_ours(embedder: Embedder, paths: Sequence[Path]) -> None:
    for found in embedder.run(jobs(paths)):
        if found.features is None:
            raise SystemExit(f"{paths[found.key]} could not be read: {found.reason}")


def run_pool(pool: DecoderPool, paths: Sequence[Path]) -> None:
    for outcome in pool.run(jobs(paths)):
        if outcome.error is not None:
            raise SystemExit(f"{paths[outcome.key]} could not be read: {outcome.error}")


def warm(paths: Sequence[Path]) -> None:
    """Bring the files into the page cache, which the decoding children leave when done."""
    for path in paths:
        path.read_bytes()


def seconds_of(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took: wall clock, processor time, and what others took meanwhile (s)."""

    wall: float
    own: float
    others: float


def cost_of(work: Callable[[], object]) -> Cost:
    own, busy = own_seconds(), busy_seconds()
    wall = seconds_of(work)
    own, busy = own_seconds() - own, busy_seconds() - busy
    return Cost(wall, own, max(0.0, busy - own))


def own_seconds() -> float:
    """Return the processor time of this process and of the decoding children that live now."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children())]
    return sum(t.user + t.system for t in times)


def busy_seconds() -> float:
    """Return the processor time that anybody took on this machine."""
    t = psutil.cpu_times()
    return t.user + t.nice + t.system + t.irq + t.softirq + t.steal


def milliseconds_by_part(paths: Sequence[Path], backbone: str) -> dict[str, float]:
    """Return the median processor ms that each of our parts takes for one photo."""
    encoder = None
    if backbone != "descriptor":
        encoder = open_backbone(backbone, BackboneSettings(threads=1), "")
    parts: dict[str, list[float]] = {}

    def timed(name: str, begin: float) -> float:
        now = time.process_time()
        parts.setdefault(name, []).append((now - begin) * 1e3)
        return now

    pixels: list[NDArray[np.uint8]] = []
    warm(paths)
    for path in paths:
        at = time.process_time()
        data = path.read_bytes()
        xxhash.xxh3_128_hexdigest(data)
        at = timed("read and hash", at)
        picture = decode(data)
        at = timed("decode", at)
        measured.measure(picture)
        at = timed("measured part", at)
        if encoder is None:
            describe(picture)
            timed("descriptor", at)
            continue
        pixels.append(network_input(picture.pixels, encoder.input_px))
        timed("network input", at)
    if encoder is not None:
        for start in range(0, len(pixels), 8):
            batch = np.stack(pixels[start : start + 8])
            encoder.embed(batch)
            at = time.process_time()
            encoder.embed(batch)
            parts.setdefault("network", []).append((time.process_time() - at) / len(batch) * 1e3)
    return {name: statistics.median(values) for name, values in parts.items()}


def network_rate(backbone: str) -> float | None:
    """Return pictures a second through the network alone on all cores; None for the descriptor."""
    if backbone == "descriptor":
        return None
    encoder = open_backbone(backbone, BackboneSettings(), "")
    side = encoder.input_px
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    encoder.embed(pixels)
    return BATCH / statistics.median(seconds_of(lambda: encoder.embed(pixels)) for _ in range(7))


def compare(paths: Sequence[Path], backbone: str, net: nn.Module, rounds: int) -> None:
    side = 0 if backbone == "descriptor" else 224
    plain = Plain(net)
    pool = DecoderPool(0, Want(input_px=side, with_descriptor=not side))
    costs: dict[str, list[Cost]] = {"plain": [], "ours": [], "decode only": []}
    with Embedder(backbone, BackboneSettings(), "") as embedder, pool:
        few = paths[: 4 * len(os.sched_getaffinity(0))]
        print(f"children confined by: {embedder.confinement}")
        run_ours(embedder, few)  # starts every child
        run_pool(pool, few)
        plain.run(paths[:2])
        work = {
            "plain": lambda: plain.run(paths),
            "ours": lambda: run_ours(embedder, paths),
            "decode only": lambda: run_pool(pool, paths),
        }
        for number in range(rounds):
            for name, run in work.items():
                warm(paths)
                costs[name].append(cost_of(run))
            base, ours = costs["plain"][-1], costs["ours"][-1]
            others = (base.others + ours.others) / (base.wall + ours.wall) / (os.cpu_count() or 1)
            print(
                f"round {number + 1}: plain {len(paths) / base.wall:.2f}/s, ours"
                f" {len(paths) / ours.wall:.2f}/s, ratio {base.wall / ours.wall:.2f};"
                f" others took {others:.0%} of the machine",
                flush=True,
            )
    report(paths, backbone, costs, plain)


def report(
    paths: Sequence[Path], backbone: str, costs: dict[str, list[Cost]], plain: Plain
) -> None:
    rate = {
        name: len(paths) / statistics.median(c.wall for c in taken) for name, taken in costs.items()
    }
    network = network_rate(backbone)
    bare = rate["decode only"]
    bound = bare if network is None else 1 / (1 / bare + 1 / network)
    print(f"\n{'':34}{'photos/s':>9}")
    print(f"{'plain recipe':34}{rate['plain']:9.2f}")
    print(f"{'this program':34}{rate['ours']:9.2f}")
    print(f"{'  decode, measure only, all cores':34}{bare:9.2f}")
    if network is not None:
        print(f"{'  network only, all cores':34}{network:9.2f}")
    print(f"{'  bound by these two':34}{bound:9.2f}   reached: {rate['ours'] / bound:.0%}")
    print("\nprocessor ms a photo, this program:")
    for name, milliseconds in milliseconds_by_part(paths[:DISTINCT], backbone).items():
        print(f"  {name:20}{milliseconds:8.1f}")
    print("processor ms a photo, plain recipe:")
    for name, seconds in plain.seconds.items():
        print(f"  {name:20}{statistics.median(seconds) * 1e3:8.1f}")
    walls = zip(costs["plain"], costs["ours"], strict=True)
    ratios = sorted(base.wall / ours.wall for base, ours in walls)
    print(
        f"\nratio by wall clock: {statistics.median(ratios):.2f}, the median of"
        f" {', '.join(f'{r:.2f}' for r in ratios)}"
    )
    cores = len(os.sched_getaffinity(0))
    base, ours = (
        statistics.median(c.own for c in costs[name]) / len(paths) for name in ("plain", "ours")
    )
    print(
        f"ratio by processor time on {cores} cores: {base / ours * cores:.2f}"
        f" ({base * 1e3:.0f} ms a photo against {ours * 1e3:.0f}; 5 times takes"
        f" {5 * ours / base:.1f} cores)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="folder of JPEGs to use instead of drawn ones")
    parser.add_argument("--count", type=int, default=48, help="photos a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--backbone",
        default="",
        help="descriptor or onnx:PATH; the default is mobilenet_v2 with random weights",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up then as well
    with tempfile.TemporaryDirectory(prefix="triaged-bench-") as name:
        folder = Path(name)
        if options.photos is None:
            paths = make_photos(folder, options.count)
        else:
            found = (p for p in options.photos.rglob("*") if p.suffix.lower() in JPEG)
            paths = sorted(found)[: options.count]
        if not paths:
            raise SystemExit(f"there are no JPEGs in {options.photos}")
        megabytes = statistics.mean(path.stat().st_size for path in paths) / 1e6
        cores = len(os.sched_getaffinity(0))
        print(
            f"{len(paths)} photos of {megabytes:.1f} MB, {cores} cores, torch {torch.__version__}"
        )
        net, exported = random_network(folder)
        use_one_thread()
        compare(paths, options.backbone or f"onnx:{exported}", net, options.rounds)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # as in the children; numpy has read it
        os.execve(  # noqa: S606  # this very program, no shell
            sys.executable,
            [sys.executable, *sys.argv],
            {**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    main()
