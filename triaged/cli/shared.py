"""What the commands share: the session, opened databases, progress, and how things are printed."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from triaged.config import Config, load
from triaged.lock import make_state_dir
from triaged.names import escaped
from triaged.store.overview import Overview
from triaged.store.state import Store

Progress = Callable[[int, int], None]

_LINE_EVERY = 200  # photos between two lines of progress where there is no terminal


@dataclass(frozen=True, slots=True)
class Session:
    """What every command starts from: the configuration's path and the state folder."""

    config_file: bytes
    state_dir: bytes

    def config(self) -> Config:
        """Return the configuration; raises ConfigError with all its mistakes."""
        return load(self.config_file)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII, so that any file name survives."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


@contextmanager
def opened(session: Session) -> Iterator[tuple[Config, Store, Overview]]:
    """Give the configuration and both databases, made where needed, closed afterwards."""
    from triaged.once import open_state

    config = session.config()
    make_state_dir(session.state_dir)
    store, overview = open_state(session.state_dir)
    try:
        yield config, store, overview
    finally:
        overview.close()
        store.close()


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Give a progress bar on a terminal, a plain line now and then elsewhere.

    The function given takes how much is done, and of how much.
    """
    if not sys.stderr.isatty():
        yield _in_lines(what)
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _in_lines(what: str) -> Progress:
    said = 0

    def tell(done: int, total: int) -> None:
        nonlocal said
        if done - said >= _LINE_EVERY:
            click.echo(f"{what}: {done} of {total}", err=True)
            said = done

    return tell


def print_rich(*things: Any) -> None:
    """Print rich renderables."""
    from rich.console import Console

    console = Console()
    for thing in things:
        console.print(thing)


def printable(path: bytes) -> str:
    """Return a path as text for people: what is not UTF-8 or cannot be printed as escapes."""
    return escaped(path)


def plain(value: Any) -> Any:
    """Return a value that any terminal and any file can take."""
    return escaped(os.fsencode(value)) if isinstance(value, str) else value


def as_text(row: dict[str, Any]) -> dict[str, Any]:
    """Return a database row with its paths as text."""
    return {k: os.fsdecode(v) if isinstance(v, bytes) else v for k, v in row.items()}
