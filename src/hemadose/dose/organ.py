"""Absorbed dose of organs: the MIRD sum over sources, with joint draws of its uncertainty.

D(T) = sum over S of TIA(S) S(T<-S)   (MIRD Pamphlet 21, eq. 11)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hemadose.dose.sources import SourceCurve
from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import DoseContribution, OrganDose, ResidualDose, StudyDoses, SValueTable
from hemadose.provenance import Provenance

Floats = npt.NDArray[np.float64]

MARROW, REMAINDER = "red_marrow", "remainder"
_WITHIN = {MARROW: ("marrow_blood",)}
"""Sources that lie in a target under a name of their own: its mass acts on their dose too."""


def organ_doses(
    sources: Sequence[SourceCurve],
    *,
    administered_activity_bq: float,
    s_values: SValueTable,
    mass_relative_sd: Mapping[str, float] | float = 0.05,
    s_value_relative_sd: float = 0.03,
    methods: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
    seed: int = 20250101,
) -> StudyDoses:
    """Add up the dose of every target from every source.

    Parameters
    ----------
    sources : sequence of SourceCurve
        With joint draws; names are sources of the table.
    administered_activity_bq : float
        Doses are given per becquerel of it.
    s_values : SValueTable
        Every (target, source) pair is needed: a missing one is an error.
    mass_relative_sd : float or Mapping
        Relative standard uncertainty of target masses; acts on self-dose.
    s_value_relative_sd : float
        Relative standard uncertainty of the S values, common to all.
    methods : Mapping, optional
        Target to method name, for the report.
    notes : tuple of str
        Doubts that concern the whole study.
    seed : int
        Of the mass and S-value draws.

    Returns
    -------
    StudyDoses

    Raises
    ------
    QuantityError
        If nothing was administered, a source is given twice or holds less than nothing, or the draws do not match.
    """
    if not administered_activity_bq > 0.0:
        raise QuantityError("administered activity must be positive")
    count = _checked_draws(sources)
    rng = np.random.default_rng([seed, 7])
    common = _lognormal(s_value_relative_sd, rng.standard_normal(count))
    organs, residual = [], None
    for target, mass in s_values.target_mass_kg.items():
        if not any(source.name == target for source in sources):
            continue
        sd = mass_relative_sd.get(target, 0.0) if isinstance(mass_relative_sd, Mapping) else mass_relative_sd
        own = common / _lognormal(sd, rng.standard_normal(count))
        inside = (target, *_WITHIN.get(target, ()))
        factors = {s.name: own if s.name in inside else common for s in sources}
        organs.append(_organ(target, mass, sources, s_values, factors, administered_activity_bq, methods or {}))
        if target == MARROW:
            residual = _residual(target, sources, s_values, factors, administered_activity_bq)
    _require_targets(sources, s_values)
    return StudyDoses(
        organs=tuple(organs),
        marrow_residual=residual,
        s_value_source=s_values.source_note,
        notes=notes + s_values.notes + tuple(n for s in sources for n in s.notes),
        provenance=Provenance(
            step="dose.organ_doses",
            tables=(s_values.name,),
            parameters={
                "nuclide": s_values.nuclide,
                "administered_activity_bq": administered_activity_bq,
                "s_value_relative_sd": s_value_relative_sd,
                "sources": ", ".join(s.name for s in sources),
                "seed": seed,
            },
        ),
    )


def _checked_draws(sources: Sequence[SourceCurve]) -> int:
    """Number of joint draws; refuse sources that cannot be summed."""
    names = [source.name for source in sources]
    if len(set(names)) != len(names):
        raise QuantityError("a source is given twice", value=", ".join(names), remedy="add its curves first")
    for source in sources:
        if not source.tia_bq_s >= 0.0:
            raise QuantityError(
                f"the time-integrated activity of {source.name} is negative",
                field=source.name,
                value=f"{source.tia_bq_s:g} Bq s",
                expected=">= 0",
                remedy="look at its curve: background taken off twice, or a fit beyond the data",
            )
    draws = {source.ensemble.draws for source in sources}
    if len(draws) != 1:
        raise QuantityError("sources need equally many draws", value=str(sorted(draws)))
    return draws.pop()


def _require_targets(sources: Sequence[SourceCurve], s_values: SValueTable) -> None:
    """A source region whose own dose the table cannot give would drop out without a word."""
    no_targets = (REMAINDER, *(name for inside in _WITHIN.values() for name in inside))
    for source in sources:
        if source.name not in s_values.target_mass_kg and source.name not in no_targets:
            raise ReferenceDataError(
                f"no S value for {source.name} <- {source.name}",
                source=s_values.name,
                remedy="choose an S-value source that covers the region",
            )


def _lognormal(relative_sd: float, normal: Floats) -> Floats:
    return np.asarray(np.exp(np.sqrt(np.log1p(relative_sd**2)) * normal))


def _organ(
    target: str,
    mass_kg: float,
    sources: Sequence[SourceCurve],
    s_values: SValueTable,
    factors: Mapping[str, Floats],
    administered: float,
    methods: Mapping[str, str],
) -> OrganDose:
    contributions, total = [], np.zeros(sources[0].ensemble.draws)
    for source in sources:
        s = s_values.get(source=source.name, target=target).gy_per_bq_s
        contributions.append(DoseContribution(source=source.name, gy_per_bq=source.tia_bq_s * s / administered))
        total += source.ensemble.integral_bq_s() * s * factors[source.name] / administered
    return OrganDose(
        target=target,
        gy_per_bq=sum(c.gy_per_bq for c in contributions),
        gy_per_bq_draws=total,
        contributions=tuple(contributions),
        mass_kg=mass_kg,
        method=methods.get(target, "mird-organ"),
    )


def _residual(
    target: str,
    sources: Sequence[SourceCurve],
    s_values: SValueTable,
    factors: Mapping[str, Floats],
    administered: float,
) -> ResidualDose:
    """Dose rate of the target over time: every source with its own curve, cross-dose included."""
    stops = np.cumsum([s.curve.amplitudes_bq.size for s in sources])
    differences = tuple(
        (int(stop) - s.curve.amplitudes_bq.size, int(stop))
        for s, stop in zip(sources, stops, strict=True)
        if s.name == REMAINDER
    )
    per_bq = {s.name: s_values.get(source=s.name, target=target).gy_per_bq_s / administered for s in sources}
    return ResidualDose(
        target=target,
        amplitudes_gy_per_bq_s=np.concatenate([per_bq[s.name] * s.curve.amplitudes_bq for s in sources]),
        rates_per_s=np.concatenate([s.curve.rates_per_s for s in sources]),
        draw_amplitudes_gy_per_bq_s=np.concatenate(
            [per_bq[s.name] * factors[s.name][:, None] * s.ensemble.amplitudes_bq for s in sources], axis=1
        ),
        draw_rates_per_s=np.concatenate([s.ensemble.rates_per_s for s in sources], axis=1),
        differences=differences,
    )
