"""Commands that set up, watch and show: init, check, run, status, demo."""

import os
from pathlib import Path

import click

from triaged.cli.shared import Session, json_option, opened, print_json, print_rich, progress
from triaged.errors import UserError
from triaged.fs.places import find_places

FOLDER = click.Path(exists=True, file_okay=False)


@click.command()
@click.option("--yes", is_flag=True, help="Take what was found without asking.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@json_option
@click.pass_obj
def init(session: Session, yes: bool, force: bool, as_json: bool) -> None:
    """Write a commented configuration from the folders found here."""
    from triaged.setup import propose, write

    if os.path.exists(session.config_file) and not force:
        raise UserError(f"{os.fsdecode(session.config_file)} is there already; --force replaces it")
    places = find_places()
    config = propose(places)
    if not yes:
        for root in config.roots:
            click.echo(f"  {root.role.value:8} {os.fsdecode(root.path)}", err=True)
        click.echo(f"  {'trash':8} {os.fsdecode(places.home_trash)}", err=True)
        click.confirm("Watch these folders?", default=True, abort=True, err=True)
    write(config, session.config_file)
    if as_json:
        roots = [{"path": os.fsdecode(r.path), "role": r.role.value} for r in config.roots]
        print_json({"config": os.fsdecode(session.config_file), "roots": roots})
        return
    click.echo(f"wrote {os.fsdecode(session.config_file)}")
    click.echo("next: `triaged run`, or `triaged learn --deleted DIR --kept DIR` to begin with")


@click.command()
@json_option
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
        print_json([{"path": p, "role": r, "trouble": t} for p, r, t in found])
    else:
        for path, role, trouble in found:
            click.echo(f"{role:8} {path}: {trouble or 'ok'}")
    if any(trouble for *_, trouble in found):
        raise SystemExit(1)


@click.command()
@click.option("--once", is_flag=True, help="Look, learn, score and publish once, then leave.")
@click.pass_obj
def run(session: Session, once: bool) -> None:
    """Watch, learn and publish until stopped; what the service runs."""
    from triaged.lock import take_lock
    from triaged.once import run_once
    from triaged.resident import become

    config = session.config()
    if not once:
        become(session.config_file)
    lock = take_lock(session.state_dir)
    try:
        with progress("reading photos") as tell:
            run_once(config, session.config_file, session.state_dir, tell)
    finally:
        os.close(lock)


@click.command()
@json_option
@click.pass_obj
def status(session: Session, as_json: bool) -> None:
    """Show what is watched, what was learned, and what stands in the review folder."""
    from triaged.status import status as find_status

    with opened(session) as (config, store, overview):
        found = find_status(config, session.state_dir, store, overview)
    if as_json:
        print_json(found)
        return
    from triaged.shown import shown_status

    print_rich(shown_status(found))


@click.command()
@click.option("--photos", type=FOLDER, help="Play with your own photos, 30 or more (copied).")
@click.option("--delete", "deleted", type=FOLDER, help="... and the ones you would delete.")
@click.option("--keep-home", is_flag=True, help="Leave the scratch home for a look around.")
@click.option("--sheet", type=click.Path(dir_okay=False), help="Where to put the contact sheet.")
def demo(photos: str | None, deleted: str | None, keep_home: bool, sheet: str | None) -> None:
    """Show it at work in a scratch home: a library, a person, the real daemon."""
    if bool(photos) != bool(deleted):
        raise click.UsageError("--photos and --delete go together")
    from triaged.demo.show import play

    own = (os.fsencode(photos), os.fsencode(deleted)) if photos and deleted else None
    for thing in play(own, keep_home=keep_home, sheet=Path(sheet) if sheet else None):
        print_rich(thing)
