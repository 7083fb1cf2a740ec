"""The configuration as commented YAML: what `init` writes, and what the example file shows."""

import os
from typing import Any

import yaml

from triaged.config import Config, flatten
from triaged.config_keys import KEYS


def render(config: Config) -> str:
    """Return `config` as commented YAML, every key with its sentence: what `init` writes."""
    flat = flatten(config)
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
