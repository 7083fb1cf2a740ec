"""The configuration: YAML in, one frozen `Config` out, every mistake reported at once.

Defaults stand in the dataclasses, checks and explanations in `config_keys.py`, and the example file
is what `config_text.render` makes of the defaults.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import yaml

from triaged.config_keys import KEYS, Rejected, absolute_path
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
    defaults = flatten(Config())
    values = {"review.folder": absolute_path(os.fsdecode(ReviewConfig().folder))}
    for name, value in _flat(data, mistakes):
        key = table.get(name)
        if key is None:
            near = _did_you_mean(name, [*table, *SECTIONS, "roots"])
            mistakes.append(f"unknown key `{name}`{near}")
            continue
        try:
            checked = key.check(value)
        except Rejected:
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
            roots.append(RootConfig(absolute_path(item.get("path")), Role(role)))
        except Rejected:
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


def flatten(config: Config) -> dict[str, Any]:
    """Return every value by its dotted key, roots excepted."""
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
