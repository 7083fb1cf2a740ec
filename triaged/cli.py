"""The commands: one thin function each. The only module that prints.

Exit codes: 0 fine, 1 the answer is no, 2 usage, 78 the configuration is wrong.
"""

import csv
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from triaged import __version__, journal
from triaged.config import Config, load
from triaged.core.types import Label
from triaged.errors import UserError
from triaged.fs.places import find_places, make_private_dir
from triaged.store.overview import Overview
from triaged.store.state import Store

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Session:
    """What every command starts from: the configuration's path and the state folder."""

    config_file: bytes
    state_dir: bytes

    def config(self) -> Config:
        """Return the configuration; raises ConfigError with all its mistakes."""
        return load(self.config_file)


class _Commands(click.Group):
    """Turns a UserError into one message and its exit code, in this one place."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"triaged: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Configuration to use instead of ~/.config/triaged/config.yaml.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more about what is going on.")
@click.version_option(__version__, prog_name="triaged")
@click.pass_context
def main(ctx: click.Context, config_file: str | None, verbose: bool) -> None:
    """Learn from the photos you delete, and list the next ones to look at.

    First `triaged init`, then `triaged run`. Delete photos as you always do; browse
    ~/Triage/likely-delete in any viewer.
    """
    places = find_places()
    path = os.path.abspath(os.fsencode(config_file)) if config_file else places.config_file
    ctx.obj = Session(path, places.state_dir)
    is_daemon = ctx.invoked_subcommand == "run"
    journal.set_up(logging.INFO if is_daemon or verbose else logging.WARNING)


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


@contextmanager
def _opened(session: Session) -> Iterator[tuple[Config, Store, Overview]]:
    from triaged.once import open_state

    config = session.config()
    make_private_dir(session.state_dir)
    store, overview = open_state(session.state_dir)
    try:
        yield config, store, overview
    finally:
        overview.close()
        store.close()


@contextmanager
def _progress(what: str, total: int | None = None) -> Iterator[Progress]:
    """Give a progress bar on a terminal, a plain line now and then elsewhere.

    The function given takes how many are done, or how many still wait where `total` is None.
    """
    if not sys.stderr.isatty():
        said = -1

        def tell(count: int) -> None:
            nonlocal said
            if said < 0 or abs(count - said) >= 200:
                click.echo(f"{what}: {count}" + (f" of {total}" if total else " to go"), err=True)
                said = count

        yield tell
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def show(count: int) -> None:
            if total is not None:
                bar.update(task, completed=count)
                return
            most = bar.tasks[0].total or 0
            bar.update(task, total=max(most, count), completed=max(most, count) - count)

        yield show


@main.command()
@click.option("--yes", is_flag=True, help="Take what was found without asking.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@_as_json
@click.pass_obj
def init(session: Session, yes: bool, force: bool, as_json: bool) -> None:
    """Write a commented configuration from the folders found here."""
    from triaged.setup import propose, write

    if os.path.exists(session.config_file) and not force:
        raise UserError(f"{os.fsdecode(session.config_file)} is there already; --force replaces it")
    config = propose(find_places())
    if not yes and sys.stdin.isatty():
        for root in config.roots:
            click.echo(f"  {root.role.value:8} {os.fsdecode(root.path)}", err=True)
        click.confirm("Watch these folders?", default=True, abort=True, err=True)
    write(config, session.config_file)
    if as_json:
        roots = [{"path": os.fsdecode(r.path), "role": r.role.value} for r in config.roots]
        _print_json({"config": os.fsdecode(session.config_file), "roots": roots})
        return
    click.echo(f"wrote {os.fsdecode(session.config_file)}")
    click.echo("next: `triaged run`, or `triaged learn --deleted DIR --kept DIR` to begin with")


@main.command()
@_as_json
@click.pass_obj
def check(session: Session, as_json: bool) -> None:
    """Check the configuration and the folders it names. Exit 78 if it cannot be used."""
    from triaged.fs.mounts import check_root

    config = session.config()
    found = [
        (os.fsdecode(root.path), root.role.value, check_root(os.path.realpath(root.path), None))
        for root in config.roots
    ]
    if as_json:
        _print_json([{"path": p, "role": r, "trouble": t} for p, r, t in found])
    else:
        for path, role, trouble in found:
            click.echo(f"{role:8} {path}: {trouble or 'ok'}")
    if any(trouble for *_, trouble in found):
        raise SystemExit(1)


@main.command()
@click.option("--once", is_flag=True, help="Look, learn, score and publish once, then leave.")
@click.pass_obj
def run(session: Session, once: bool) -> None:
    """Watch, learn and publish until stopped; what the service runs."""
    from triaged.daemon import take_lock
    from triaged.once import run_once
    from triaged.resident import become

    config = session.config()
    if not once:
        become(session.config_file)
    lock = take_lock(session.state_dir)
    try:
        with _progress("reading photos") as progress:
            run_once(config, session.config_file, session.state_dir, progress)
    finally:
        os.close(lock)


@main.command()
@_as_json
@click.pass_obj
def status(session: Session, as_json: bool) -> None:
    """Show what is watched, what was learned, and what stands in the review folder."""
    from triaged.status import status as find_status

    with _opened(session) as (config, store, overview):
        found = find_status(config, session.state_dir, store, overview)
    if as_json:
        _print_json(found)
        return
    from triaged.shown import shown_status

    _print_rich(shown_status(found))


def _print_rich(*things: Any) -> None:
    from rich.console import Console

    console = Console()
    for thing in things:
        console.print(thing)


_FOLDER = click.Path(exists=True, file_okay=False)


@main.command()
@click.option("--deleted", multiple=True, type=_FOLDER, help="Photos you deleted. May be repeated.")
@click.option("--kept", multiple=True, type=_FOLDER, help="Photos you kept. May be repeated.")
@_as_json
@click.pass_obj
def learn(session: Session, deleted: tuple[str, ...], kept: tuple[str, ...], as_json: bool) -> None:
    """Learn from existing folders, without moving anything.

    For the first day of somebody who has kept their deleted pictures. Embeds, decides and fits
    before it returns.
    """
    from triaged import once
    from triaged.daemon import nudge
    from triaged.teach import teach_folder

    if not deleted and not kept:
        raise click.UsageError("name at least one folder with --deleted or --kept")
    with _opened(session) as (_, store, overview):
        lessons = {
            label.value: [
                teach_folder(store, overview, os.fsencode(folder), label) for folder in folders
            ]
            for label, folders in ((Label.DELETE, deleted), (Label.KEEP, kept))
        }
        with _progress("reading photos") as progress:
            once.work(store, overview, session.config_file, progress)
        counts, model = store.acts.counts(), overview.active_model()
    nudge(session.state_dir)
    new = {label: sum(taught.new for taught in found) for label, found in lessons.items()}
    if as_json:
        _print_json({"new": new, "known": counts, "model": model["id"] if model else None})
        return
    click.echo(f"learned from {new['delete']} deleted and {new['keep']} kept photos")
    if model is None:
        click.echo("not yet enough for a model: five of each are the least")


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@_as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: score, path, reason.")
@click.pass_obj
def score(session: Session, paths: tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    """Score files or folders, in the library or not, most likely delete first."""
    from triaged.ask import score_paths

    with _opened(session) as (config, store, overview), _progress("scoring") as progress:
        answers = score_paths(config, store, overview, [os.fsencode(p) for p in paths], progress)
    if as_json:
        _print_json(
            [{"path": os.fsdecode(a.path), "score": a.score, "reason": a.reason} for a in answers]
        )
        return
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(("score", "path", "reason"))
        writer.writerows((a.score, _printable(a.path), a.reason) for a in answers)
        return
    for answer in answers:
        shown = "   -  " if answer.score is None else f"{answer.score:6.1%}"
        click.echo(f"{shown}  {_printable(answer.path)}  ({answer.reason})")


def _printable(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    """Return a value that any terminal and any file can take."""
    return _printable(os.fsencode(value)) if isinstance(value, str) else value


@main.command()
@click.argument("photo")
@_as_json
@click.pass_obj
def explain(session: Session, photo: str, as_json: bool) -> None:
    """Say why a photo has its score: your own earlier decisions, and what was measured."""
    from triaged.ask import explain as find_reasons

    with _opened(session) as (config, store, overview):
        found = find_reasons(config, store, overview, os.fsencode(photo))
    if as_json:
        _print_json(found)
        return
    from triaged.shown import shown_reasons

    _print_rich(*shown_reasons(found))


@main.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.argument("label", type=click.Choice(["keep", "delete", "clear"]))
@_as_json
@click.pass_obj
def label(session: Session, photos: tuple[str, ...], label: str, as_json: bool) -> None:
    """Say by word what you want of a photo, or clear what was learned about it."""
    from triaged.ask import find_photo
    from triaged.daemon import nudge
    from triaged.judge import settle
    from triaged.teach import label_photos

    with _opened(session) as (_, store, overview):
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
        _print_json([{"path": path, "label": label} for path in photos])
        return
    for path in photos:
        click.echo(f"{label}: {path}")


@main.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@_as_json
@click.pass_obj
def labels(session: Session, as_csv: bool, as_json: bool) -> None:
    """List what was learned: path, label, weight, source, time, split group, score before."""
    with _opened(session) as (_, store, _overview):
        found = [_as_text(row) for row in store.acts.export()]
    if as_json:
        _print_json(found)
        return
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(found[0] if found else ())
        writer.writerows([_plain(value) for value in row.values()] for row in found)
        return
    for row in found:
        click.echo(f"{row['label']:6}  {row['source']:9}  {_plain(row['path'])}")


@main.command()
@click.argument("count", type=click.IntRange(1), default=1)
@_as_json
@click.pass_obj
def undo(session: Session, count: int, as_json: bool) -> None:
    """Take back what the last acts taught (the last one, or the last COUNT). Files stay put."""
    from triaged.daemon import nudge

    with _opened(session) as (_, store, _overview), store.transaction():
        acts = store.acts.gestures(count)
        for act in acts:
            store.acts.retract_gesture(act["gesture"])
    nudge(session.state_dir)
    if as_json:
        _print_json([_as_text(act) for act in acts])
    else:
        for act in acts:
            click.echo(f"undone: {act['photos']} photos {act['kind']}, {_example(act)}")
    if not acts:
        raise UserError("there is nothing to undo")


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    return {k: os.fsdecode(v) if isinstance(v, bytes) else v for k, v in row.items()}


def _example(row: dict[str, Any]) -> str:
    return f"such as {_printable(row['example'] or b'')}"


@main.command()
@click.option("--reject", is_flag=True, help="Drop them instead: they teach nothing.")
@_as_json
@click.pass_obj
def confirm(session: Session, reject: bool, as_json: bool) -> None:
    """Let acts count that were held because they were so large."""
    from triaged.daemon import nudge
    from triaged.judge import settle

    with _opened(session) as (_, store, overview):
        held = store.acts.held()
        with store.transaction():
            for act in held:
                (store.acts.drop if reject else store.acts.confirm)(act["gesture"])
        settle(store, overview)
    nudge(session.state_dir)
    if as_json:
        _print_json([_as_text(act) for act in held])
    else:
        for act in held:
            word = "dropped" if reject else "confirmed"
            click.echo(f"{word}: {act['photos']} photos {act['kind']}, {_example(act)}")
    if not held:
        click.echo("nothing is held", err=True)


@main.command()
@click.option("--photos", type=_FOLDER, help="Play with your own photos (they are copied).")
@click.option("--delete", "deleted", type=_FOLDER, help="... and the ones you would delete.")
@click.option("--keep-home", is_flag=True, help="Leave the scratch home for a look around.")
@click.option("--sheet", type=click.Path(dir_okay=False), help="Where to put the contact sheet.")
def demo(photos: str | None, deleted: str | None, keep_home: bool, sheet: str | None) -> None:
    """Show it at work in a scratch home: a library, a person, the real daemon."""
    if bool(photos) != bool(deleted):
        raise click.UsageError("--photos and --delete go together")
    from triaged.demo.show import play

    own = (os.fsencode(photos), os.fsencode(deleted)) if photos and deleted else None
    for thing in play(own, keep_home=keep_home, sheet=Path(sheet) if sheet else None):
        _print_rich(thing)
