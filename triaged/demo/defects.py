"""What goes wrong with a good picture, and what a burst of pictures looks like.

    blurred   out of focus, or the camera moved
    dark      far too little light, with the noise of a sensor pushed
    burnt     far too much light, highlights gone
    series    three to six frames of one scene, seconds apart: one or two sharp, the rest shaken

Exposure acts on linear light: levels are taken through the sRGB curve and back (IEC 61966-2-1).
"""

import numpy as np
from PIL import Image, ImageFilter

from triaged.demo.canvas import Rng, between, chance, grain


def blurred(rng: Rng, picture: Image.Image, strength: float | None = None) -> Image.Image:
    """Return the picture out of focus or shaken; `strength` is a share of its long side."""
    share = between(rng, 0.008, 0.022) if strength is None else strength
    if chance(rng, 0.45):
        return grain(rng, _defocused(picture, share * max(picture.size) * 0.5), 3.0)
    return grain(rng, _shaken(rng, picture, share * max(picture.size) * 1.7), 3.0)


def _defocused(picture: Image.Image, radius_px: float) -> Image.Image:
    shrink = max(1, int(radius_px / 2.5))
    small = picture.reduce(shrink)
    # Two boxes make a kernel that is flat with short flanks, as a lens's disc is.
    for _ in range(2):
        small = small.filter(ImageFilter.BoxBlur(radius_px / shrink / 1.4))
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def _shaken(rng: Rng, picture: Image.Image, length_px: float) -> Image.Image:
    """Return the picture averaged along a short curved path of the camera."""
    shrink = max(1, int(length_px / 8))
    small = picture.reduce(shrink)
    steps = max(3, min(12, int(length_px / shrink)))
    angle, bend = between(rng, 0, 6.3), rng.normal(0, 0.6)
    t = np.linspace(-0.5, 0.5, steps)
    reach = length_px / shrink
    total = np.zeros((small.height, small.width, 3), dtype=np.float32)
    for step in t.tolist():
        turn = angle + bend * step
        shift = (1, 0, reach * step * np.cos(turn), 0, 1, reach * step * np.sin(turn))
        moved = small.transform(
            small.size, Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR
        )
        total += np.asarray(moved)
    mean = Image.fromarray((total / steps).astype(np.uint8))
    inner = int(reach / 2) + 1
    if inner * 4 < min(mean.size):
        mean = mean.crop((inner, inner, mean.width - inner, mean.height - inner))
    return mean.resize(picture.size, Image.Resampling.BICUBIC)


def _exposed(picture: Image.Image, gain: float) -> Image.Image:
    """Return the picture with its linear light multiplied by `gain`."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4) * gain
    linear = np.minimum(linear, 1.0)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return picture.point(np.rint(255 * coded).astype(int).tolist() * 3)


def dark(rng: Rng, picture: Image.Image) -> Image.Image:
    """Return the picture underexposed by four to seven stops, with noise."""
    mean = float(np.asarray(picture.convert("L").reduce(16)).mean())
    # Night scenes are dark already: what counts is how little light is left at the end.
    gain = min(2.0 ** -between(rng, 4.0, 7.0) * (110 / max(mean, 20)) ** 1.6, 0.1)
    fine = grain(rng, _exposed(picture, gain), between(rng, 5, 11))
    return grain(rng, fine, between(rng, 2, 6), coarse=3)


def burnt(rng: Rng, picture: Image.Image) -> Image.Image:
    """Return the picture overexposed by two and a half to four stops."""
    mean = float(np.asarray(picture.convert("L").reduce(16)).mean())
    return grain(
        rng, _exposed(picture, 2.0 ** between(rng, 2.5, 4.0) * (120 / max(mean, 15)) ** 2), 2.0
    )


def series(rng: Rng, scene: Image.Image, count: int) -> list[tuple[Image.Image, bool]]:
    """Return `count` frames of `scene` with small shifts, each with whether it is a sharp one."""
    sharp = {int(n) for n in rng.permutation(count)[: 1 if count < 5 else 2]}
    width, height = scene.size
    frames = []
    for number in range(count):
        inset = 0.035
        dx, dy = rng.normal(0, 0.008, 2)
        left, top = width * (inset + dx), height * (inset + dy)
        box = (left, top, left + width * (1 - 2 * inset), top + height * (1 - 2 * inset))
        frame = scene.resize(scene.size, Image.Resampling.BICUBIC, box=_within(box, scene.size))
        frame = _exposed(frame, 2.0 ** rng.normal(0, 0.08))
        if number not in sharp:
            frame = blurred(rng, frame, between(rng, 0.003, 0.009))
        frames.append((grain(rng, frame, 1.5), number in sharp))
    return frames


def _within(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    left, top, right, low = box
    return max(0.0, left), max(0.0, top), min(float(size[0]), right), min(float(size[1]), low)
