"""Names of radiopharmaceuticals as people and papers write them, mapped by radionuclide to what must be meant.

A therapy written as "pentixafor" is pentixather (the radionuclide decides); an isotope that the compound is not
labelled with, as 133I for anti-CD45, is refused and never corrected in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hemadose.errors import PlanningError

BUCK = "Buck 2023, J Nucl Med 64:1009"
BRAITSCH = "Braitsch 2025, Theranostics 15:19-29"

_THERAPY, _IMAGING = {"177Lu", "90Y"}, {"68Ga"}
_COMPOUNDS: tuple[tuple[str, str, frozenset[str]], ...] = (
    (r"pentixa(for|ther)", "pentixather", frozenset(_THERAPY | _IMAGING)),
    (r"ibritumomab|ibratumab|ibratumomab|zevalin", "ibritumomab tiuxetan", frozenset({"90Y", "111In"})),
    (r"tositumomab|bexxar", "tositumomab", frozenset({"131I"})),
    (r"apamistamab|iomab|lomab-?b|bc8|anti-?cd45", "anti-CD45", frozenset({"131I", "90Y", "111In"})),
    (r"besilesomab|anti-?cd66", "anti-CD66", frozenset({"188Re", "90Y", "99mTc", "111In"})),
    (r"lym-?1", "Lym-1", frozenset({"131I"})),
)
_ELEMENTS = {
    "lutetium": "Lu", "yttrium": "Y", "iodine": "I", "iod": "I", "jod": "I", "rhenium": "Re", "gallium": "Ga",
    "indium": "In", "technetium": "Tc",
}  # fmt: skip
_SYMBOLS = {"lu", "y", "i", "re", "ga", "in", "tc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentName:
    """A radiopharmaceutical by its meant name.

    Attributes
    ----------
    nuclide : str
        E.g. ``"177Lu"``.
    compound : str
        E.g. ``"pentixather"``.
    notes : tuple of str
        What was read differently from what was written, with its source.
    """

    nuclide: str
    compound: str
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Nuclide in brackets and compound, e.g. ``"[177Lu]Lu-pentixather"``."""
        element = re.sub(r"[\dm]", "", self.nuclide, count=4)
        return f"[{self.nuclide}]{element}-{self.compound}"


def normalised_agent(text: str) -> AgentName:
    """Give the radiopharmaceutical that a text must mean.

    Parameters
    ----------
    text : str
        E.g. ``"177Lu-pentixafor"``, ``"131I anti-CD45"``, ``"[90Y]Y-ibritumomab tiuxetan"``.

    Returns
    -------
    AgentName
        With a note where name and radionuclide contradict each other and the radionuclide decides.

    Raises
    ------
    PlanningError
        No radionuclide, an unknown compound, or an isotope the compound is not labelled with (133I).

    Examples
    --------
    >>> normalised_agent("177Lu-pentixafor").title
    '[177Lu]Lu-pentixather'
    >>> normalised_agent("[68Ga]Ga-pentixafor").notes
    ()
    """
    found = _nuclide(text)
    if found is None:
        raise PlanningError(
            "the radiopharmaceutical needs its radionuclide",
            field="agent",
            value=text,
            expected="e.g. 177Lu-pentixather",
        )
    nuclide, rest = found
    for pattern, compound, labels in _COMPOUNDS:
        match = re.search(pattern, rest, re.IGNORECASE)
        if match is None:
            continue
        if nuclide not in labels:
            raise PlanningError(
                f"{compound} is not labelled with {nuclide}",
                field="agent",
                value=text,
                expected=", ".join(sorted(labels)),
                remedy=_remedy(nuclide, labels),
            )
        if compound == "pentixather":
            return _pentixa(nuclide, match.group().lower())
        misprint = f"“{match.group()}” was read as {compound}: misprint ({BUCK})."
        notes = (misprint,) if _is_misprint(match.group()) else ()
        return AgentName(nuclide=nuclide, compound=compound, notes=notes)
    raise PlanningError(
        "unknown radiopharmaceutical", field="agent", value=text, expected=", ".join(name for _, name, _ in _COMPOUNDS)
    )


def _nuclide(text: str) -> tuple[str, str] | None:
    cleaned = re.sub(r"[\[\]^(){}$]", " ", text)
    names = "|".join([*_ELEMENTS, *sorted(_SYMBOLS, key=len, reverse=True)])
    match = re.search(rf"(?<![\w])(\d{{2,3}}m?)[\s-]*({names})(?![a-z])", cleaned, re.IGNORECASE)
    if match is not None:
        mass, element = match.groups()
    else:
        match = re.search(rf"(?<![\w])({names})[\s-]*(\d{{2,3}}m?)(?!\w)", cleaned, re.IGNORECASE)
        if match is None:
            return None
        element, mass = match.groups()
    symbol = _ELEMENTS.get(element.lower(), element.capitalize())
    return f"{mass.lower()}{symbol}", cleaned[: match.start()] + " " + cleaned[match.end() :]


def _pentixa(nuclide: str, written: str) -> AgentName:
    meant = "pentixather" if nuclide in _THERAPY else "pentixafor"
    if written == meant:
        return AgentName(nuclide=nuclide, compound=meant)
    role = "therapy" if nuclide in _THERAPY else "imaging"
    note = f"Written as {nuclide}-{written}; with {nuclide} ({role}) it is {meant}. Such names are printed in {BUCK}."
    return AgentName(nuclide=nuclide, compound=meant, notes=(note,))


def _is_misprint(written: str) -> bool:
    return written.lower().replace("-", "") in ("ibratumab", "ibratumomab", "lomabb")


def _remedy(nuclide: str, labels: frozenset[str]) -> str:
    if nuclide == "133I" and "131I" in labels:
        return f"write 131I; {BRAITSCH} prints 133I in its discussion, the trials it cites used 131I"
    return "check radionuclide and compound against the label of the syringe"
