"""An ONNX image encoder on the CPU: what it takes, what it gives, and one run of a batch.

input    the only one: (N, 3, S, S) or (N, S, S, 3), float32 or float16; N fixed or free
output   `embedding`, else the first: (N, E), or (N, E, H, W) averaged over positions
output   `levels`, if there is one of that name: (N, L)
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from triaged.ml.weights import BackboneUnavailable

Pixels = NDArray[np.uint8]  # (B, S, S, 3)
Vectors = NDArray[np.float32]  # (B, D)
Run = Callable[[Pixels], tuple[Vectors, Vectors | None]]

_MOST_AT_ONCE = 8  # pictures: more are no faster on a CPU, and the memory is kept (see below)
_NUMBERS: dict[str, np.dtype[np.floating]] = {
    "tensor(float)": np.dtype("float32"),
    "tensor(float16)": np.dtype("float16"),
}


@dataclass(frozen=True, slots=True)
class _Input:
    name: str
    dtype: np.dtype[np.floating]
    is_channels_last: bool
    batch: int | None  # None: any number of pictures at once
    side_px: int | None  # None: any size


def open_onnx(
    path: str,
    size_px: int,
    mean: tuple[float, ...] = (0.0, 0.0, 0.0),
    std: tuple[float, ...] = (1.0, 1.0, 1.0),
    threads: int = 0,
) -> tuple[int, Run]:
    """Return the side of the square that the encoder takes and a function that runs it.

    `size_px` counts where the file leaves the size open; `mean` and `std`, of channels in 0..1,
    are taken out before the encoder sees them. `threads` 0: one a core this process may use.
    Raises BackboneUnavailable.
    """
    session = _session(path, threads or len(os.sched_getaffinity(0)))
    taken = _input(path, session)
    names = [output.name for output in session.get_outputs()]
    wanted = ["embedding" if "embedding" in names else names[0]]
    wanted += ["levels"] if "levels" in names and wanted != ["levels"] else []
    # (x / 255 - mean) / std as one multiplication and one addition
    scale = (1.0 / (255.0 * np.asarray(std))).astype(np.float32)
    shift = (-np.asarray(mean) / np.asarray(std)).astype(np.float32)

    def run_batch(pixels: Pixels) -> list[Vectors]:
        batch = pixels.astype(np.float32) * scale + shift  # (B, S, S, 3)
        if not taken.is_channels_last:
            batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))  # (B, 3, S, S)
        padded = _padded(batch.astype(taken.dtype, copy=False), taken.batch)
        arrays = session.run(wanted, {taken.name: padded})
        return [_vectors(array)[: len(pixels)] for array in arrays]

    def run(pixels: Pixels) -> tuple[Vectors, Vectors | None]:
        step = taken.batch or _MOST_AT_ONCE
        parts = [run_batch(pixels[at : at + step]) for at in range(0, len(pixels), step)]
        embedding, *levels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return embedding, levels[0] if levels else None

    return taken.side_px or size_px, run


def _session(path: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The arena keeps the memory of the largest batch; without it every run is half as fast.
    options.enable_cpu_mem_arena = True
    # Idle threads sleep: the cores are needed for decoding, and are the owner's.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if not os.path.isfile(path):
        raise BackboneUnavailable(f"there is no file {path}: correct `backbone: onnx:PATH`")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common class of their own
        raise BackboneUnavailable(f"ONNX Runtime cannot load {path}: {error}") from error


def _input(path: str, session: onnxruntime.InferenceSession) -> _Input:
    inputs = session.get_inputs()
    shape = inputs[0].shape if inputs else []
    dtype = _NUMBERS.get(inputs[0].type) if inputs else None
    is_channels_last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
    sides = (shape[1:3] if is_channels_last else shape[2:4]) if len(shape) == 4 else []
    fixed = {side for side in sides if isinstance(side, int)}
    is_image = len(shape) == 4 and (
        is_channels_last or shape[1] == 3 or not isinstance(shape[1], int)
    )
    if len(inputs) != 1 or dtype is None or not is_image or len(fixed) > 1:
        given = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        raise BackboneUnavailable(
            f"{path} takes {given or 'nothing'}; a backbone takes one square picture, "
            "(N, 3, S, S) or (N, S, S, 3) of floats"
        )
    batch = shape[0] if isinstance(shape[0], int) else None
    return _Input(inputs[0].name, dtype, is_channels_last, batch, next(iter(fixed), None))


def _padded(batch: NDArray[np.floating], rows: int | None) -> NDArray[np.floating]:
    if rows is None or len(batch) == rows:
        return batch
    return np.concatenate([batch, np.zeros((rows - len(batch), *batch.shape[1:]), batch.dtype)])


def _vectors(array: NDArray[np.floating]) -> Vectors:
    """Return an output as (N, D) float32: a map (N, D, H, W) is averaged over its positions."""
    if array.ndim == 4:
        array = array.mean(axis=(2, 3))
    return array.reshape(len(array), -1).astype(np.float32, copy=False)
