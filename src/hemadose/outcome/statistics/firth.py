"""Dose and response for few patients: logistic regression that stays finite (Firth), profile intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemadose.errors import FitError, InputError, QuantityError
from hemadose.outcome.statistics.followup import Floats, require_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticEffect:
    """One coefficient of a penalised logistic model.

    Attributes
    ----------
    name : str
        Of the covariate.
    coefficient, low, high : float
        Logarithm of the odds ratio for one unit and its profile interval (infinite if open).
    odds_ratio : float
        exp(coefficient).
    p : float
        Penalised likelihood ratio test.
    """

    name: str
    coefficient: float
    low: float
    high: float
    odds_ratio: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticModel:
    """A penalised logistic model.

    Attributes
    ----------
    n, n_events : int
        Patients and responders.
    intercept : float
        Log odds where all covariates are 0.
    effects : tuple of LogisticEffect
        One for each covariate.
    log_likelihood : float
        Penalised.
    separated : bool
        True: ordinary maximum likelihood would be infinite.
    confidence : float
        Of the intervals.
    notes : tuple of str
        Doubts.
    """

    n: int
    n_events: int
    intercept: float
    effects: tuple[LogisticEffect, ...]
    log_likelihood: float
    separated: bool
    confidence: float
    notes: tuple[str, ...] = ()

    def probability(self, covariates: Sequence[float]) -> float:
        """Predict the probability of response.

        Parameters
        ----------
        covariates : sequence of float
            In the order of the effects.

        Returns
        -------
        float
            Penalised predictions lean towards one half.
        """
        beta = np.array([e.coefficient for e in self.effects])
        x = np.asarray(covariates, dtype=np.float64)
        if x.shape != beta.shape:
            raise InputError("one value for each covariate", value=str(x.size), expected=str(beta.size))
        return float(1.0 / (1.0 + np.exp(-(self.intercept + x @ beta))))


def firth_logistic(
    *, response: ArrayLike, covariates: ArrayLike, names: Sequence[str] | None = None, confidence: float = 0.95
) -> LogisticModel:
    """Relate a response to dose or a biomarker.

    Parameters
    ----------
    response : array_like of bool, shape (n,)
        Both outcomes must occur.
    covariates : array_like, shape (n,) or (n, p)
        Numbers without gaps.
    names : sequence of str, length p, optional
        Names of the columns.
    confidence : float
        Of the profile intervals.

    Returns
    -------
    LogisticModel
        Odds ratios for one unit.

    Raises
    ------
    InputError
        For a single outcome, constant or collinear columns.
    QuantityError
        For gaps.
    FitError
        When the steps do not converge.

    Notes
    -----
    Firth, Biometrika 1993;80:27; Heinze and Schemper, Stat Med 2002;21:2409: the likelihood times
    the root of the determinant of the information (Jeffreys' prior). Finite under separation;
    for a 2 x 2 table it adds one half to each cell. Wald intervals are wrong there: limits come
    from the profile of the penalised likelihood.

    Examples
    --------
    >>> model = firth_logistic(response=[0, 0, 0, 1, 1, 1], covariates=[10, 12, 15, 18, 21, 30], names=["dose_gy"])
    >>> model.separated, model.effects[0].coefficient > 0
    (True, True)
    """
    from scipy.stats import chi2

    require_confidence(confidence)
    y, x, labels = _table(response, covariates, names)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(y.size), (x - centre) / scale])
    beta, best = _climb(design, y, np.zeros(design.shape[1]), None)
    drop = float(chi2.ppf(confidence, 1)) / 2.0
    effects = []
    for j, name in enumerate(labels, start=1):
        low, high = (_limit(design, y, beta, j, best, drop, side) / float(scale[j - 1]) for side in (-1.0, 1.0))
        start = beta.copy()
        start[j] = 0.0
        null = _climb(design, y, start, j)[1]
        value = float(beta[j] / scale[j - 1])
        effects.append(
            LogisticEffect(
                name=name,
                coefficient=value,
                low=low,
                high=high,
                odds_ratio=float(np.exp(value)),
                p=float(chi2.sf(max(0.0, 2.0 * (best - null)), 1)),
            )
        )
    separated = _separated(design, y)
    notes = ["ordinary logistic regression has no finite estimate here (separation)"] if separated else []
    fewer = int(min(y.sum(), y.size - y.sum()))
    if fewer < 10 * len(labels):
        notes.append(f"{fewer} in the rarer outcome for {len(labels)} covariates: exploratory")
    return LogisticModel(
        n=y.size,
        n_events=int(y.sum()),
        effects=tuple(effects),
        intercept=float(beta[0] - centre @ (beta[1:] / scale)),
        log_likelihood=best + float(np.log(scale).sum()),
        separated=separated,
        confidence=confidence,
        notes=tuple(notes),
    )


def _table(
    response: ArrayLike, covariates: ArrayLike, names: Sequence[str] | None
) -> tuple[Floats, Floats, tuple[str, ...]]:
    raw = np.asarray(response)
    if raw.ndim != 1 or not np.isin(raw, [0, 1]).all():
        raise InputError("the response must be yes or no", field="response", expected="one row of 0/1, nothing missing")
    y = raw.astype(np.float64)
    if y.sum() in (0.0, float(y.size)):
        raise InputError(
            "only one outcome occurs: no relation can be seen", field="response", value=f"{int(y.sum())}/{y.size}"
        )
    x = np.array(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != y.size:
        raise InputError("covariates need one row a patient", value=str(x.shape), expected=f"({y.size}, p)")
    if not np.isfinite(x).all():
        raise QuantityError("a covariate is missing or infinite", field="covariates", expected="finite numbers")
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(x.shape[1]))
    if len(labels) != x.shape[1]:
        raise InputError("one name for each covariate", field="names", value=str(len(labels)), expected=str(x.shape[1]))
    if (np.ptp(x, axis=0) == 0.0).any():
        raise InputError("a covariate is constant", field=labels[int(np.flatnonzero(np.ptp(x, axis=0) == 0.0)[0])])
    full = np.column_stack([np.ones(y.size), (x - x.mean(axis=0)) / x.std(axis=0)])
    if np.linalg.matrix_rank(full) < full.shape[1]:
        raise InputError("covariates are collinear, or more than the patients can bear", field=", ".join(labels))
    return y, x, labels


def _penalised(x: Floats, y: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    """Penalised log-likelihood, modified score and information."""
    eta = x @ beta
    p = 1.0 / (1.0 + np.exp(-np.clip(eta, -500.0, 500.0)))
    w = p * (1.0 - p)
    information = x.T @ (x * w[:, None])
    sign, logdet = np.linalg.slogdet(information)
    if sign <= 0.0 or not np.isfinite(logdet) or np.linalg.cond(information) > 1e15:
        return -np.inf, np.zeros_like(beta), information
    leverage = w * np.einsum("ij,jk,ik->i", x, np.linalg.inv(information), x)
    value = float(y @ eta - np.logaddexp(0.0, eta).sum() + 0.5 * logdet)
    return value, x.T @ (y - p + leverage * (0.5 - p)), information


def _climb(x: Floats, y: Floats, start: Floats, fixed: int | None) -> tuple[Floats, float]:
    """Newton's steps with halving; coefficient `fixed` stays where it is."""
    free = np.array([j for j in range(x.shape[1]) if j != fixed], dtype=np.int64)
    beta = start.copy()
    value, score, _ = _penalised(x, y, beta)
    for _ in range(200):
        move = np.zeros_like(beta)
        move[free] = np.linalg.lstsq(_curvature(x, y, beta, free), score[free], rcond=None)[0]
        if float(score[free] @ move[free]) < 1e-12:
            return beta, value
        move *= min(1.0, 5.0 / max(float(np.abs(x @ move).max()), 1e-300))
        for _ in range(40):
            found = _penalised(x, y, beta + move)
            if found[0] >= value:
                break
            move = move / 2.0
        else:
            return beta, value
        beta = beta + move
        value, score, _ = found
    raise FitError("penalised logistic regression did not converge", value="200 steps")


def _curvature(x: Floats, y: Floats, beta: Floats, free: NDArray[np.int64]) -> Floats:
    """Minus the slope of the modified score; the plain information where that is not positive."""
    step = 1e-5
    rows = []
    for j in free:
        ahead, back = beta.copy(), beta.copy()
        ahead[j] += step
        back[j] -= step
        rows.append((_penalised(x, y, back)[1] - _penalised(x, y, ahead)[1])[free] / (2.0 * step))
    found = np.array(rows)
    found = (found + found.T) / 2.0
    if np.linalg.eigvalsh(found)[0] > 1e-10:
        return found
    return np.asarray(_penalised(x, y, beta)[2][np.ix_(free, free)])


def _limit(x: Floats, y: Floats, beta: Floats, j: int, best: float, drop: float, side: float) -> float:
    """Where the profile of the penalised likelihood has fallen by `drop`."""
    from scipy.optimize import brentq

    def excess(value: float) -> float:
        # under separation the profile may have several tops: climb from two places
        heights = []
        for start in (beta.copy(), np.zeros_like(beta)):
            start[j] = value
            heights.append(_climb(x, y, start, j)[1])
        return best - max(heights) - drop

    step = float(np.sqrt(max(np.linalg.inv(_penalised(x, y, beta)[2])[j, j], 1e-12)))
    near, far = float(beta[j]), float(beta[j]) + side * step
    for _ in range(40):
        if excess(far) > 0.0:
            return float(brentq(excess, near, far, xtol=1e-10 * max(1.0, abs(far))))
        near, far, step = far, far + side * step * 1.5, step * 1.5
        if abs(far) > 1e6:
            break
    return side * float("inf")


def _separated(x: Floats, y: Floats) -> bool:
    """Tell whether a direction separates the two outcomes (linear programme of Konis 2007)."""
    from scipy.optimize import linprog

    signed = x * np.where(y > 0.0, 1.0, -1.0)[:, None]
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(y.size), bounds=(-1.0, 1.0), method="highs")
    return bool(found.status == 0 and -found.fun > 1e-7)
