"""Backbones: pictures in, embeddings out, by the id that the configuration names.

    id                 what runs                                            version
    -----------------  ---------------------------------------------------  ----------------------
    descriptor         nothing here: the decoding children compute it       ml/descriptor.py
    onnx:PATH          that file, by ONNX Runtime                           xxh3 of the file
    torchvision:NAME   published weights, head removed, exported once to    hash of the weights
                       ONNX; torch itself where there is a CUDA device      and of the way of export
    auto               what `resolve_auto` answers; recorded, never again

Vectors of two versions are never compared.
"""

import logging
import os
from dataclasses import dataclass

import numpy as np
import xxhash

from triaged.ml.session import Pixels, Run, Vectors, open_onnx
from triaged.ml.weights import BackboneUnavailable, find_exported, version_of

__all__ = ["BackboneSettings", "BackboneUnavailable", "Encoder", "open_backbone", "resolve_auto"]

DEFAULT = "efficientnet_b0"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackboneSettings:
    """How an encoder is run; the first three are for `onnx:` files that do not say it themselves.

    Pictures come as RGB in 0..1, from which `mean` is subtracted and `std` divided out. `threads`
    0: one a core this process may use.
    """

    size_px: int = 224
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Encoder:
    """An open backbone. `input_px` is the side S of the square pictures that it takes."""

    id: str
    version: str
    input_px: int
    run: Run

    def embed(self, pixels: Pixels) -> tuple[Vectors, Vectors | None]:
        """Return embeddings `(B, E)`, unit L2 rows, and levels `(B, L)` or None where it has none.

        `pixels` is (B, S, S, 3) sRGB, B at least 1; the rows do not depend on each other.
        """
        embedding, levels = self.run(pixels)
        lengths = np.linalg.norm(embedding, axis=1, keepdims=True)  # (B, 1)
        return embedding / np.maximum(lengths, 1e-12), levels


def open_backbone(id: str, settings: BackboneSettings, cache_dir: str) -> Encoder:  # noqa: A002
    """Open the backbone of this id, fetching and exporting its weights if that was not done yet.

    Raises BackboneUnavailable, which says why and what to do.
    """
    family, _, name = id.partition(":")
    if family == "onnx" and name:
        return _open_file(id, os.path.expanduser(name), settings)
    if family == "torchvision" and name:
        return _open_torchvision(id, name, settings, cache_dir)
    raise BackboneUnavailable(
        f"`{id}` is no backbone that can be opened: use torchvision:NAME or onnx:PATH"
    )


def resolve_auto(settings: BackboneSettings, cache_dir: str) -> str:
    """Return the id that `auto` means here and now: the default network, or else the descriptor.

    Tries one download, with a short time-out, if the network's weights are not in the cache.
    """
    id = f"torchvision:{DEFAULT}"  # noqa: A001
    try:
        open_backbone(id, settings, cache_dir)
    except BackboneUnavailable as error:
        log.info("using the built-in descriptor: %s", error)
        return "descriptor"
    return id


def _open_file(id: str, path: str, settings: BackboneSettings) -> Encoder:  # noqa: A002
    side_px, run = open_onnx(path, settings.size_px, settings.mean, settings.std, settings.threads)
    with open(path, "rb") as file:
        version = xxhash.xxh3_128_hexdigest(file.read())
    return Encoder(id, version, side_px, run)


def _open_torchvision(
    id: str,  # noqa: A002
    name: str,
    settings: BackboneSettings,
    cache_dir: str,
) -> Encoder:
    if os.path.exists("/dev/nvidiactl"):
        from triaged.ml.export import open_cuda  # loads torch

        on_cuda = open_cuda(name, cache_dir)
        if on_cuda is not None:
            return Encoder(id, *on_cuda)
    path = find_exported(name, cache_dir)
    if path is None:
        from triaged.ml.export import export  # loads torch and torchvision

        path = export(name, cache_dir)
    side_px, run = open_onnx(path, settings.size_px, threads=settings.threads)
    return Encoder(id, version_of(path), side_px, run)
