"""What the resident process has to do, and when: dirty folders that settle, and the regular scan.

A folder is due when it has been quiet for the settle time, or has been noisy for five of them: a
burst of twenty thousand files must not keep the first of them waiting. Times are monotonic seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NOISY_SETTLES = 5


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be looked at: these folders, or everything for None."""

    folders: set[bytes] | None


class Agenda:
    """The dirty folders and the next full look."""

    def __init__(self, settle_seconds: float, interval_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._interval_seconds = interval_seconds
        self._first: dict[bytes, float] = {}
        self._due: dict[bytes, float] = {}
        self._full_at = 0.0

    def hint(self, folders: Mapping[bytes, float]) -> None:
        """Take hints: folders, each with when something last happened there."""
        for folder, at in folders.items():
            first = self._first.setdefault(folder, at)
            latest = first + _NOISY_SETTLES * self._settle_seconds
            self._due[folder] = min(at + self._settle_seconds, latest)

    def look_again(self, folders: Iterable[bytes], at: float) -> None:
        """Take folders that want another look at a certain time, or sooner if they are due."""
        for folder in folders:
            self._first.setdefault(folder, at)
            self._due[folder] = min(self._due.get(folder, at), at)

    def look_everywhere(self, at: float) -> None:
        """Ask for a full look at a certain time, or sooner."""
        self._full_at = min(self._full_at, at)

    def take(self, now: float) -> Due | None:
        """Return what is due and forget it; None for nothing."""
        if now >= self._full_at:
            self._full_at = now + self._interval_seconds
            self._first.clear()
            self._due.clear()
            return Due(None)
        due = {folder for folder, at in self._due.items() if at <= now}
        for folder in due:
            del self._first[folder], self._due[folder]
        return Due(due) if due else None

    def next_at(self) -> float:
        """Return when something is due next."""
        return min(self._full_at, *self._due.values()) if self._due else self._full_at
