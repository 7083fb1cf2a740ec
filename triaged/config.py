"""The configuration: YAML in, one frozen `Config` out, every mistake reported at once.

`KEYS` is the whole table: section, key, default, what is allowed, and the sentence the owner reads
in `config.example.yaml`. The example file is `render(Config())`, and a test holds them together.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import yaml

from triaged.core.types import Role
from triaged.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RootConfig:
    """One folder the owner named, and what it means for a photo to lie there."""

    path: bytes
    role: Role


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """When folders are looked at."""

    settle_seconds: float = 2.0
    gone_seconds: float = 30.0
    interval_minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class LearnConfig:
    """What is learned from, and when there is enough of it."""

    min_labels: int = 10
    settled_days: float = 90.0
    half_life_days: float = 730.0


@dataclass(frozen=True, slots=True)
class ReviewConfig:
    """The folder of links."""

    folder: bytes = b"~/Triage"
    size: int = 300
    min_score: float = 0.5
    min_age_days: float = 7.0


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The process that does the heavy work."""

    decoders: int = 0
    idle_seconds: float = 15.0
    file_seconds: float = 60.0
    max_megapixels: float = 178.0


@dataclass(frozen=True, slots=True)
class OnnxConfig:
    """How pictures are prepared for an `onnx:` backbone."""

    size_px: int = 224
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the owner can choose. Paths are absolute, `~` already resolved."""

    roots: tuple[RootConfig, ...] = ()
    backbone: str = "auto"
    exclude: tuple[str, ...] = ()
    xattrs: bool = True
    scan: ScanConfig = field(default_factory=ScanConfig)
    learn: LearnConfig = field(default_factory=LearnConfig)
    review: ReviewConfig = field(default_factory=ReviewConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
    onnx: OnnxConfig = field(default_factory=OnnxConfig)


SECTIONS: Mapping[str, Callable[..., Any]] = {
    "scan": ScanConfig,
    "learn": LearnConfig,
    "review": ReviewConfig,
    "worker": WorkerConfig,
    "onnx": OnnxConfig,
}


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table: where the key stands, what it may be, what it does."""

    name: str
    check: Callable[[Any], Any]
    allowed: str
    says: str


class _RejectedError(ValueError):
    """A value that its key does not allow."""


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _RejectedError
        if not low <= value <= high:
            raise _RejectedError
        return float(value)

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _RejectedError
        return value

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _RejectedError
    return value


def _path(value: Any) -> bytes:
    if not isinstance(value, str) or not value.strip():
        raise _RejectedError
    expanded = os.path.expandvars(os.path.expanduser(value))
    if not os.path.isabs(expanded):
        raise _RejectedError
    return os.path.normpath(os.fsencode(expanded))


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _RejectedError
    return tuple(value)


