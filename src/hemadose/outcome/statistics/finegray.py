"""Fine-Gray: how covariates change the subdistribution hazard of one cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hemadose.errors import FitError, InputError, QuantityError
from hemadose.outcome.statistics.followup import Floats, follow_up, require_confidence
from hemadose.outcome.statistics.subdistribution import design_of, newton, sandwich

EVENTS_PER_COVARIATE = 10
"""Fewer events for each covariate than this make a multivariable model unreliable (Peduzzi 1995)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One covariate of a proportional model.

    Attributes
    ----------
    name : str
        Of the covariate.
    coefficient, standard_error : float
        Logarithm of the hazard ratio for one unit, robust standard error.
    ratio, low, high : float
        Hazard ratio and Wald interval.
    z, p : float
        Wald test.
    """

    name: str
    coefficient: float
    standard_error: float
    ratio: float
    low: float
    high: float
    z: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FineGrayModel:
    """A fitted model of the subdistribution hazard.

    Attributes
    ----------
    cause : int
        Code of the cause.
    n, n_events, n_competing, n_censored : int
        Patients by outcome.
    effects : tuple of Effect
        One for each column of the covariates.
    covariance : ndarray, shape (p, p)
        Robust covariance of the coefficients.
    log_likelihood, null_log_likelihood : float
        Of the weighted partial likelihood.
    times, cumulative_hazard : ndarray, shape (m,)
        Baseline (all covariates 0) at the distinct times of the cause.
    confidence : float
        Of the intervals.
    iterations : int
        Newton steps used.
    notes : tuple of str
        Doubts.
    """

    cause: int
    n: int
    n_events: int
    n_competing: int
    n_censored: int
    effects: tuple[Effect, ...]
    covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    times: Floats
    cumulative_hazard: Floats
    confidence: float
    iterations: int
    notes: tuple[str, ...] = ()

    def incidence(self, *, covariates: Sequence[float], time: float) -> float:
        """Predict the cumulative incidence of a patient.

        Parameters
        ----------
        covariates : sequence of float, length p
            In the order of the effects.
        time : float
            Within the follow-up of the model.

        Returns
        -------
        float
            1 - exp(-H(t) exp(x b)).
        """
        beta = np.array([e.coefficient for e in self.effects])
        x = np.asarray(covariates, dtype=np.float64)
        if x.shape != beta.shape:
            raise InputError("one value for each covariate", value=str(x.shape), expected=str(beta.shape))
        i = int(np.searchsorted(self.times, time, side="right")) - 1
        return 0.0 if i < 0 else float(-np.expm1(-self.cumulative_hazard[i] * np.exp(x @ beta)))


def fine_gray(
    *,
    times: ArrayLike,
    status: ArrayLike,
    cause: int,
    covariates: ArrayLike,
    names: Sequence[str] | None = None,
    causes: Mapping[int, str] | Sequence[int] | None = None,
    confidence: float = 0.95,
    max_iterations: int = 50,
) -> FineGrayModel:
    """Regress the subdistribution hazard of one cause on covariates.

    Parameters
    ----------
    times, status : array_like, shape (n,)
        Follow-up; status 0 is censored, otherwise the cause.
    cause : int
        Cause modelled.
    covariates : array_like, shape (n,) or (n, p)
        Numbers without gaps; code categories as 0/1 columns.
    names : sequence of str, length p, optional
        Names of the columns; x1, x2, ... by default.
    causes : mapping or sequence of int, optional
        Codes that may occur.
    confidence : float
        Of the intervals.
    max_iterations : int
        Newton steps before giving up.

    Returns
    -------
    FineGrayModel
        Hazard ratios for one unit of each covariate.

    Raises
    ------
    InputError
        For a cause without events, gaps or constant or collinear columns.
    FitError
        When no finite estimate exists (separation), the steps do not converge, or the robust
        variance is zero.

    Notes
    -----
    Fine and Gray, J Am Stat Assoc 1999;94:496: patients with a competing event stay at risk with
    weight G(t-)/G(T-), G the Kaplan-Meier curve of censoring; ties as Breslow; the robust
    variance (their equations 7 and 8) counts the estimation of G. Without competing events it is
    Cox regression with Lin and Wei's variance. Estimates, errors and ties agree with R's cmprsk.

    Examples
    --------
    >>> model = fine_gray(times=[1, 2, 3, 4, 5, 6], status=[1, 2, 1, 1, 0, 1], cause=1, covariates=[1, 0, 0, 1, 0, 1])
    >>> model.n_events, model.effects[0].name
    (4, 'x1')
    """
    z = require_confidence(confidence)
    data = follow_up(times=times, status=status, causes=causes)
    x, labels = _columns(covariates, names, data.times.size)
    n_events = int((data.status == cause).sum())
    if n_events == 0:
        raise InputError("no event of this cause: nothing to model", field="cause", value=str(cause))
    centre, scale = x.mean(axis=0), x.std(axis=0)
    design = design_of(data.times, data.status, cause, (x - centre) / scale)
    beta, state, null, steps = newton(design, max_iterations, labels, scale)
    covariance = sandwich(design, state) / np.outer(scale, scale)
    if not (np.diag(covariance) > 1e-14).all():
        raise FitError(
            "the robust variance is zero: too few events to say how sure the ratio is", value=f"{n_events} events"
        )
    beta = beta / scale
    hazard = np.cumsum(design.counts / state.s0) * np.exp(-float(centre @ beta) - state.shift)
    notes = list(data.notes)
    if n_events < EVENTS_PER_COVARIATE * len(labels):
        notes.append(
            f"{n_events} events for {len(labels)} covariates: fewer than {EVENTS_PER_COVARIATE} each, exploratory"
        )
    return FineGrayModel(
        cause=cause,
        n=data.times.size,
        n_events=n_events,
        n_competing=int(design.competing.sum()),
        n_censored=int(design.censored.sum()),
        effects=tuple(
            wald_effect(name=labels[j], coefficient=float(beta[j]), error=float(np.sqrt(covariance[j, j])), z=z)
            for j in range(len(labels))
        ),
        covariance=covariance,
        log_likelihood=state.log_likelihood,
        null_log_likelihood=null,
        times=design.events,
        cumulative_hazard=hazard,
        confidence=confidence,
        iterations=steps,
        notes=tuple(notes),
    )


def wald_effect(*, name: str, coefficient: float, error: float, z: float) -> Effect:
    """Turn a coefficient into a ratio with its interval and test.

    Parameters
    ----------
    name : str
        Of the covariate.
    coefficient, error : float
        Logarithm of the ratio and its standard error.
    z : float
        Normal quantile of the interval.

    Returns
    -------
    Effect
        With a two-sided p.
    """
    from scipy.special import ndtr

    score = coefficient / error
    return Effect(
        name=name,
        coefficient=coefficient,
        standard_error=error,
        ratio=float(np.exp(coefficient)),
        low=float(np.exp(coefficient - z * error)),
        high=float(np.exp(coefficient + z * error)),
        z=score,
        p=float(2.0 * ndtr(-abs(score))),
    )


def _columns(covariates: ArrayLike, names: Sequence[str] | None, n: int) -> tuple[Floats, tuple[str, ...]]:
    x = np.array(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != n or x.shape[1] == 0:
        raise InputError("covariates need one row a patient", value=str(x.shape), expected=f"({n}, p)")
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(x.shape[1]))
    if len(labels) != x.shape[1]:
        raise InputError("one name for each covariate", field="names", value=str(len(labels)), expected=str(x.shape[1]))
    if not np.isfinite(x).all():
        raise QuantityError(
            "a covariate is missing or infinite",
            field=labels[int(np.argwhere(~np.isfinite(x))[0, 1])],
            remedy="leave these patients out and say so, or impute before",
        )
    flat = np.ptp(x, axis=0) == 0.0
    if flat.any():
        raise InputError("a covariate is constant", field=labels[int(np.flatnonzero(flat)[0])])
    if np.linalg.matrix_rank((x - x.mean(axis=0)) / x.std(axis=0)) < x.shape[1]:
        raise InputError("covariates are collinear", field=", ".join(labels), remedy="leave one column out")
    return x, labels
