"""What the command line prints, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hemadose.errors import HemadoseError, InputError

EXIT_OK = 0
EXIT_BAD_INPUT = 2
EXIT_LIMIT_VIOLATED = 3


def print_json(payload: Mapping[str, Any]) -> None:
    """Write one JSON document to standard output."""
    json.dump(payload, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    sys.stdout.write("\n")


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of like keys as an aligned table; a number is never cut short to fit the screen."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        numeric = any(isinstance(row.get(name), int | float) for row in rows)
        if numeric:
            table.add_column(str(name), justify="right", no_wrap=True)
        else:
            table.add_column(str(name), overflow="fold", max_width=48)
    for row in rows:
        table.add_row(*(format_cell(row.get(name)) for name in rows[0]))
    wide = Console(width=400)
    needed = wide.measure(table).maximum
    Console(width=max(Console().width, needed)).print(table)


def format_cell(value: Any) -> str:
    """Give a number four significant digits, and nothing for None.

    >>> format_cell(14.46543), format_cell(None), format_cell("x")
    ('14.47', '', 'x')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def print_notes(notes: Sequence[str]) -> None:
    """Write doubts, one a line."""
    for note in notes:
        sys.stdout.write(f"  ! {note}\n")


def fail(problem: HemadoseError, *, as_json: bool) -> int:
    """Report an error on standard error (and as JSON on standard output if asked)."""
    if as_json:
        print_json(
            {
                "error": {
                    "type": type(problem).__name__,
                    "message": problem.message,
                    **problem.details(),
                }
            }
        )
    sys.stderr.write(f"hemadose: {problem}\n")
    return EXIT_BAD_INPUT


def parse_pairs(pairs: Sequence[str], *, option: str) -> dict[str, float]:
    """Read ``name=number`` options.

    Raises
    ------
    InputError
        If one is not of that form.

    Examples
    --------
    >>> parse_pairs(["kidneys=23"], option="--limit")
    {'kidneys': 23.0}
    """
    found = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            found[name.strip()] = float(text)
        except ValueError as problem:
            raise InputError("name=number is expected", field=option, value=pair, expected="kidneys=23") from problem
    return found