def _triple(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 3:
        raise _RejectedError
    return tuple(_number(-1e4, 1e4)(item) for item in value)


def _spread(value: Any) -> tuple[float, ...]:
    triple = _triple(value)
    if min(triple) <= 0:
        raise _RejectedError
    return triple


def _backbone(value: Any) -> str:
    if not isinstance(value, str):
        raise _RejectedError
    if value in ("auto", "descriptor"):
        return value
    family, _, name = value.partition(":")
    if family not in ("torchvision", "onnx") or not name:
        raise _RejectedError
    return f"onnx:{os.path.abspath(os.path.expanduser(name))}" if family == "onnx" else value


KEYS: tuple[Key, ...] = (
    Key(
        "backbone",
        _backbone,
        "auto, descriptor, torchvision:NAME or onnx:PATH",
        "What looks at the pictures. auto: a downloaded network where that works, else the built-in"
        " descriptor.",
    ),
    Key(
        "exclude",
        _patterns,
        "a list of patterns such as 'Raw/*'",
        "Folders to leave alone: patterns matched against the path below a root.",
    ),
    Key("xattrs", _flag, "true or false", "Write the score to extended attributes of each photo."),
    Key(
        "scan.settle_seconds",
        _number(0, 600),
        "0 to 600 seconds",
        "How long a folder must be quiet before it is looked at (seconds).",
    ),
    Key(
        "scan.gone_seconds",
        _number(0, 3600),
        "0 to 3600 seconds",
        "How long a file must be missing until it is gone (seconds). Gone is never a label.",
    ),
    Key(
        "scan.interval_minutes",
        _number(1, 10080),
        "1 to 10080 minutes",
        "How often everything is looked at, whatever the hints said (minutes).",
    ),
    Key(
        "learn.min_labels",
        _whole(5, 10000),
        "a whole number, 5 to 10000",
        "How many deletions it takes before likely-delete is filled (photos).",
    ),
    Key(
        "learn.settled_days",
        _number(1, 36500),
        "1 to 36500 days",
        "Photos older than this that nobody touched count a little as kept (days since capture).",
    ),
    Key(
        "learn.half_life_days",
        _number(1, 36500),
        "1 to 36500 days",
        "After this long a decision weighs half (days): taste changes.",
    ),
    Key(
        "review.folder",
        _path,
        "an absolute path, or one below ~",
        "Where the folders of links are kept. Outside every root.",
    ),
    Key(
        "review.size",
        _whole(1, 100000),
        "a whole number, 1 to 100000",
        "How many links likely-delete holds at most (photos).",
    ),
    Key(
        "review.min_score",
        _number(0, 1),
        "0 to 1",
        "The lowest delete score that is listed (probability).",
    ),
    Key(
        "review.min_age_days",
        _number(0, 36500),
        "0 to 36500 days",
        "Younger photos are never listed (days since capture).",
    ),
    Key(
        "worker.decoders",
        _whole(0, 256),
        "a whole number, 0 to 256",
        "Processes that decode pictures; 0 is one for each core.",
    ),
    Key(
        "worker.idle_seconds",
        _number(0, 3600),
        "0 to 3600 seconds",
        "How long the worker stays when there is nothing to do (seconds).",
    ),
    Key(
        "worker.file_seconds",
        _number(1, 3600),
        "1 to 3600 seconds",
        "The longest one file may take to decode (seconds).",
    ),
    Key(
        "worker.max_megapixels",
        _number(1, 10000),
        "1 to 10000 megapixels",
        "Larger pictures are not decoded (megapixels).",
    ),
    Key(
        "onnx.size_px",
        _whole(16, 2048),
        "a whole number, 16 to 2048",
        "Side of the square that an onnx: backbone takes (pixels).",
    ),
    Key(
        "onnx.mean",
        _triple,
        "three numbers",
        "Mean that is subtracted from each channel in 0..1, unless the model does that itself.",
    ),
    Key(
        "onnx.std",
        _spread,
        "three numbers above 0",
        "Deviation that each channel is divided by, unless the model does that itself.",
    ),
)


def load(path: bytes) -> Config:
    """Read the configuration at `path`.

    Raises ConfigError with every mistake, or saying how to make a first one when there is none.
    """
    shown = os.fsdecode(path)
    try:
        with open(path, encoding="utf-8") as file:
            data = yaml.safe_load(file)
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {shown}: run `triaged init` first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{shown} is not valid YAML: {error}") from None
    return parse(data, shown)


def parse(data: Any, shown: str = "configuration") -> Config:
    """Turn loaded YAML into a Config; raises ConfigError listing every mistake with its key."""
    if not isinstance(data, dict):
        raise ConfigError(f"{shown}: must be a mapping with at least `roots:`")
    mistakes: list[str] = []
    values, roots = _values(data, mistakes), _roots(data.get("roots"), mistakes)
    if mistakes:
        raise ConfigError("\n".join(f"{shown}: {mistake}" for mistake in mistakes))
    sections = {
        section: make(**{k.partition(".")[2]: v for k, v in values.items() if _in(section, k)})
        for section, make in SECTIONS.items()
    }
    top = {name: value for name, value in values.items() if "." not in name}
    config = Config(roots=roots, **top, **sections)
    _check_together(config, shown)
    return config


def _in(section: str, name: str) -> bool:
    return name.startswith(section + ".")


def _values(data: dict[Any, Any], mistakes: list[str]) -> dict[str, Any]:
    table = {key.name: key for key in KEYS}
    defaults = _flatten(Config())
    values = {"review.folder": _path(os.fsdecode(ReviewConfig().folder))}
    for name, value in _flat(data, mistakes):
        key = table.get(name)
        if key is None:
            mistakes.append(f"unknown key `{name}`{_did_you_mean(name, [*table, 'roots'])}")
            continue
        try:
            checked = key.check(value)
        except _RejectedError:
            mistakes.append(f"`{name}: {value!r}` is not allowed; it must be {key.allowed}")
        else:
            values[name] = type(defaults[name])(checked)
    return values


def _flat(data: dict[Any, Any], mistakes: list[str]) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in data.items():
        if name == "roots":
            continue
        if name not in SECTIONS:
            flat.append((str(name), value))
        elif value is None:
            continue
        elif isinstance(value, dict):
            flat.extend((f"{name}.{inner}", v) for inner, v in value.items())
        else:
            mistakes.append(f"`{name}: {value!r}` must be a section with keys of its own")
    return flat


def _flatten(config: Config) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for f in fields(config):
        value = getattr(config, f.name)
        if f.name in SECTIONS:
            flat |= {
                f"{f.name}.{inner.name}": getattr(value, inner.name) for inner in fields(value)
            }
        elif f.name != "roots":
            flat[f.name] = value
    return flat


def _roots(data: Any, mistakes: list[str]) -> tuple[RootConfig, ...]:
    roles = [role.value for role in Role if role is not Role.TRASH]
    if not isinstance(data, list) or not data:
        mistakes.append("`roots:` must be a list of {path, role}, at least one")
        return ()
    roots = []
    for number, item in enumerate(data, 1):
        where = f"root {number}"
        if not isinstance(item, dict):
            mistakes.append(f"{where}: `{item!r}` must be a mapping with `path` and `role`")
            continue
        for key in item.keys() - {"path", "role"}:
            mistakes.append(
                f"{where}: unknown key `{key}`{_did_you_mean(str(key), ['path', 'role'])}"
            )
        role = item.get("role", "library")
        if role not in roles:
            mistakes.append(
                f"{where}: `role: {role}` must be one of {', '.join(roles)}"
                f"{_did_you_mean(str(role), roles)}"
            )
            continue
        try:
            roots.append(RootConfig(_path(item.get("path")), Role(role)))
        except _RejectedError:
            mistakes.append(
                f"{where}: `path: {item.get('path')!r}` must be an absolute path, or one below ~"
            )
    return tuple(roots)


def _check_together(config: Config, shown: str) -> None:
    mistakes = []
    paths = [root.path for root in config.roots]
    for path in sorted({p for p in paths if paths.count(p) > 1}):
        mistakes.append(f"{shown}: root {os.fsdecode(path)!r} is named twice")
    for root in config.roots:
        if _is_within(config.review.folder, root.path) or _is_within(
            root.path, config.review.folder
        ):
            mistakes.append(
                f"{shown}: `review.folder: {os.fsdecode(config.review.folder)}` must lie outside"
                f" every root, and {os.fsdecode(root.path)} is one"
            )
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def _is_within(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or lies below it, links resolved."""
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean `{near[0]}`?)" if near else ""


def render(config: Config) -> str:
    """Return `config` as commented YAML, every key with its sentence: what `init` writes."""
    flat = _flatten(config)
    lines = [
        "# triaged: what it watches and how it behaves.",
        "# Every key but `roots` may be left out; what stands here are the defaults.",
        "",
        "# Folders, and what it means for a photo to lie there:",
        "#   library  photos to learn from and to score",
        "#   keep     moving a photo here says: keep it",
        "#   deleted  moving a photo here says: delete it (an archive of deleted pictures)",
        "# The desktop's trashes are found by themselves.",
        "roots:",
    ]
    for root in config.roots:
        lines += [f"  - path: {_scalar(os.fsdecode(root.path))}", f"    role: {root.role.value}"]
    section = ""
    for key in KEYS:
        head, dot, inner = key.name.partition(".")
        name, indent = (inner, "  ") if dot else (head, "")
        if dot and head != section:
            section = head
            lines += ["", f"{head}:"]
        elif not dot:
            lines.append("")
        lines += [f"{indent}# {key.says}", f"{indent}# Allowed: {key.allowed}."]
        lines.append(f"{indent}{name}: {_scalar(flat[key.name])}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if isinstance(value, tuple):
        value = list(value)
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.replace("\n...", "").strip()
