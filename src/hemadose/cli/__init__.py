"""The command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every hemadose error ends in exit code 2 with one clear line."""
    from hemadose.cli.app import app
    from hemadose.cli.output import fail
    from hemadose.errors import HemadoseError

    try:
        app()
    except HemadoseError as problem:
        sys.exit(fail(problem, as_json="--json" in sys.argv))
