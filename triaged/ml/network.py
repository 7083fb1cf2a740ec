"""A torchvision classifier as an encoder: head removed, levels read, mean and deviation inside.

    embedding  what the last classifying layer would have been given; averaged over positions
               where that layer is a convolution
    levels     mean and standard deviation over positions of the stem's and every stage's last
               output; none for networks that attend instead of convolving

A stage is a run of blocks with outputs of one shape. Norms and activations belong to the block
before them, pooling to none. A last stage of one lone convolution only widens the channels for the
classifier, so it is left out: its mean is the embedding.
"""

import difflib
import importlib
import pickle  # only its error: weights are read without it
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from triaged.ml.weights import BackboneUnavailable

_WEIGHTED = (nn.Conv2d, nn.Linear)
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_kept_alive: list[torch.library.Library] = []


class Network(nn.Module):
    """Pixels `(B, 3, S, S)` in 0..1 to embedding `(B, E)` and levels `(B, L)`, L 0 without."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, body: nn.Module, levels: list[str], mean: list[float], std: list[float]
    ) -> None:
        super().__init__()
        self.body = body
        self.levels = levels  # names of outputs of the body
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return embedding and levels."""
        outputs = self.body((pixels - self.mean) / self.std)
        embedding = outputs["embedding"]
        if embedding.ndim == 4:
            embedding = embedding.mean(dim=(2, 3))
        levels = [_statistics(outputs[name]) for name in self.levels]
        return embedding, torch.cat(levels, dim=1) if levels else embedding[:, :0]


def _statistics(level: Tensor) -> Tensor:
    """Return `(B, 2 C)` for a level `(B, C, H, W)`: means, then standard deviations."""
    mean = level.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    variance = (level - mean).square().mean(dim=(2, 3))  # (B, C)
    return torch.cat([mean.flatten(1), variance.sqrt()], dim=1)


@dataclass(frozen=True, slots=True)
class Published:
    """What torchvision says of a network's default weights."""

    name: str
    url: str
    input_px: int
    mean: list[float]
    std: list[float]


def published(name: str) -> Published:
    """Look up a classifier by its torchvision name. Raises BackboneUnavailable if it has none."""
    try:
        models = import_torchvision().models
    except (ImportError, RuntimeError) as error:
        raise BackboneUnavailable(
            f"torchvision cannot be loaded ({error}): install the one that belongs to torch "
            f"{torch.__version__}, or set `backbone: descriptor`"
        ) from error
    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean `{near[0]}`?)" if near else ""
        raise BackboneUnavailable(f"torchvision has no classifier `{name}`{hint}")
    weights = models.get_model_weights(name).DEFAULT
    prepared = weights.transforms()
    return Published(name, weights.url, prepared.crop_size[0], prepared.mean, prepared.std)


def load(source: Published, weights_path: str) -> Network:
    """Return the network with these weights, ready to encode. Raises BackboneUnavailable."""
    net = import_torchvision().models.get_model(source.name, weights=None)
    try:
        state = torch.load(weights_path, map_location="cpu", weights_only=True)
        # DenseNet's files say norm.1 for what its code has called norm1 since.
        for key in list(state):  # in place: `state` carries version numbers as well
            state[_DENSE_LAYER.sub(r"\1\2.", key)] = state.pop(key)
        net.load_state_dict(state)
    except (RuntimeError, pickle.UnpicklingError, TypeError, AttributeError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise BackboneUnavailable(f"{weights_path} does not fit {source.name}: {reason}") from error
    if hasattr(net, "transform_input"):  # GoogLeNet, Inception: as their builders set it
        net.transform_input = True
    return without_head(net, source)


def without_head(net: nn.Module, source: Published) -> Network:
    """Return `net` cut before its last classifying layer, with its levels as further outputs.

    Changes `net`. `source` gives the size and the statistics of its input.
    """
    from torchvision.models.feature_extraction import create_feature_extractor

    runs = _runs(net.eval(), source.input_px)
    cut = max(at for at, run in enumerate(runs) if isinstance(run.module, _WEIGHTED))
    head = runs[cut].name
    nodes = {f"level{number}": name for number, name in enumerate(_levels(net, runs[:cut]))}
    parent, _, child = head.rpartition(".")
    setattr(net.get_submodule(parent), child, nn.Identity())
    wanted = {name: output for output, name in nodes.items()} | {head: "embedding"}
    body = create_feature_extractor(net, wanted)
    return Network(body, list(nodes), source.mean, source.std).eval()


@dataclass(frozen=True, slots=True)
class _Run:
    """A module that took part in a forward pass, and the shape of what it gave."""

    name: str
    module: nn.Module
    shape: torch.Size


def _runs(net: nn.Module, input_px: int) -> list[_Run]:
    """Return the weighted layers and the blocks of `net` in the order in which they finish."""
    runs: list[_Run] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda module, _, output: runs.append(_Run(name, module, output.shape))

    blocks = dict(_blocks(net))
    layers = {name: m for name, m in net.named_modules() if isinstance(m, _WEIGHTED)}
    hooks = [m.register_forward_hook(note(name)) for name, m in (blocks | layers).items()]
    try:
        with torch.inference_mode():
            net(torch.zeros(1, 3, input_px, input_px))
    finally:
        for hook in hooks:
            hook.remove()
    return runs


def _blocks(net: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that a network strings together, looking into plain sequences."""
    for name, module in net.named_children():
        # Not their subclasses: torchvision's tracer does not look into its own.
        if type(module) in (nn.Sequential, nn.ModuleList):
            yield from _blocks(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


@dataclass(frozen=True, slots=True)
class _Stage:
    last: str  # the block whose output it is
    shape: torch.Size
    layers: int  # with weights


def _levels(net: nn.Module, runs: list[_Run]) -> list[str]:
    """Return the names of the blocks that end the stem and the stages, in order."""
    if any("Attention" in type(module).__name__ for module in net.modules()):
        return []
    blocks = dict(_blocks(net))
    stages: list[_Stage] = []
    for run in runs:
        if run.name not in blocks or len(run.shape) != 4 or isinstance(run.module, _POOLS):
            continue
        layers = sum(isinstance(module, _WEIGHTED) for module in run.module.modules())
        is_stem_done = len(stages) == 1
        if not stages or (layers and (is_stem_done or run.shape != stages[-1].shape)):
            stages.append(_Stage(run.name, run.shape, layers))
        else:
            stages[-1] = _Stage(run.name, stages[-1].shape, stages[-1].layers + layers)
    if len(stages) > 1 and stages[-1].layers == 1:
        stages.pop()
    return [stage.last for stage in stages]


def import_torchvision() -> ModuleType:
    """Return torchvision, also where its compiled operators do not fit this torch.

    PyPI's torchvision is built for CUDA; beside a CPU-only torch its operators do not load, and its
    import fails on their missing schemas. No classifier uses them: declaring them is enough.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    _kept_alive.append(library)  # the schemas go with it
    return importlib.import_module("torchvision")
