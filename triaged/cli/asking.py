"""Commands that answer: score, explain, labels, log."""

import csv
import os
import sys
from datetime import datetime
from typing import Any

import click

from triaged.cli.shared import (
    Session,
    as_text,
    json_option,
    opened,
    plain,
    print_json,
    print_rich,
    printable,
    progress,
)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: score, path, reason.")
@click.pass_obj
def score(session: Session, paths: tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    """Score files or folders, in the library or not, most likely delete first."""
    from triaged.ask import score_paths

    with opened(session) as (config, store, overview), progress("scoring") as tell:
        answers = score_paths(config, store, overview, [os.fsencode(p) for p in paths], tell)
    if as_json:
        print_json(
            [{"path": os.fsdecode(a.path), "score": a.score, "reason": a.reason} for a in answers]
        )
        return
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(("score", "path", "reason"))
        writer.writerows((a.score, printable(a.path), a.reason) for a in answers)
        return
    for answer in answers:
        shown = "   -  " if answer.score is None else f"{answer.score:6.1%}"
        click.echo(f"{shown}  {printable(answer.path)}  ({answer.reason})")


@click.command()
@click.argument("photo")
@json_option
@click.pass_obj
def explain(session: Session, photo: str, as_json: bool) -> None:
    """Say why a photo has its score: your own earlier decisions, and what was measured."""
    from triaged.ask import explain as find_reasons

    with opened(session) as (config, store, overview):
        found = find_reasons(config, store, overview, os.fsencode(photo))
    if as_json:
        print_json(found)
        return
    from triaged.shown import shown_reasons

    print_rich(*shown_reasons(found))


@click.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@click.pass_obj
def labels(session: Session, as_csv: bool, as_json: bool) -> None:
    """List what was learned: path, label, weight, source, time, split group, score before."""
    with opened(session) as (_, store, _overview):
        found = [as_text(row) for row in store.acts.export()]
    if as_json:
        print_json(found)
        return
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(found[0] if found else ())
        writer.writerows([plain(value) for value in row.values()] for row in found)
        return
    for row in found:
        click.echo(f"{row['label']:6}  {row['source']:9}  {plain(row['path'])}")


_IN_WORDS = {
    "trashed": "put in the trash",
    "discarded": "moved to a folder of deleted photos",
    "restored": "restored",
    "chosen": "moved to a folder of kept photos",
    "filed": "filed into another folder",
    "found": "found there at first sight",
    "rated": "has four stars or more",
    "taught": "taught by `learn`",
    "labelled": "labelled by word",
}


@click.command()
@click.option("-n", "count", type=click.IntRange(1), default=30, help="How many acts to show.")
@json_option
@click.pass_obj
def log(session: Session, count: int, as_json: bool) -> None:
    """Show what was seen and what it taught, newest first."""
    with opened(session) as (_, store, _overview):
        found = [as_text(row) for row in store.acts.history(count)]
    if as_json:
        print_json(found)
        return
    for row in found:
        click.echo(_in_words(row))


def _in_words(row: dict[str, Any]) -> str:
    """Return one line: when, what it taught, which photo, how that was seen."""
    when = datetime.fromtimestamp(row["at"] or row["seen_at"]).strftime("%Y-%m-%d %H:%M")
    taught = row["label"] or "..." if row["state"] == "taken" else row["state"]
    reason = f"; {row['reason']}" if row["reason"] else ""
    name = plain(os.path.basename(row["path"] or ""))
    return f"{when} {taught:9} {name}: {_IN_WORDS[row['kind']]}{reason}"
