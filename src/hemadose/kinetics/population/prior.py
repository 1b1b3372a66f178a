"""The distribution of curves in a population, as it is before a patient is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemadose.errors import QuantityError
from hemadose.kinetics.population.forms import Floats, PopulationForm, population_form
from hemadose.model._checks import frozen_array, require_non_negative, require_positive
from hemadose.units import LN2


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationPrior:
    """Normal distribution of the transformed parameters of a form.

    Attributes
    ----------
    form : PopulationForm
        Form of the curves.
    mean : ndarray, shape (parameters,)
        On the transformed scale (logarithms, logits).
    covariance : ndarray, shape (parameters, parameters)
        Between patients.
    relative_sd : float
        Residual error of one sample as a share of the activity.
    physical_rate_per_s : float
        Decay constant of the nuclide.
    subjects : int or None
        Patients it comes from; None if not from a cohort.
    source : str
        Where it comes from, printed in reports.
    """

    form: PopulationForm
    mean: Floats
    covariance: Floats
    relative_sd: float
    physical_rate_per_s: float
    subjects: int | None = None
    source: str = "given"

    def __post_init__(self) -> None:
        """Freeze the arrays; refuse a covariance that is none."""
        count = len(self.form.parameters)
        mean, covariance = frozen_array(self.mean, np.float64), frozen_array(self.covariance, np.float64)
        if mean.shape != (count,) or covariance.shape != (count, count):
            raise QuantityError("a prior has one mean per parameter", field="mean", value=str(mean.shape))
        if not np.allclose(covariance, covariance.T) or np.linalg.eigvalsh(covariance).min() <= 0.0:
            raise QuantityError("a covariance must be symmetric and positive", field="covariance")
        require_positive("prior", relative_sd=self.relative_sd, physical_rate_per_s=self.physical_rate_per_s)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)

    @property
    def predictive_covariance(self) -> Floats:
        """Of a new patient: between patients, and of the mean of a finite cohort, (1 + 1/n) of the first."""
        return np.asarray(self.covariance * (1.0 + (1.0 / self.subjects if self.subjects else 0.0)))

    def drawn(self, draws: int, *, rng: np.random.Generator) -> Floats:
        """Draw parameters of new patients, shape (draws, parameters)."""
        root = np.linalg.cholesky(self.predictive_covariance)
        return np.asarray(self.mean + rng.standard_normal((draws, len(self.mean))) @ root.T)

    @classmethod
    def from_half_lives(
        cls,
        *,
        physical_half_life_s: float,
        effective_half_life_s: float,
        half_life_relative_sd: float,
        amplitude: float = 1.0,
        amplitude_relative_sd: float = 1.0,
        uptake_half_life_s: float | None = None,
        uptake_relative_sd: float = 0.5,
        relative_sd: float = 0.1,
        source: str = "given",
    ) -> PopulationPrior:
        """Make a prior of what publications give: a half-life and its spread between patients.

        Parameters
        ----------
        physical_half_life_s : float
            Of the nuclide.
        effective_half_life_s, half_life_relative_sd : float
            Median, and standard deviation between patients over it; shorter than the physical one.
        amplitude, amplitude_relative_sd : float
            Median and spread of the amplitude, in the unit of the samples.
        uptake_half_life_s, uptake_relative_sd : float
            Of an uptake phase; None for none.
        relative_sd : float
            Error of one sample.
        source : str
            Publication.

        Returns
        -------
        PopulationPrior

        Notes
        -----
        The spread is moved to the biological rate to first order: with x = ln k_bio the standard deviation of ln k
        is (k_bio / k) times that of x.

        Examples
        --------
        >>> prior = PopulationPrior.from_half_lives(physical_half_life_s=160.0, effective_half_life_s=41.0,
        ...                                         half_life_relative_sd=0.25)
        >>> amplitudes, rates = prior.form.terms(prior.mean, physical_rate=prior.physical_rate_per_s)
        >>> round(float(np.log(2) / rates[0]), 6)
        41.0
        """
        require_positive("prior", effective_half_life_s=effective_half_life_s, amplitude=amplitude)
        require_positive("prior", half_life_relative_sd=half_life_relative_sd, relative_sd=relative_sd)
        require_non_negative("prior", amplitude_relative_sd=amplitude_relative_sd)
        if effective_half_life_s >= physical_half_life_s:
            raise QuantityError(
                "an effective half-life is shorter than the physical one",
                field="effective_half_life_s",
                value=f"{effective_half_life_s / 3600:g} h",
                expected=f"< {physical_half_life_s / 3600:g} h",
            )
        physical, effective = LN2 / physical_half_life_s, LN2 / effective_half_life_s
        biological = effective - physical
        mean = [np.log(amplitude), np.log(biological)]
        spread = [np.sqrt(np.log1p(amplitude_relative_sd**2)), half_life_relative_sd * effective / biological]
        form = population_form("mono")
        if uptake_half_life_s is not None:
            require_positive("prior", uptake_half_life_s=uptake_half_life_s, uptake_relative_sd=uptake_relative_sd)
            form = population_form("uptake_clearance")
            mean.append(np.log(LN2 / uptake_half_life_s))
            spread.append(np.sqrt(np.log1p(uptake_relative_sd**2)))
        return cls(
            form=form,
            mean=np.array(mean),
            covariance=np.diag(np.square(spread)),
            relative_sd=relative_sd,
            physical_rate_per_s=physical,
            source=source,
        )
