"""Laboratory values in two usual units: a number is taken only with its unit and only where it is plausible in it."""

from __future__ import annotations

from dataclasses import dataclass

from hemadose.errors import QuantityError

UMOL_PER_MG_CREATININE = 88.4
UMOL_PER_MG_BILIRUBIN = 17.1


@dataclass(frozen=True, slots=True)
class _Unit:
    """Factor to the unit used here, the plausible range in this unit, and what to ask where it is left."""

    factor: float
    low: float
    high: float


_QUANTITIES: dict[str, dict[str, _Unit]] = {
    "creatinine": {
        "mg/dl": _Unit(1.0, 0.1, 15.0),
        "umol/l": _Unit(1.0 / UMOL_PER_MG_CREATININE, 9.0, 1326.0),
    },
    "bilirubin": {
        "mg/dl": _Unit(1.0, 0.05, 60.0),
        "umol/l": _Unit(1.0 / UMOL_PER_MG_BILIRUBIN, 1.0, 1026.0),
    },
    "platelets": {"10^9/l": _Unit(1.0, 0.0, 3000.0), "/ul": _Unit(1e-3, 1000.0, 3e6)},
    "potassium": {"mmol/l": _Unit(1.0, 1.0, 12.0)},
}
_SAME = {"g/l": "10^9/l", "/nl": "10^9/l", "10^3/ul": "10^9/l", "mg/dl": "mg/dl", "mmol/l": "mmol/l", "meq/l": "mmol/l"}


def laboratory_value(quantity: str, value: float, unit: str) -> float:
    """Give a laboratory value in the unit that hemadose uses.

    Parameters
    ----------
    quantity : str
        ``"creatinine"`` (mg/dl), ``"bilirubin"`` (mg/dl), ``"platelets"`` (10^9/l) or ``"potassium"`` (mmol/l).
    value : float
        As reported.
    unit : str
        As reported; upper and lower case and the micro sign do not matter. Never assumed.

    Returns
    -------
    float
        In the unit named above. Creatinine 88.4 and bilirubin 17.1 umol/l for 1 mg/dl.

    Raises
    ------
    QuantityError
        For an unknown unit, or a value that is implausible in its unit but not in another.

    Examples
    --------
    >>> round(laboratory_value("creatinine", 70.7, "µmol/l"), 2)
    0.8
    >>> laboratory_value("platelets", 150000, "/µl")
    150.0
    """
    if quantity not in _QUANTITIES:
        raise QuantityError(
            "unknown laboratory value", field="quantity", value=quantity, expected=", ".join(_QUANTITIES)
        )
    units = _QUANTITIES[quantity]
    key = unit.strip().lower().replace("µ", "u").replace("μ", "u").replace(" ", "").replace("×", "")
    key = key if key in units else _SAME.get(key, key)
    if key not in units:
        raise QuantityError(f"unknown unit of {quantity}", field=quantity, value=unit, expected=" or ".join(units))
    known = units[key]
    if not known.low <= value <= known.high:
        other = [name for name, u in units.items() if name != key and u.low <= value <= u.high]
        raise QuantityError(
            f"implausible {quantity}",
            field=quantity,
            value=f"{value:g} {key}",
            expected=f"{known.low:g}-{known.high:g} {key}",
            remedy=f"the value was perhaps meant in {' or '.join(other)}" if other else "measure again",
        )
    return value * known.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class PotassiumReading:
    """A serum potassium beside amino acids and tumour lysis.

    Attributes
    ----------
    raised : bool
        Above 5.0 mmol/l.
    lysis_criterion : bool
        From 6.0 mmol/l, or 25 % above the value before: the potassium criterion of Cairo and Bishop.
    amino_acid_window : bool
        Within 24 h after the start of amino acids.
    text : str
        What follows.
    source : str
        Publication.
    """

    raised: bool
    lysis_criterion: bool
    amino_acid_window: bool
    text: str
    source: str


def read_potassium(
    mmol_per_l: float, *, hours_after_start: float, before_mmol_per_l: float | None = None
) -> PotassiumReading:
    """Judge a potassium after the start of amino acids without calling every rise a tumour lysis.

    Parameters
    ----------
    mmol_per_l : float
        Measured.
    hours_after_start : float
        After the start of the infusion; negative before it.
    before_mmol_per_l : float or None
        Before the infusion.

    Returns
    -------
    PotassiumReading
        Above 5.0 mmol/l in 20 of 22 patients after amino acids, back after 24 h (EJNMMI Res 2014;4:46);
        criterion of tumour lysis: 6.0 mmol/l or a rise by 25 % (Cairo and Bishop 2004).

    Examples
    --------
    >>> read_potassium(5.6, hours_after_start=4, before_mmol_per_l=4.4).amino_acid_window
    True
    >>> read_potassium(6.2, hours_after_start=30).text[:5]
    'Count'
    """
    laboratory_value("potassium", mmol_per_l, "mmol/l")
    rise = before_mmol_per_l is not None and mmol_per_l >= 1.25 * before_mmol_per_l
    criterion = mmol_per_l >= 6.0 or rise
    window = 0.0 <= hours_after_start <= 24.0
    if criterion and window:
        text = (
            "Treat the potassium by its value. Associated with amino acids: not counted alone as tumour lysis; "
            "uric acid, phosphate and calcium decide. Repeat until 24 h."
        )
    elif criterion:
        text = "Counts as the potassium criterion of tumour lysis: amino acids no longer explain it."
    elif mmol_per_l > 5.0:
        text = "Raised below the criterion of tumour lysis; " + (
            "to be expected after amino acids, repeat until 24 h." if window else "amino acids do not explain it."
        )
    else:
        text = "Not raised."
    return PotassiumReading(
        raised=mmol_per_l > 5.0,
        lysis_criterion=criterion,
        amino_acid_window=window,
        text=text,
        source="EJNMMI Res 2014;4:46; Cairo and Bishop, Br J Haematol 2004;127:3",
    )
