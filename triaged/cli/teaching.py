"""Commands by which the owner teaches and corrects: learn, label, undo, confirm."""

import itertools
import os
from typing import Any

import click

from triaged.cli.shared import (
    Session,
    as_text,
    json_option,
    opened,
    print_json,
    printable,
    progress,
)
from triaged.config import Config
from triaged.core.types import Label, Role
from triaged.errors import UserError

FOLDER = click.Path(exists=True, file_okay=False)


def _is_within(path: str, top: str) -> bool:
    path, top = os.path.realpath(path), os.path.realpath(top)
    return path == top or path.startswith(top.rstrip("/") + "/")


def _refuse_overlaps(deleted: tuple[str, ...], kept: tuple[str, ...]) -> None:
    """Refuse folders that are, or lie in, one of the other kind: a photo cannot be both."""
    for one, other in itertools.product(deleted, kept):
        if _is_within(one, other) or _is_within(other, one):
            raise click.UsageError(f"{one} is deleted and {other} is kept, but they overlap")


def _refuse_libraries(deleted: tuple[str, ...], config: Config) -> None:
    """Refuse a whole library as deleted photos: that is a slip of the hand."""
    for folder, root in itertools.product(deleted, config.roots):
        if root.role is not Role.DELETED and _is_within(os.fsdecode(root.path), folder):
            raise UserError(
                f"{folder} holds {os.fsdecode(root.path)}, which is watched as"
                f" {root.role.value}: name the folder of the deleted photos alone"
            )


@click.command()
@click.option("--deleted", multiple=True, type=FOLDER, help="Photos you deleted. May be repeated.")
@click.option("--kept", multiple=True, type=FOLDER, help="Photos you kept. May be repeated.")
@json_option
@click.pass_obj
def learn(session: Session, deleted: tuple[str, ...], kept: tuple[str, ...], as_json: bool) -> None:
    """Learn from existing folders, without moving anything.

    For the first day of somebody who has kept their deleted pictures. Embeds, decides and fits
    before it returns.
    """
    from triaged import once
    from triaged.lock import nudge
    from triaged.teach import teach_folder

    if not deleted and not kept:
        raise click.UsageError("name at least one folder with --deleted or --kept")
    _refuse_overlaps(deleted, kept)
    with opened(session) as (config, store, overview):
        _refuse_libraries(deleted, config)
        lessons = {
            label.value: [
                teach_folder(store, overview, os.fsencode(folder), label) for folder in folders
            ]
            for label, folders in ((Label.DELETE, deleted), (Label.KEEP, kept))
        }
        with progress("reading photos") as tell:
            once.work(store, overview, session.config_file, tell)
        counts, model = store.acts.counts(), overview.active_model()
    nudge(session.state_dir)
    new = {label: sum(taught.new for taught in found) for label, found in lessons.items()}
    if as_json:
        print_json({"new": new, "known": counts, "model": model["id"] if model else None})
        return
    click.echo(f"learned from {new['delete']} deleted and {new['keep']} kept photos")
    if model is None:
        click.echo("not yet enough for a model: five of each are the least")


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.argument("label", type=click.Choice(["keep", "delete", "clear"]))
@json_option
@click.pass_obj
def label(session: Session, photos: tuple[str, ...], label: str, as_json: bool) -> None:
    """Say by word what you want of a photo, or clear what was learned about it."""
    from triaged.ask import find_photo
    from triaged.judge import settle
    from triaged.lock import nudge
    from triaged.teach import label_photos

    with opened(session) as (_, store, overview):
        found = []
        for path in photos:
            known = find_photo(store, os.fsencode(path))
            if known is None:
                raise UserError(f"{path} is not a photo that is watched; see `triaged learn`")
            found.append(known)
        label_photos(store, overview, found, None if label == "clear" else Label(label))
        settle(store, overview)
    nudge(session.state_dir)
    if as_json:
        print_json([{"path": path, "label": label} for path in photos])
        return
    for path in photos:
        click.echo(f"{label}: {path}")


@click.command()
@click.argument("count", type=click.IntRange(1), default=1)
@json_option
@click.pass_obj
def undo(session: Session, count: int, as_json: bool) -> None:
    """Take back what the last acts taught (the last one, or the last COUNT). Files stay put."""
    from triaged.lock import nudge

    with opened(session) as (_, store, _overview), store.transaction():
        acts = store.acts.gestures(count)
        for act in acts:
            store.acts.retract_gesture(act["gesture"])
    nudge(session.state_dir)
    if as_json:
        print_json([as_text(act) for act in acts])
    else:
        for act in acts:
            click.echo(f"undone: {act['photos']} photos {act['kind']}, {_example(act)}")
    if not acts:
        raise UserError("there is nothing to undo")


@click.command()
@click.option("--reject", is_flag=True, help="Drop them instead: they teach nothing.")
@json_option
@click.pass_obj
def confirm(session: Session, reject: bool, as_json: bool) -> None:
    """Let acts count that were held because they were so large."""
    from triaged.judge import settle
    from triaged.lock import nudge

    with opened(session) as (_, store, overview):
        held = store.acts.held()
        with store.transaction():
            for act in held:
                (store.acts.drop if reject else store.acts.confirm)(act["gesture"])
        settle(store, overview)
    nudge(session.state_dir)
    if as_json:
        print_json([as_text(act) for act in held])
    else:
        for act in held:
            word = "dropped" if reject else "confirmed"
            click.echo(f"{word}: {act['photos']} photos {act['kind']}, {_example(act)}")
    if not held:
        click.echo("nothing is held", err=True)


def _example(row: dict[str, Any]) -> str:
    return f"such as {printable(row['example'] or b'')}"
