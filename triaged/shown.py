"""How status and reasons look on a terminal: rich renderables, built here, printed by the CLI."""

import os
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from triaged.names import escaped


def shown_status(found: dict[str, Any]) -> Table:
    """Return one screen of status."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("record", _record(found["online_record"]))
    table.add_row("learned", _learned(found))
    for root in found["roots"]:
        table.add_row(root["role"], _root(root))
    waiting = "-" if found["waiting"] is None else f"{found['waiting']:,}"
    table.add_row("photos", f"{found['photos'].get('library', 0):,}, {waiting} waiting to be read")
    table.add_row("backbone", f"{found['backbone'] or 'not chosen yet'}")
    review = found["review"]
    size = f"{review['bytes'] / 1e6:,.0f} MB"
    table.add_row("review", escape(f"{review['listed']} links, {size}, in {review['folder']}"))
    if found["quarantined"]:
        table.add_row("unreadable", f"{len(found['quarantined'])} files, such as")
        for row in found["quarantined"][:5]:
            table.add_row("", escape(f"{escaped(os.fsencode(row['path']))}: {row['reason']}"))
    for warning in found["warnings"]:
        table.add_row("[yellow]note", escape(warning))
    table.add_row("daemon", "running" if found["running"] else "[yellow]not running")
    return table


def _record(record: dict[str, Any]) -> str:
    if record["auroc"] is None:
        return "nothing yet: it needs deletes and keeps of photos that had a score before"
    return (
        f"AUROC {record['auroc']:.3f}: scores before the act against"
        f" {record['deletes']} deletes and {record['keeps']} keeps"
    )


def _learned(found: dict[str, Any]) -> str:
    labels, model = found["labels"], found["model"]
    text = f"{labels['delete']} deletes, {labels['keep']} keeps"
    if labels["missing_deletes"]:
        text += f"; not yet: {labels['missing_deletes']} more deletes until a list is made"
    if model is not None:
        text += f"; model {model['id']}"
    return text


def _root(root: dict[str, Any]) -> str:
    state = (
        "" if root["state"] == "online" else f" [yellow]offline: {escape(root['trouble'] or '')}"
    )
    return f"{escape(escaped(os.fsencode(root['path'])))}, {root['photos']:,} files{state}"


def shown_reasons(found: dict[str, Any]) -> list[Any]:
    """Return what `explain` says about one photo."""
    lines: list[Any] = [Text(escaped(os.fsencode(found["path"])), "bold")]
    if found["score"] is None:
        return [*lines, Text(found["reason"])]
    lines.append(Text(f"delete score {found['score']:.1%} by model {found['model']}"))
    if found["decision"]:
        lines.append(Text(f"you have decided: {found['decision']}"))
    lines.append(Text(found["reason"]))
    table = Table(box=None, pad_edge=False, title="nearest decided photos", title_justify="left")
    for name in ("label", "likeness", "photo"):
        table.add_column(name)
    for row in found["neighbours"][:8]:
        path = escaped(os.fsencode(row["path"]))
        table.add_row(row["label"], f"{row['similarity']:.0%}", escape(path))
    lines.append(table)
    lines += [Text(f"- {measure['words']}") for measure in found["measures"]]
    return lines
