"""Two agents in sequence and total body irradiation: dose, BED and what is still to come, organ by organ.

Each coefficient has its published range; sums are made of the best values, of all lows and of all highs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hemadose.dose.radiobiology import (
    Component,
    DoseRate,
    TissueResponse,
    TotalEffect,
    total_effect,
)
from hemadose.errors import PlanningError, QuantityError
from hemadose.model import Nuclide, ResidualDose
from hemadose.model._checks import require_finite, require_non_negative, require_positive
from hemadose.therapy.tandem.tbi import TbiScheme
from hemadose.therapy.timing.tail import require_physical
from hemadose.units import DAY_S

MARROW = "red_marrow"
EDGES = ("best", "low", "high")


class Kinetics(StrEnum):
    """Where the half-life in an organ comes from.

    ``physical``: nothing is known, decay alone; the true half-life is shorter and the BED higher.
    """

    PUBLISHED = "published"
    GIVEN = "given"
    MEASURED = "measured"
    PHYSICAL = "physical"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganShare:
    """What one agent does to one organ per activity.

    Attributes
    ----------
    best_gy_per_bq, low_gy_per_bq, high_gy_per_bq : float
        Coefficient; all alike where no range is known.
    half_lives_s, shares : tuple of float
        Shape of the dose rate.
    kinetics : Kinetics
        Where the shape comes from.
    range_words : str
        What the range is, e.g. ``"range of 19 patients"``; ``""`` for none.
    source : str
        Publication or file.
    confirmed : bool
        Read in the publication.
    residual : ResidualDose or None
        Measured curve with draws, which then says what comes after the transplant.
    """

    best_gy_per_bq: float
    low_gy_per_bq: float
    high_gy_per_bq: float
    half_lives_s: tuple[float, ...]
    shares: tuple[float, ...] = (1.0,)
    kinetics: Kinetics = Kinetics.GIVEN
    range_words: str = ""
    source: str = ""
    confirmed: bool = True
    residual: ResidualDose | None = None

    def __post_init__(self) -> None:
        """Check the order of the coefficients."""
        require_positive("dose coefficient", best_gy_per_bq=self.best_gy_per_bq)
        require_non_negative("dose coefficient", low=self.low_gy_per_bq, high=self.high_gy_per_bq)
        if not self.low_gy_per_bq <= self.best_gy_per_bq <= self.high_gy_per_bq:
            raise QuantityError(
                "a coefficient lies outside its own range", value=f"{self.best_gy_per_bq * 1e9:g} Gy/GBq"
            )

    def gy_per_bq(self, edge: str) -> float:
        """Coefficient at ``"best"``, ``"low"`` or ``"high"``."""
        return {"best": self.best_gy_per_bq, "low": self.low_gy_per_bq, "high": self.high_gy_per_bq}[edge]


@dataclass(frozen=True, slots=True, kw_only=True)
class TandemAgent:
    """One administration.

    Attributes
    ----------
    name : str
        Of the agent; no two alike.
    nuclide : Nuclide
        No half-life is longer than its own.
    activity_bq : float
        Administered.
    day : float
        Counted from the transplant, negative.
    organs : Mapping[str, OrganShare]
        Known organs.
    """

    name: str
    nuclide: Nuclide
    activity_bq: float
    day: float
    organs: Mapping[str, OrganShare]

    def __post_init__(self) -> None:
        """Check activity, day and half-lives."""
        require_positive(self.name, activity_bq=self.activity_bq)
        require_finite(self.name, day=self.day)
        if not self.day < 0.0:
            raise PlanningError(
                f"{self.name} is not given before the transplant",
                field="day",
                value=f"{self.day:g}",
                expected="negative, e.g. -14",
            )
        for share in self.organs.values():
            for half_life in share.half_lives_s:
                require_physical(half_life, nuclide=self.nuclide)

    def dose_rate(self, organ: str, edge: str = "best") -> DoseRate | None:
        """Dose rate in an organ with the best, low or high coefficient; None where it is not known."""
        if (share := self.organs.get(organ)) is None:
            return None
        return DoseRate.from_dose(
            self.name,
            start_s=self.day * DAY_S,
            dose_gy=self.activity_bq * share.gy_per_bq(edge),
            half_lives_s=share.half_lives_s,
            shares=share.shares,
        )

    def after_gy(self, organ: str, edge: str = "best") -> float:
        """Dose in an organ after the transplant; from a measured curve the edges are its central 95 % of draws."""
        share, at = self.organs.get(organ), -self.day * DAY_S
        if share is None or share.residual is None:
            rate = self.dose_rate(organ, edge)
            return 0.0 if rate is None else float(rate.left_gy(0.0))
        if edge == "best" or not share.residual.draw_rates_per_s.size:
            return self.activity_bq * share.residual.gy_per_bq(from_s=at)
        level = {"low": 0.025, "high": 0.975}[edge]
        return self.activity_bq * float(np.quantile(share.residual.gy_per_bq_draws(from_s=at), level))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganTotal:
    """Sums of one organ, each as (best, low, high).

    Attributes
    ----------
    organ : str
        Name.
    missing : tuple of str
        Agents without a coefficient for it: the sums are then too low.
    components : tuple of DoseRate or Fractions
        Best.
    radionuclide_gy, dose_gy : tuple of float
        Absorbed dose of the agents, and with TBI.
    residual_gy : tuple of float
        Dose of the agents after day 0.
    effect : TotalEffect or None
        Best, with parts; None without linear-quadratic parameters.
    bed_gy, eqd2_gy : tuple of float or None
        Of all therapies.
    """

    organ: str
    missing: tuple[str, ...]
    components: tuple[Component, ...]
    radionuclide_gy: tuple[float, ...]
    dose_gy: tuple[float, ...]
    residual_gy: tuple[float, ...]
    effect: TotalEffect | None
    bed_gy: tuple[float, ...] | None
    eqd2_gy: tuple[float, ...] | None


def require_order(agents: Sequence[TandemAgent], tbi: TbiScheme | None) -> None:
    """Refuse two agents of one name, and an agent on or after the first day of TBI.

    Raises
    ------
    PlanningError
        Naming the agent and the days.
    """
    names = [a.name for a in agents]
    if not agents or len(set(names)) != len(names):
        raise PlanningError("the agents need names that differ", field="agent", value=", ".join(names) or "none")
    for agent in agents:
        if tbi is not None and agent.day >= tbi.first_day:
            raise PlanningError(
                f"{agent.name} is given on or after the first day of total body irradiation",
                field="day",
                value=f"{agent.day:g}",
                expected=f"before {tbi.first_day:g}",
            )


def days_before_tbi(agents: Sequence[TandemAgent], tbi: TbiScheme) -> float:
    """Days from the last agent to the first fraction."""
    return tbi.first_day - max(a.day for a in agents)


def organ_totals(
    agents: Sequence[TandemAgent], *, tbi: TbiScheme | None, tissues: Mapping[str, TissueResponse]
) -> tuple[OrganTotal, ...]:
    """Sum agents and TBI in every organ that an agent has a coefficient for.

    Parameters
    ----------
    agents : sequence of TandemAgent
        In any order.
    tbi : TbiScheme or None
        Total body irradiation.
    tissues : Mapping[str, TissueResponse]
        Linear-quadratic parameters by organ.

    Raises
    ------
    PlanningError
        If the order of events is impossible.
    """
    require_order(agents, tbi)
    organs = list(dict.fromkeys(organ for agent in agents for organ in agent.organs))
    return tuple(_total(organ, agents, tbi, tissues.get(organ)) for organ in organs)


def _total(
    organ: str, agents: Sequence[TandemAgent], tbi: TbiScheme | None, tissue: TissueResponse | None
) -> OrganTotal:
    external = [] if tbi is None else [tbi.in_organ(organ)]
    by_edge = {edge: [r for a in agents if (r := a.dose_rate(organ, edge)) is not None] for edge in EDGES}
    agent_gy = tuple(sum(r.dose_gy for r in by_edge[edge]) for edge in EDGES)
    outside = sum(f.dose_gy for f in external)
    effects = None
    if tissue is not None:
        effects = [total_effect([*by_edge[edge], *external], tissue=tissue) for edge in EDGES]
    return OrganTotal(
        organ=organ,
        missing=tuple(a.name for a in agents if organ not in a.organs),
        components=(*by_edge["best"], *external),
        radionuclide_gy=agent_gy,
        dose_gy=tuple(dose + outside for dose in agent_gy),
        residual_gy=tuple(sum(a.after_gy(organ, edge) for a in agents) for edge in EDGES),
        effect=None if effects is None else effects[0],
        bed_gy=None if effects is None else tuple(e.bed_gy for e in effects),
        eqd2_gy=None if effects is None else tuple(e.eqd2_gy for e in effects),
    )
