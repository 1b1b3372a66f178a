"""What can be measured in a patient: name, unit, what is believable, how laboratories call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.outcome.ucum import conversion

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One kind of measurement.

    Attributes
    ----------
    name : str
        E.g. ``"creatinine"``.
    title : str
        For people.
    unit : str
        Unit that values are kept in (UCUM).
    lowest, highest : float
        Outside this, in `unit`, a value is refused as a wrong unit or a slip.
    molar_mass_g_per_mol : float or None
        To turn mass into amount.
    valence : int or None
        To turn equivalents into amount.
    loinc : tuple of str
        LOINC codes that mean this quantity.
    synonyms : tuple of str
        Other names in tables, lower case.
    """

    name: str
    title: str
    unit: str
    lowest: float
    highest: float
    molar_mass_g_per_mol: float | None = None
    valence: int | None = None
    loinc: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """The table of quantities.

    Attributes
    ----------
    by_name : Mapping of str to Quantity
        In order of the table.
    """

    by_name: Mapping[str, Quantity]

    def __getitem__(self, name: str) -> Quantity:
        """Give a quantity by its name.

        Raises
        ------
        QuantityError
            If it is unknown.
        """
        if name not in self.by_name:
            raise QuantityError("unknown quantity", field="quantity", value=name, expected=", ".join(self.by_name))
        return self.by_name[name]

    def find(self, label: str) -> Quantity | None:
        """Find a quantity by name, title, synonym or LOINC code; None if there is none."""
        wanted = label.strip().lower()
        for quantity in self.by_name.values():
            if wanted in (quantity.name, quantity.title.lower(), *quantity.synonyms) or label in quantity.loinc:
                return quantity
        return None


def to_standard(quantity: Quantity, values: npt.ArrayLike, unit: str) -> Floats:
    """Turn values into the unit of the quantity, without judging them.

    Parameters
    ----------
    quantity : Quantity
        What was measured.
    values : array (n,)
        In `unit`.
    unit : str
        UCUM code or a customary spelling.

    Returns
    -------
    array (n,)

    Raises
    ------
    QuantityError
        If the unit is missing, unknown or of another dimension.

    Examples
    --------
    >>> creatinine = Quantity(
    ...     name="creatinine", title="Creatinine", unit="mg/dL", lowest=0.05, highest=40.0, molar_mass_g_per_mol=113.12
    ... )
    >>> float(to_standard(creatinine, [132.6], "umol/L").round(2)[0])
    1.5
    """
    slope, intercept = conversion(
        unit, quantity.unit, molar_mass_g_per_mol=quantity.molar_mass_g_per_mol, valence=quantity.valence
    )
    return np.asarray(values, dtype=np.float64) * slope + intercept


def require_believable(quantity: Quantity, values: Floats) -> None:
    """Refuse values that no living patient has: nearly always a wrong unit.

    Raises
    ------
    QuantityError
        Naming the worst value.
    """
    wrong = values[~((values >= quantity.lowest) & (values <= quantity.highest))]
    if wrong.size:
        raise QuantityError(
            f"{quantity.title} is not believable",
            field=quantity.name,
            value=f"{wrong[0]:g} {quantity.unit}" + (f" and {wrong.size - 1} more" if wrong.size > 1 else ""),
            expected=f"{quantity.lowest:g} to {quantity.highest:g} {quantity.unit}",
            remedy="check unit and decimal point",
        )
