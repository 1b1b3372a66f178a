"""What a tissue makes of dose and time: alpha/beta and repair, with how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hemadose.dose.radiobiology.overlap import Floats
from hemadose.dose.radiobiology.repair import Repair
from hemadose.errors import QuantityError
from hemadose.model._checks import require_positive
from hemadose.units import LN2


class Evidence(StrEnum):
    """How sure a number is: read in the cited text or abstract, general knowledge, or given by the user."""

    PUBLICATION = "publication"
    UNVERIFIED = "unverified"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueResponse:
    """Linear-quadratic parameters of one organ.

    Attributes
    ----------
    organ : str
        ``kidneys``, ``liver``, ``lungs``, ``red_marrow``, ``tumour`` ...
    alpha_beta_gy : float
        Best value.
    repair : Repair
        Best values.
    alpha_beta_range_gy, repair_range_s : (float, float) or None
        Published range that holds the best value; drawn from as a triangle with its mode there. The range of
        repair is for one phase only.
    alpha_beta_source, repair_source : str
        Publications.
    alpha_beta_evidence, repair_evidence : Evidence
        How sure they are.
    notes : tuple of str
        Doubts.
    """

    organ: str
    alpha_beta_gy: float
    repair: Repair
    alpha_beta_range_gy: tuple[float, float] | None = None
    repair_range_s: tuple[float, float] | None = None
    alpha_beta_source: str = "given"
    repair_source: str = "given"
    alpha_beta_evidence: Evidence = Evidence.USER
    repair_evidence: Evidence = Evidence.USER
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers and that ranges hold the best values."""
        require_positive(f"tissue {self.organ}", alpha_beta_gy=self.alpha_beta_gy)
        if self.repair_range_s is not None and len(self.repair.half_lives_s) != 1:
            raise QuantityError(f"a range of repair of {self.organ} is for one phase only", field="repair_range_s")
        for name, best, limits in (
            ("alpha_beta_range_gy", self.alpha_beta_gy, self.alpha_beta_range_gy),
            ("repair_range_s", self.repair.half_lives_s[0], self.repair_range_s),
        ):
            if limits is not None and not 0.0 < limits[0] <= best <= limits[1]:
                raise QuantityError(
                    f"the best value of {self.organ} lies outside its range",
                    field=name,
                    value=f"{best:g}",
                    expected=f"{limits[0]:g} ... {limits[1]:g}",
                )

    def alpha_beta_draws_gy(self, draws: int, *, rng: np.random.Generator) -> Floats:
        """Draw alpha/beta from its range, shape (draws,)."""
        return _triangle(self.alpha_beta_gy, self.alpha_beta_range_gy, draws, rng)

    def repair_rate_draws_per_s(self, draws: int, *, rng: np.random.Generator) -> tuple[Floats, ...]:
        """Draw the repair rate of each phase, each of shape (draws,)."""
        return tuple(LN2 / _triangle(t, self.repair_range_s, draws, rng) for t in self.repair.half_lives_s)


def _triangle(best: float, limits: tuple[float, float] | None, draws: int, rng: np.random.Generator) -> Floats:
    if limits is None or limits[0] == limits[1]:
        return np.full(draws, best)
    return np.asarray(rng.triangular(limits[0], best, limits[1], size=draws))
