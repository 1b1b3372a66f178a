"""First-order propagation: the variance of every dose by cause, covariances respected.

With G(R) = dD / d ln X(R) and O the self-dose, an error that regions share adds before it is squared, errors of single
regions after; an outline moves activity (exponent e) and mass together (Gear 2018, u(TIA, S)):

    shared      (sum_R G(R) u(R))^2
    outline     sum_R (G(R) e(R) u(v) - c O w(R) u(v))^2
    curve       sum_R G(R)^2 (u(TIA) / TIA)^2

References
----------
JCGM 100:2008 (GUM), 5.2. Gear J. et al., Eur J Nucl Med Mol Imaging 2018;45:2456 (absorbed dose).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from hemadose.dose.uncertainty.inputs import BudgetInputs
from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative
from hemadose.model.budget import Component

Floats = npt.NDArray[np.float64]


def dose_relative_sd(*, tia_relative_sd: float, s_value_relative_sd: float, correlation: float = 0.0) -> float:
    """Relative standard uncertainty of a self-dose, (u(TIA)/TIA)^2 + (u(S)/S)^2 + 2 u(TIA, S) / (TIA S).

    Raises
    ------
    QuantityError
        For a negative uncertainty or a correlation outside -1 to 1.

    Examples
    --------
    >>> round(dose_relative_sd(tia_relative_sd=0.12, s_value_relative_sd=0.15, correlation=-1.0), 4)
    0.03
    """
    require_non_negative("dose", tia_relative_sd=tia_relative_sd, s_value_relative_sd=s_value_relative_sd)
    if not -1.0 <= correlation <= 1.0:
        raise QuantityError("a correlation lies between -1 and 1", value=f"{correlation:g}")
    both = correlation * tia_relative_sd * s_value_relative_sd
    return sqrt(max(tia_relative_sd**2 + s_value_relative_sd**2 + 2.0 * both, 0.0))


def s_value_relative_sd(*, mass_relative_sd: float, mass_exponent: float = 1.0) -> float:
    """Relative standard uncertainty of S = c1 m^-c2 by the mass, |c2| u(m) / m (Gear 2018).

    >>> round(s_value_relative_sd(mass_relative_sd=0.1, mass_exponent=0.96), 3)
    0.096
    """
    require_non_negative("S value", mass_relative_sd=mass_relative_sd)
    return abs(mass_exponent) * mass_relative_sd


def dose_variances(inputs: BudgetInputs, target: int) -> tuple[float, dict[Component, float]]:
    """Best dose of a target in Gy/Bq and its first-order variance by cause.

    >>> from hemadose.dose.uncertainty.inputs import RegionInput, TargetInput
    >>> kidney = RegionInput(name="kidney", integrals_bq_s=(1e10,), calibration=0.03, samples_variance=(0.0016,))
    >>> dose = TargetInput(name="kidney", own=[1e-19], cross=[0.0])
    >>> best, parts = dose_variances(BudgetInputs(regions=(kidney,), targets=(dose,)), 0)
    >>> round(sum(parts.values()) ** 0.5 / best, 4)
    0.05
    """
    goal = inputs.targets[target]
    integrals = inputs.integrals()
    own, cross = goal.own * integrals, goal.cross * integrals
    return _variances(inputs, target, own, cross, goal.fixed, start=0)


def tail_variances(inputs: BudgetInputs) -> tuple[float, dict[Component, float]]:
    """The same for the dose after the infusion.

    Raises
    ------
    QuantityError
        If the inputs hold no tail.
    """
    tail = inputs.tail
    if tail is None:
        raise QuantityError("the budget holds no dose after infusion")
    integrals = inputs.integrals(1)
    rest = tail.difference * integrals
    counted = rest if rest.sum() > 0.0 else np.zeros(rest.shape)
    return _variances(
        inputs, inputs.target_index(tail.target), tail.own * integrals, tail.cross * integrals + counted, 0.0, start=1
    )


def _variances(
    inputs: BudgetInputs, target: int, own: Floats, cross: Floats, fixed: float, *, start: int
) -> tuple[float, dict[Component, float]]:
    goal = inputs.targets[target]
    gradient = own + cross
    best, self_dose = float(gradient.sum()) + fixed, float(own.sum())
    sd = inputs.of_regions
    follows = np.zeros(own.shape) if goal.mass_follows is None else goal.mass_follows
    outline = sd("volume") * (gradient * sd("volume_exponent") - goal.mass_exponent * self_dose * follows)
    samples = gradient**2 * np.array([r.samples_variance[start] for r in inputs.regions])
    models = gradient**2 * np.array([r.model_variance[start] for r in inputs.regions])
    return best, {
        Component.CALIBRATION: float(gradient @ sd("calibration")) ** 2,
        Component.RECOVERY: float(gradient @ sd("recovery")) ** 2,
        Component.VOLUME: float(outline @ outline),
        Component.SCALE: float(np.sum((gradient * sd("scale")) ** 2)),
        Component.SHARED: float(gradient @ sd("shared")) ** 2,
        Component.COUNTING: float(samples @ sd("stated_share")),
        Component.SCATTER: float(samples @ (1.0 - sd("stated_share"))),
        Component.MODEL: float(models.sum()),
        Component.MASS: (self_dose * goal.mass_exponent * goal.mass_relative_sd) ** 2,
        Component.S_VALUE: (best * inputs.s_value_relative_sd) ** 2,
        Component.MARROW_FRACTION: float(gradient @ sd("marrow_fraction")) ** 2,
    }
