"""What the program knows and does now, as plain data: what `triaged status` shows.

The first number is the online record: how well the scores that photos had before their owner acted
agreed with what the owner then did.
"""

import os
import time
from typing import Any

from triaged.config import Config
from triaged.core.record import auroc_of_pairs
from triaged.lock import is_running
from triaged.publish import VIEW
from triaged.store.overview import Overview
from triaged.store.state import Store


def status(config: Config, state_dir: bytes, store: Store, overview: Overview) -> dict[str, Any]:
    """Return everything `status` shows, in types that JSON knows."""
    encoder = overview.encoder()
    quarantined = overview.quarantined()
    return {
        "running": is_running(state_dir),
        "online_record": _online_record(store),
        "labels": _labels(config, store),
        "model": _model(overview),
        "roots": [_root(store, root) for root in store.roots.active() if root.origin != "taught"],
        "photos": store.photos.counts(),
        "waiting": overview.study.count_to_embed(encoder) if encoder else None,
        "scored": overview.count_scored(),
        "scored_by": overview.scored_by(),
        "backbone": encoder.backbone if encoder else None,
        "decoding": overview.worker_setting("confinement"),
        "quarantined": [
            {"path": os.fsdecode(row["path"]), "reason": row["reason"]} for row in quarantined
        ],
        "review": _review(config, store),
        "held": [_held(row) for row in store.acts.held()],
        "warnings": _warnings(config, store, overview),
    }


def _online_record(store: Store) -> dict[str, Any]:
    rows = store.acts.scored_before()
    deleted = [row["score"] for row in rows if row["label"] == "delete"]
    kept = [row["score"] for row in rows if row["label"] == "keep"]
    return {
        "auroc": auroc_of_pairs(deleted, kept),
        "deletes": len(deleted),
        "keeps": len(kept),
    }


def _labels(config: Config, store: Store) -> dict[str, int]:
    counts = store.acts.counts()
    missing = max(0, config.learn.min_labels - counts["delete"])
    return {**counts, "missing_deletes": missing}


def _model(overview: Overview) -> dict[str, Any] | None:
    row = overview.active_model()
    if row is None:
        return None
    keys = ("id", "backbone", "deletes", "keeps", "background", "fitted_at")
    return {key: row[key] for key in keys}


def _root(store: Store, root: Any) -> dict[str, Any]:
    return {
        "path": os.fsdecode(root.path),
        "role": root.role.value,
        "state": "online" if root.is_online else "offline",
        "trouble": root.trouble,
        "photos": store.roots.present(root.id),
        "last_scan_at": root.last_scan_at,
    }


def _review(config: Config, store: Store) -> dict[str, Any]:
    links = store.links.shown(os.fsdecode(VIEW))
    sizes = store.photos.sizes(link.photo for link in links)
    return {
        "folder": os.fsdecode(os.path.join(config.review.folder, VIEW)),
        "listed": len(links),
        "bytes": sum(sizes),
    }


def _held(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "example": os.fsdecode(row["example"] or b"")}


def _warnings(config: Config, store: Store, overview: Overview) -> list[str]:
    names = ("rescued", "watch_trouble", "publish_trouble", "backup_trouble")
    found = [store.setting(name) for name in names]
    found.append(overview.worker_setting("trouble"))
    confinement = overview.worker_setting("confinement")
    if confinement is not None and "landlock" not in confinement:
        found.append(f"decoding is confined by {confinement} only")
    for row in store.acts.held():
        found.append(
            f"{row['photos']} photos {row['kind']} at once are held: `triaged confirm` lets them"
            " count, `triaged confirm --reject` drops them"
        )
    last = [root.last_scan_at for root in store.roots.active() if root.origin == "config"]
    limit = 2 * 60 * config.scan.interval_minutes
    if any(at is not None and time.time() - at > limit for at in last):
        found.append("the last full scan is long ago: is `triaged run` running?")
    return [text for text in found if text]
