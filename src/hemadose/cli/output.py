"""What the command line prints, and how it ends."""

from __future__ import annotations

import json
import math
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
        If one is not of that form, or a name is given twice.

    Examples
    --------
    >>> parse_pairs(["kidneys=23"], option="--limit")
    {'kidneys': 23.0}
    """
    found: dict[str, float] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            value = float(text)
        except ValueError as problem:
            raise InputError("name=number is expected", field=option, value=pair, expected="kidneys=23") from problem
        if name.strip() in found:
            raise InputError("given twice", field=option, value=name.strip(), remedy="give it once")
        found[name.strip()] = value
    return found


def at_most(value: float | None) -> float | int | None:
    """Cut a largest permitted value to four digits, never up; whole numbers from 10000 on.

    >>> at_most(14.46541), at_most(16901.4), at_most(23.0), at_most(None)
    (14.46, 16901, 23.0, None)
    """
    if value is None or value == 0.0 or not math.isfinite(value):
        return value
    value *= 1.0 + math.copysign(1e-12, value)
    if abs(value) >= 1e4:
        return math.floor(value)
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return float(f"{math.floor(value / step) * step:.4g}")


def at_least(value: float | None) -> float | int | None:
    """Cut a smallest permitted value to four digits, never down.

    >>> at_least(8275.862), at_least(24000.0)
    (8276.0, 24000)
    """
    below = at_most(None if value is None else -value)
    return None if below is None else -below


def rounded_up(value: float, decimals: int = 1) -> str:
    """Write days or hours rounded up, as an earliest time must be.

    >>> rounded_up(11.64), rounded_up(11.642, 2), rounded_up(14.0)
    ('11.7', '11.65', '14.0')
    """
    scale = 10.0**decimals
    return f"{math.ceil(round(scale * value, 4)) / scale:.{decimals}f}"
