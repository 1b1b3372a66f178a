"""Curves whose parameters differ between patients: every parameter on a scale where it is normally distributed.

Amplitudes and biological rates are log-normal, shares logistic-normal. Effective rates are the biological ones plus
physical decay, so that no curve is slower than decay.

References
----------
Hou X. et al., J Nucl Med 2021, PMC8882881 (half-lives are log-normal). Hardiansyah D. et al., EJNMMI Phys 2023,
doi:10.1186/s40658-023-00530-1 (population fits of sums of exponentials).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationForm:
    """One form of curve.

    Attributes
    ----------
    name : str
        Id.
    parameters : tuple of str
        Names on the natural scale; all are drawn as logarithms, those in `shares` as logits.
    shares : tuple of str
        Parameters between 0 and 1.
    formula : str
        In words, with k = physical decay constant + biological rate.
    """

    name: str
    parameters: tuple[str, ...]
    shares: tuple[str, ...]
    formula: str

    def terms(self, theta: Floats, *, physical_rate: float) -> tuple[Floats, Floats]:
        """Give amplitudes and effective rates, shape (..., terms), from parameters of shape (..., parameters)."""
        scale = np.exp(theta[..., 0])
        if self.name == "mono":
            return scale[..., None], physical_rate + np.exp(theta[..., 1:2])
        if self.name == "uptake_clearance":
            slow = physical_rate + np.exp(theta[..., 1])
            rates = np.stack([slow, slow + np.exp(theta[..., 2])], axis=-1)
            return np.stack([scale, -scale], axis=-1), rates
        share = 1.0 / (1.0 + np.exp(-theta[..., 1]))
        slow = physical_rate + np.exp(theta[..., 2])
        rates = np.stack([slow, slow + np.exp(theta[..., 3])], axis=-1)
        return np.stack([scale * (1.0 - share), scale * share], axis=-1), rates

    def activity(self, theta: Floats, times_s: Floats, *, physical_rate: float) -> Floats:
        """Activity at times of shape (..., n) that broadcast with the leading axes of `theta`."""
        amplitudes, rates = self.terms(theta, physical_rate=physical_rate)
        terms = amplitudes[..., None, :] * np.exp(-times_s[..., :, None] * rates[..., None, :])
        return np.asarray(terms.sum(axis=-1))

    def integral(self, theta: Floats, *, physical_rate: float) -> Floats:
        """Time-integrated activity to infinity, shape (...)."""
        amplitudes, rates = self.terms(theta, physical_rate=physical_rate)
        return np.asarray((amplitudes / rates).sum(axis=-1))

    def natural(self, theta: Floats) -> dict[str, float]:
        """Give one parameter vector on the natural scale, by name."""
        return {
            name: float(1.0 / (1.0 + np.exp(-x)) if name in self.shares else np.exp(x))
            for name, x in zip(self.parameters, theta, strict=True)
        }


FORMS: dict[str, PopulationForm] = {
    form.name: form
    for form in (
        PopulationForm(
            name="mono", parameters=("amplitude", "clearance_per_s"), shares=(), formula="A exp(-(lambda + k) t)"
        ),
        PopulationForm(
            name="uptake_clearance",
            parameters=("amplitude", "clearance_per_s", "uptake_per_s"),
            shares=(),
            formula="A [exp(-(lambda + k) t) - exp(-(lambda + k + u) t)]",
        ),
        PopulationForm(
            name="bi",
            parameters=("amplitude", "fast_share", "slow_per_s", "fast_excess_per_s"),
            shares=("fast_share",),
            formula="A [(1 - f) exp(-(lambda + k) t) + f exp(-(lambda + k + d) t)]",
        ),
    )
}


def population_form(name: str) -> PopulationForm:
    """Give a form by id.

    Raises
    ------
    FitError
        If there is none of that name.

    Examples
    --------
    >>> population_form("mono").parameters
    ('amplitude', 'clearance_per_s')
    """
    try:
        return FORMS[name]
    except KeyError as problem:
        raise FitError("unknown form of curve", field="form", value=name, expected=", ".join(FORMS)) from problem
