"""Share of red marrow by site of the skeleton, as packaged data with evidence."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from hemadose.errors import ReferenceDataError
from hemadose.model.marrow import MarrowSite
from hemadose.refdata._toml import check_keys, parse, take

_SOURCE = "marrow_sites.toml"


@cache
def _table() -> dict[str, MarrowSite | None]:
    """Sites by name; None where no share is known."""
    text = files("hemadose.refdata").joinpath(f"data/{_SOURCE}").read_text(encoding="utf-8")
    found: dict[str, MarrowSite | None] = {}
    for entry in parse(text, source=_SOURCE)["site"]:
        check_keys(
            entry,
            source=_SOURCE,
            required=("name", "title", "source", "evidence"),
            optional=("fraction", "fraction_relative_sd"),
        )
        name = take(entry, "name", str, source=_SOURCE)
        found[name] = (
            MarrowSite(
                name=name,
                title=take(entry, "title", str, source=_SOURCE),
                fraction=take(entry, "fraction", float, source=_SOURCE),
                relative_sd=take(entry, "fraction_relative_sd", float, source=_SOURCE),
                source=take(entry, "source", str, source=_SOURCE),
                evidence=take(entry, "evidence", str, source=_SOURCE),
            )
            if "fraction" in entry
            else None
        )
    return found


def marrow_site_names() -> tuple[str, ...]:
    """Names of regions that are sites of red marrow, with or without a known share."""
    return tuple(_table())


def marrow_site(name: str) -> MarrowSite:
    """Give a site.

    Raises
    ------
    ReferenceDataError
        If it is unknown, or no share of it is published.

    Examples
    --------
    >>> marrow_site("sacrum").fraction
    0.099
    """
    table = _table()
    site = table.get(name)
    if site is None:
        known = ", ".join(k for k, v in table.items() if v is not None)
        raise ReferenceDataError(
            f"no share of red marrow is known for {name}",
            field="marrow.sites",
            value=name,
            expected=known,
            remedy=f"give marrow.site_fractions.{name} = {{ fraction, relative_sd, source }}",
        )
    return site
