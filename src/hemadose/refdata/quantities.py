"""The packaged table of quantities that follow-up speaks of."""

from __future__ import annotations

from functools import cache

from hemadose.outcome.quantities import Quantities, Quantity
from hemadose.refdata._toml import check_keys, read_packaged, take

_OPTIONAL = ("molar_mass_g_per_mol", "valence", "loinc", "synonyms")


@cache
def quantities() -> Quantities:
    """Give the table.

    Raises
    ------
    ReferenceDataError
        If it does not follow its schema.

    Examples
    --------
    >>> quantities()["creatinine"].unit
    'mg/dL'
    >>> quantities().find("Thrombozyten").name
    'platelets'
    """
    table = read_packaged("outcome", "quantities")
    found: dict[str, Quantity] = {}
    for entry in table["quantity"]:
        where = f"outcome/quantities.toml, {entry.get('name', '?')}"
        check_keys(entry, source=where, required=("name", "title", "unit", "lowest", "highest"), optional=_OPTIONAL)
        found[entry["name"]] = Quantity(
            name=take(entry, "name", str, source=where),
            title=take(entry, "title", str, source=where),
            unit=take(entry, "unit", str, source=where),
            lowest=take(entry, "lowest", float, source=where),
            highest=take(entry, "highest", float, source=where),
            molar_mass_g_per_mol=entry.get("molar_mass_g_per_mol"),
            valence=entry.get("valence"),
            loinc=tuple(entry.get("loinc", ())),
            synonyms=tuple(s.lower() for s in entry.get("synonyms", ())),
        )
    return Quantities(by_name=found)
