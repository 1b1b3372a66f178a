"""Model functions: sums of exponentials, linear in their amplitudes.

Every model is a set of rates and a matrix that says how its amplitudes enter the terms. All
rates are effective (decay included) and never slower than physical decay.

References
----------
Hardiansyah D. et al., EJNMMI Phys 2021 (function set f2a ... f3a, after Kletting's NUKFIT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFunction:
    """One model function.

    Attributes
    ----------
    name : str
        Id used in options and results.
    rate_names : tuple of str
        Free rates, slowest first.
    amplitude_names : tuple of str
        Linear parameters, all >= 0.
    mixing : ndarray, shape (amplitudes, terms)
        Term amplitude = amplitudes @ mixing.
    physical_tail : bool
        The last term decays with the physical half-life only.
    formula : str
        In words, for reports.
    """

    name: str
    rate_names: tuple[str, ...]
    amplitude_names: tuple[str, ...]
    mixing: tuple[tuple[float, ...], ...]
    physical_tail: bool
    formula: str

    @property
    def parameter_count(self) -> int:
        """K of the Akaike criterion (the error scale is known, so it is not counted)."""
        return len(self.rate_names) + len(self.amplitude_names)

    def term_rates(self, rates: Floats, *, physical_rate: float) -> Floats:
        """All term rates, shape (..., terms), from free rates of shape (..., rates)."""
        if not self.physical_tail:
            return rates
        tail = np.full((*rates.shape[:-1], 1), physical_rate)
        return np.concatenate([rates, tail], axis=-1)

    def basis(self, times: Floats, term_rates: Floats) -> Floats:
        """Basis functions, shape (..., samples, amplitudes), for rates of shape (..., terms)."""
        decay = np.exp(-times[:, None] * term_rates[..., None, :])
        return np.asarray(decay @ np.asarray(self.mixing).T)


MODELS: dict[str, ModelFunction] = {
    model.name: model
    for model in (
        ModelFunction(
            name="mono",
            rate_names=("rate_1",),
            amplitude_names=("amplitude_1",),
            mixing=((1.0,),),
            physical_tail=False,
            formula="A exp(-k t)",
        ),
        ModelFunction(
            name="uptake_clearance",
            rate_names=("rate_1", "rate_2"),
            amplitude_names=("amplitude_1",),
            mixing=((1.0, -1.0),),
            physical_tail=False,
            formula="A [exp(-k1 t) - exp(-k2 t)], zero at injection",
        ),
        ModelFunction(
            name="bi",
            rate_names=("rate_1", "rate_2"),
            amplitude_names=("amplitude_1", "amplitude_2"),
            mixing=((1.0, 0.0), (0.0, 1.0)),
            physical_tail=False,
            formula="A1 exp(-k1 t) + A2 exp(-k2 t)",
        ),
        ModelFunction(
            name="mono_physical_tail",
            rate_names=("rate_1",),
            amplitude_names=("amplitude_1", "amplitude_tail"),
            mixing=((1.0, 0.0), (0.0, 1.0)),
            physical_tail=True,
            formula="A1 exp(-k t) + A2 exp(-lambda_phys t)",
        ),
        ModelFunction(
            name="uptake_physical_tail",
            rate_names=("rate_1",),
            amplitude_names=("amplitude_tail",),
            mixing=((-1.0, 1.0),),
            physical_tail=True,
            formula="A [exp(-lambda_phys t) - exp(-k t)], no biological clearance",
        ),
        ModelFunction(
            name="uptake_bi",
            rate_names=("rate_1", "rate_2", "rate_3"),
            amplitude_names=("amplitude_1", "amplitude_2"),
            mixing=((1.0, 0.0, -1.0), (0.0, 1.0, -1.0)),
            physical_tail=False,
            formula="A1 exp(-k1 t) + A2 exp(-k2 t) - (A1 + A2) exp(-k3 t), zero at injection",
        ),
    )
}

DEFAULT_MODELS = ("mono", "uptake_clearance", "bi", "mono_physical_tail", "uptake_bi")


def model_function(name: str) -> ModelFunction:
    """Give a model by id.

    Raises
    ------
    FitError
        If there is none, listing those there are.

    Examples
    --------
    >>> model_function("bi").parameter_count
    4
    """
    try:
        return MODELS[name]
    except KeyError as problem:
        raise FitError(f"unknown model {name!r}", field="models", expected=", ".join(MODELS)) from problem
