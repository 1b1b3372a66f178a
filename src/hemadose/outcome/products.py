"""Which blood product a transfusion was, from the words of its record."""

from __future__ import annotations

PLATELETS, RED_CELLS = "platelets", "red cells"
_WORDS = {
    PLATELETS: ("platelet", "thrombo"),
    RED_CELLS: ("red cell", "red blood", "rbc", "eryth"),
}


def blood_product(term: str) -> str:
    """Give ``"platelets"``, ``"red cells"``, or ``""`` where the words do not say.

    Parameters
    ----------
    term : str
        Of the event, in English or German.

    Examples
    --------
    >>> blood_product("Leukoreduced platelets"), blood_product("Erythrozytenkonzentrat"), blood_product("plasma")
    ('platelets', 'red cells', '')
    """
    said = term.lower()
    return next((product for product, words in _WORDS.items() if any(w in said for w in words)), "")
