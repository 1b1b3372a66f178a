"""How organ dosimetry programs differ, as named conventions: which masses the self-dose refers to, and what is scaled.

The S values stay those of this project (or of the user's table); a convention takes them to the masses of the program.
The masses alone make much: kidneys of 310 g without blood or of 422 g with it are 27 % of self-dose apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Sex
from hemadose.model._checks import require_positive

CHOICES = ("patient", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How one program refers doses to masses.

    Attributes
    ----------
    name, title : str
        Id, and words.
    masses : str
        ``"patient"`` or ``"reference"``: what self-dose of organs and red marrow, and the remainder, refer to.
    reference_kg : Mapping[Sex, Mapping[str, float]]
        Reference masses by sex and organ; empty where none are used.
    blood : str
        Whether organ masses hold their blood, in words.
    note : str
        What else to know.
    source, evidence : str
        Where the masses come from, and how sure they are.
    """

    name: str
    title: str
    masses: str
    reference_kg: Mapping[Sex, Mapping[str, float]]
    blood: str
    note: str
    source: str
    evidence: str

    def __post_init__(self) -> None:
        """Check choices and masses."""
        if self.masses not in CHOICES:
            raise ReferenceDataError(
                f"convention {self.name}", field="masses", value=self.masses, expected=", ".join(CHOICES)
            )
        for by_organ in self.reference_kg.values():
            for organ, mass in by_organ.items():
                require_positive(f"{organ} ({self.name})", mass_kg=mass)

    def reference_mass_kg(self, organ: str, *, sex: Sex) -> float:
        """Give a reference mass.

        Raises
        ------
        ReferenceDataError
            If the convention has none for the organ.
        """
        known = self.reference_kg.get(sex, {})
        if organ not in known:
            raise ReferenceDataError(
                f"the convention {self.name} has no reference mass of {organ}",
                field=organ,
                expected=", ".join(known) or "masses of the patient",
                remedy='give dose.masses = "patient", or another convention',
            )
        return known[organ]


def convention_masses(
    convention: Convention,
    *,
    sex: Sex,
    patient_kg: Mapping[str, float | None],
    masses: str | None = None,
) -> dict[str, float]:
    """Give the mass that the self-dose of each region refers to.

    Parameters
    ----------
    convention : Convention
        The program.
    sex : Sex
        Of the reference adult.
    patient_kg : Mapping
        Region to the patient's own mass, None where it is not known.
    masses : str, optional
        ``"patient"`` or ``"reference"`` instead of what the convention does.

    Returns
    -------
    dict
        Region to mass in kg. Lesions keep their own: no reference adult has them.

    Raises
    ------
    QuantityError
        If a mass is needed and not known, or not positive.
    ReferenceDataError
        If a reference mass is wanted that the convention lacks.
    """
    wanted = masses or convention.masses
    found = {}
    for region, own in patient_kg.items():
        if wanted == "reference" and not region.startswith("lesion"):
            found[region] = convention.reference_mass_kg(region, sex=sex)
            continue
        if own is None:
            raise QuantityError(
                f"no mass is known for {region}",
                field=f"dose.organ_masses_g.{region}",
                remedy="give its mass, or volumes drawn on SPECT/CT",
            )
        require_positive(region, mass_kg=own)
        found[region] = own
    return found


def kidney_ratio(one: Convention, other: Convention, *, sex: Sex) -> float:
    """Ratio of the electron self-dose of the kidneys between two conventions at equal activity, one over other.

    Electrons go with 1/m: kidneys with their blood receive the same energy in more mass.
    """
    return other.reference_mass_kg("kidneys", sex=sex) / one.reference_mass_kg("kidneys", sex=sex)
