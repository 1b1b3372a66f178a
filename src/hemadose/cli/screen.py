"""Progress on standard error, so that standard output stays clean for JSON."""

from __future__ import annotations

import sys
import time


class Screen:
    """One line per stage with its time."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._started = 0.0
        self._status: object = None

    def begin(self, title: str) -> None:
        """Show what is being done."""
        self._started = time.perf_counter()
        if self._quiet or not sys.stderr.isatty():
            return
        from rich.console import Console

        status = Console(stderr=True).status(title)
        status.start()
        self._status = status

    def end(self, title: str, *, reused: bool) -> None:
        """Show that it is done, or that a stored result was used."""
        stop = getattr(self._status, "stop", None)
        if stop is not None:
            stop()
            self._status = None
        if not self._quiet:
            took = "unchanged, reused" if reused else f"{time.perf_counter() - self._started:.1f} s"
            sys.stderr.write(f"  {title:<28s} {took}\n")
