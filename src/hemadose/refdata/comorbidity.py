"""The packaged table of comorbidities."""

from __future__ import annotations

from functools import cache

from hemadose.outcome.comorbidity import ComorbidityIndex, ComorbidityItem
from hemadose.refdata._toml import check_keys, read_packaged, take


@cache
def comorbidity_index() -> ComorbidityIndex:
    """Give the HCT-CI.

    Raises
    ------
    ReferenceDataError
        If the table does not follow its schema.

    Examples
    --------
    >>> sum(item.weight for item in comorbidity_index().items)
    29
    """
    table, where = read_packaged("outcome", "hct-ci"), "outcome/hct-ci.toml"
    check_keys(table, source=where, required=("source", "item"), optional=("notes",))
    items = []
    for entry in table["item"]:
        check_keys(entry, source=where, required=("name", "weight", "meaning"), optional=("group",))
        items.append(
            ComorbidityItem(
                name=take(entry, "name", str, source=where),
                weight=take(entry, "weight", int, source=where),
                meaning=take(entry, "meaning", str, source=where),
                group=entry.get("group", ""),
            )
        )
    return ComorbidityIndex(items=tuple(items), source=take(table, "source", str, source=where))
