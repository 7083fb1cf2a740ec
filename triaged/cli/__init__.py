"""The commands: one thin function each. The only room that prints.

Exit codes: 0 fine, 1 the answer is no, 2 usage, 78 the configuration is wrong.
"""

import logging
import os
from typing import Any

import click

from triaged import __version__, journal
from triaged.cli import asking, teaching, watching
from triaged.cli.shared import Session
from triaged.errors import UserError
from triaged.fs.places import find_places


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


for _command in (
    *(watching.init, watching.check, watching.run, watching.status),
    *(teaching.learn, teaching.label, teaching.undo, teaching.confirm),
    *(asking.score, asking.explain, asking.labels, asking.log, watching.demo),
):
    main.add_command(_command)
