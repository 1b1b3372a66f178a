"""The mass of a patient's red marrow by named rules, side by side.

No rule is proven. In 14 patients the volume of pelvic spongiosa went with height (r = 0.80) and hardly with body mass
(r = 0.11), fat-free mass (0.50) or lean body mass (0.42); with os coxae height r = 0.83 (Brindle 2006b). So the rules
are computed together, and the spread of the dose over them is shown.

References
----------
Hindorf C et al. EJNMMI 37:1238 (2010) (scaling with body mass). Brindle J M et al. J Nucl Med 47:1875 (2006) and
Pichardo J C et al. J Nucl Med 48:1880 (2007) (spongiosa volume as measure of active marrow); Brindle J M et al. Cancer
Biother Radiopharm 21:352 (2006b) (correlations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hemadose.errors import QuantityError
from hemadose.model import OrganDose
from hemadose.model._checks import require_positive
from hemadose.model.marrow import MarrowMass

MARROW_G_PER_ML = 1.03
"""Red marrow, ICRU Report 46."""

RULES = ("given", "spongiosa-volume", "body-mass", "lean-body-mass", "reference")
"""Names of the rules; the first one possible is the default, see `chosen_mass`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spongiosa:
    """Spongiosa of the whole skeleton, as CT and a reader give it.

    Attributes
    ----------
    volume_ml : float
        Trabecular bone and marrow together.
    marrow_volume_fraction : float
        Share of the volume that is marrow.
    cellularity : float
        Share of the marrow that is red.
    """

    volume_ml: float
    marrow_volume_fraction: float
    cellularity: float

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive("spongiosa", volume_ml=self.volume_ml)
        for name in ("marrow_volume_fraction", "cellularity"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise QuantityError(
                    "a share of spongiosa lies between 0 and 1", field=name, value=f"{value:g}", expected="0-1"
                )

    @property
    def red_marrow_kg(self) -> float:
        """Volume times shares times density.

        >>> round(Spongiosa(volume_ml=2500, marrow_volume_fraction=0.85, cellularity=0.5).red_marrow_kg, 3)
        1.094
        """
        return self.volume_ml * self.marrow_volume_fraction * self.cellularity * MARROW_G_PER_ML / 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMasses:
    """Masses that a reference marrow mass is scaled with.

    Attributes
    ----------
    body_kg, reference_body_kg : float
        Of patient and reference adult.
    lean_kg, reference_lean_kg : float or None
        Lean body mass of both by one formula.
    """

    body_kg: float
    reference_body_kg: float
    lean_kg: float | None = None
    reference_lean_kg: float | None = None

    def __post_init__(self) -> None:
        """Check the masses."""
        require_positive("body", body_kg=self.body_kg, reference_body_kg=self.reference_body_kg)
        for name in ("lean_kg", "reference_lean_kg"):
            if getattr(self, name) is not None:
                require_positive("body", **{name: getattr(self, name)})


def marrow_masses(
    *,
    reference_kg: float,
    reference_name: str,
    body: BodyMasses,
    spongiosa: Spongiosa | None = None,
    given_kg: float | None = None,
) -> tuple[MarrowMass, ...]:
    """Give the marrow mass by every rule that the data allow.

    Parameters
    ----------
    reference_kg, reference_name : float, str
        Red marrow of the reference adult, and which one.
    body : BodyMasses
        What it is scaled with.
    spongiosa : Spongiosa, optional
        From CT.
    given_kg : float, optional
        Stated by the user.

    Returns
    -------
    tuple of MarrowMass
        In the order of `RULES`; none chosen yet.

    Raises
    ------
    QuantityError
        If a mass is not positive.

    Examples
    --------
    >>> body = BodyMasses(body_kg=60.0, reference_body_kg=73.0)
    >>> [(m.rule, round(m.mass_kg, 4)) for m in marrow_masses(reference_kg=1.17, reference_name="icrp89", body=body)]
    [('body-mass', 0.9616), ('reference', 1.17)]
    """
    require_positive("reference red marrow", mass_kg=reference_kg)
    found = []
    if given_kg is not None:
        found.append(MarrowMass(rule="given", mass_kg=given_kg, source="given in the case"))
    if spongiosa is not None:
        found.append(
            MarrowMass(
                rule="spongiosa-volume",
                mass_kg=spongiosa.red_marrow_kg,
                source="spongiosa volume x marrow share x cellularity (Pichardo 2007; volume as given)",
            )
        )
    found.append(
        MarrowMass(
            rule="body-mass",
            mass_kg=reference_kg * body.body_kg / body.reference_body_kg,
            source=f"{reference_name} scaled with body mass (Hindorf 2010)",
        )
    )
    if body.lean_kg is not None and body.reference_lean_kg is not None:
        found.append(
            MarrowMass(
                rule="lean-body-mass",
                mass_kg=reference_kg * body.lean_kg / body.reference_lean_kg,
                source=f"{reference_name} scaled with lean body mass (Janmahasatian 2005)",
            )
        )
    found.append(MarrowMass(rule="reference", mass_kg=reference_kg, source=f"{reference_name}, not scaled"))
    return tuple(found)


def chosen_mass(masses: Sequence[MarrowMass], *, rule: str | None) -> MarrowMass:
    """Give the mass of a rule; without one a given mass, else that scaled with body mass.

    Raises
    ------
    QuantityError
        If the data of the patient do not allow the rule.
    """
    known = {m.rule: m for m in masses}
    wanted = rule or ("given" if "given" in known else "body-mass")
    if wanted not in known:
        raise QuantityError(
            "the red-marrow mass cannot be found by this rule",
            field="marrow.mass_rule",
            value=wanted,
            expected=", ".join(known),
            remedy="give what the rule needs, or choose another",
        )
    return known[wanted]


def mass_sensitivity(masses: Sequence[MarrowMass], *, dose: OrganDose, concentration: bool) -> tuple[MarrowMass, ...]:
    """Give the marrow dose that each mass would mean, all else equal.

    Parameters
    ----------
    masses : sequence of MarrowMass
        By rule.
    dose : OrganDose
        Of red marrow, at its own mass.
    concentration : bool
        True where the activity was known per gram of marrow (blood): the mass then cancels in the self-dose.

    Returns
    -------
    tuple of MarrowMass
        With `gy_per_bq`, and the mass of `dose` marked as chosen.

    Notes
    -----
    Self-dose goes with 1/m. The photons in it (a few percent for 177Lu) are treated alike, although they go with
    m^(-2/3): for a mass that differs by half this is a fifth of those few percent.
    """
    own = sum(c.gy_per_bq for c in dose.contributions if c.source in ("red_marrow", "marrow_blood"))
    rest = dose.gy_per_bq - own
    found: list[MarrowMass] = []
    for m in masses:
        factor = 1.0 if concentration else dose.mass_kg / m.mass_kg
        same = abs(m.mass_kg - dose.mass_kg) <= 1e-9 * dose.mass_kg
        chosen = same and not any(f.chosen for f in found)
        found.append(replace(m, gy_per_bq=own * factor + rest, chosen=chosen))
    return tuple(found)
