"""Logging: plain lines to standard error; under systemd each with its priority.

The journal takes a priority from a `<N>` at the start of a line (sd-daemon(3)). `notify` is the
other half of that protocol: READY=1, STATUS=..., WATCHDOG=1 over a datagram socket (sd_notify(3)).
"""

import logging
import os
import socket
import sys

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


class _JournalFormatter(logging.Formatter):
    """Puts the journal's priority before each line."""

    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelno, 2)
        lines = super().format(record).splitlines() or [""]
        return "\n".join(f"<{priority}>{line}" for line in lines)


def set_up(level: int) -> None:
    """Send log lines of at least `level` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def notify(state: str) -> None:
    """Tell the service manager `state` (`READY=1`, `STATUS=...`); nothing happens without one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode())
        except OSError as error:
            logging.getLogger(__name__).warning("the service manager cannot be told: %s", error)
