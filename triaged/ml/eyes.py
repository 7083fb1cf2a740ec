"""The embedder as the configuration describes it."""

from triaged.config import Config
from triaged.ml.backbone import BackboneSettings
from triaged.ml.child import Limits
from triaged.ml.features import Embedder


def backbone_settings(config: Config) -> BackboneSettings:
    """Return how pictures are prepared for an `onnx:` backbone."""
    onnx = config.onnx
    return BackboneSettings(size_px=onnx.size_px, mean=onnx.mean, std=onnx.std)


def open_embedder(config: Config, backbone: str, cache_dir: str) -> Embedder:
    """Return the decoding children and the encoder for `backbone`.

    Raises BackboneUnavailable when it cannot be had.
    """
    worker = config.worker
    limits = Limits(
        seconds_per_file=worker.file_seconds, max_pixels=int(worker.max_megapixels * 1e6)
    )
    return Embedder(backbone, backbone_settings(config), cache_dir, worker.decoders, limits)
