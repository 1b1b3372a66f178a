"""Weighted risk sets of the subdistribution hazard: likelihood, Newton's steps, robust variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemadose.errors import FitError, InputError
from hemadose.outcome.statistics.followup import CENSORED, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Patients sorted by time, and where the distinct times of the cause lie among them."""

    times: Floats
    x: Floats
    main: NDArray[np.bool_]
    competing: NDArray[np.bool_]
    censored: NDArray[np.bool_]
    stay: Floats  # G(t-) of the censoring distribution at each patient's time
    events: Floats  # distinct times of the cause
    counts: Floats  # events at each of them
    first: Ints  # first patient at or after each of them
    weight: Floats  # G(t-) there


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Sums over the weighted risk sets at one coefficient vector."""

    log_likelihood: float
    shift: float  # taken from every x b before exp: risk and s0 lack exp(shift)
    score: Floats
    information: Floats
    risk: Floats
    s0: Floats
    mean: Floats


def design_of(times: Floats, status: Ints, cause: int, x: Floats) -> Design:
    """Sort patients and estimate how likely follow-up lasts to each time.

    Parameters
    ----------
    times, status : ndarray, shape (n,)
        Follow-up and outcome.
    cause : int
        Cause modelled.
    x : ndarray, shape (n, p)
        Covariates.

    Returns
    -------
    Design
        With G(t-) at each patient's time and at the distinct times of the cause.
    """
    order = np.argsort(times, kind="stable")
    t, s = times[order], status[order]
    main, censored = s == cause, s == CENSORED
    distinct, where = np.unique(t, return_inverse=True)
    at_risk = np.cumsum(np.bincount(where)[::-1])[::-1]
    lost = np.bincount(where[censored], minlength=distinct.size)
    stay = np.concatenate([[1.0], np.cumprod(1.0 - lost / at_risk)[:-1]])
    events, counts = np.unique(t[main], return_counts=True)
    return Design(
        times=t,
        x=x[order],
        main=main,
        competing=~main & ~censored,
        censored=censored,
        stay=stay[where],
        events=events,
        counts=counts.astype(np.float64),
        first=np.searchsorted(t, events, side="left"),
        weight=stay[np.searchsorted(distinct, events)],
    )


def state_at(d: Design, beta: Floats) -> State:
    """Sum over the weighted risk sets at one coefficient vector.

    Parameters
    ----------
    d : Design
        Sorted patients.
    beta : ndarray, shape (p,)
        Coefficients.

    Returns
    -------
    State
        Log-likelihood, score, information, and the weighted means at each event time.
    """
    linear = d.x @ beta
    shift = float(linear.max())
    risk = np.exp(linear - shift)
    kept = np.where(d.competing, risk / d.stay, 0.0)
    p = d.x.shape[1]
    pairs = d.x[:, :, None] * d.x[:, None, :]
    table = np.concatenate([np.ones((d.times.size, 1)), d.x, pairs.reshape(-1, p * p)], axis=1)
    alive = np.cumsum((risk[:, None] * table)[::-1], axis=0)[::-1][d.first]
    gone = np.vstack([np.zeros(table.shape[1]), np.cumsum(kept[:, None] * table, axis=0)])[d.first]
    sums = alive + d.weight[:, None] * gone
    if not (sums[:, 0] > 0.0).all():  # too far for floating point: the step is refused
        return State(
            log_likelihood=-np.inf,
            shift=shift,
            score=beta,
            information=np.outer(beta, beta),
            risk=risk,
            s0=risk,
            mean=d.x,
        )
    s0, mean = sums[:, 0], sums[:, 1 : p + 1] / sums[:, :1]
    second = (sums[:, p + 1 :] / sums[:, :1]).reshape(-1, p, p) - mean[:, :, None] * mean[:, None, :]
    return State(
        log_likelihood=float(linear[d.main].sum() - d.counts @ (shift + np.log(s0))),
        shift=shift,
        score=d.x[d.main].sum(axis=0) - d.counts @ mean,
        information=np.einsum("t,tij->ij", d.counts, second),
        risk=risk,
        s0=s0,
        mean=mean,
    )


def newton(d: Design, limit: int, labels: tuple[str, ...], scale: Floats) -> tuple[Floats, State, float, int]:
    """Climb the concave log-likelihood with halved steps.

    Parameters
    ----------
    d : Design
        Sorted patients, columns with unit variance.
    limit : int
        Most steps.
    labels : tuple of str
        Names of the columns, for errors.
    scale : ndarray, shape (p,)
        Standard deviations taken out of the columns, for errors.

    Returns
    -------
    tuple of (ndarray, State, float, int)
        Coefficients, state there, log-likelihood at zero, steps.

    Raises
    ------
    InputError
        When a covariate does not vary among the patients at risk when events happen.
    FitError
        When the likelihood rises for ever, or the steps do not converge.
    """
    beta = np.zeros(d.x.shape[1])
    state = state_at(d, beta)
    null = state.log_likelihood
    for step in range(limit):
        values = np.linalg.eigvalsh(state.information)
        flat = values[0] < 1e-8 * max(1.0, float(d.counts.sum()))
        if flat and step == 0:
            raise InputError(
                "at the events, the patients at risk do not differ in a covariate", field=", ".join(labels)
            )
        if flat or np.abs(beta).max() > 15.0:
            worst = labels[int(np.argmax(np.abs(beta)))]
            raise FitError(
                "no finite estimate: a covariate separates the patients with the event from the others",
                field=worst,
                value=f"coefficient beyond {beta[np.argmax(np.abs(beta))] / scale[np.argmax(np.abs(beta))]:.3g}",
                remedy="report the counts of events by level instead, or join levels",
            )
        move = np.linalg.solve(state.information, state.score)
        if float(state.score @ move) < 1e-18 * max(1.0, float(d.counts.sum())) or np.abs(move).max() < 1e-10:
            return beta, state, null, step
        for _ in range(30):
            trial = state_at(d, beta + move)
            if np.isfinite(trial.log_likelihood) and trial.log_likelihood >= state.log_likelihood - 1e-10:
                break
            move = move / 2.0
        else:
            break
        beta, state = beta + move, trial
    raise FitError("Newton's steps did not converge", field=", ".join(labels), value=f"{limit} steps")


def sandwich(d: Design, s: State) -> Floats:
    """Give the robust covariance, Fine and Gray 1999, equations (7) and (8).

    Parameters
    ----------
    d : Design
        Sorted patients.
    s : State
        At the estimate.

    Returns
    -------
    ndarray, shape (p, p)
        I^-1 [sum of (eta + psi)(eta + psi)'] I^-1.
    """
    hazard = d.counts / s.s0
    plain = _total(hazard, s.mean)
    tapered = _total(d.weight * hazard, s.mean)
    through = np.searchsorted(d.events, d.times, side="right")
    eta = -s.risk[:, None] * _seen(plain, through, d.x)
    extra = np.where(d.competing, s.risk / d.stay, 0.0)[:, None]
    eta -= extra * (_seen(tapered, np.full_like(through, d.events.size), d.x) - _seen(tapered, through, d.x))
    own = np.searchsorted(d.events, d.times[d.main])
    eta[d.main] += d.x[d.main] - s.mean[own]
    inverse = np.linalg.inv(s.information)
    total = eta + _censoring(d, extra, tapered)
    return np.asarray(inverse @ (total.T @ total) @ inverse)


def _total(hazard: Floats, mean: Floats) -> Floats:
    """Running sums of dL and mean dL, with a leading 0."""
    steps = np.concatenate([hazard[:, None], mean * hazard[:, None]], axis=1)
    return np.vstack([np.zeros(steps.shape[1]), np.cumsum(steps, axis=0)])


def _seen(total: Floats, through: Ints, x: Floats) -> Floats:
    """Integral of (x - mean) dL over the first `through` event times, for each patient."""
    return np.asarray(x * total[through, :1] - total[through, 1:])


def _censoring(d: Design, extra: Floats, tapered: Floats) -> Floats:
    """What estimating the censoring distribution adds to each patient's score (psi)."""
    distinct, where = np.unique(d.times, return_inverse=True)
    at_risk = np.cumsum(np.bincount(where)[::-1])[::-1].astype(np.float64)
    lost = np.bincount(where[d.censored], minlength=distinct.size)
    before = np.searchsorted(d.times, distinct, side="left")
    pool = np.vstack([np.zeros(d.x.shape[1] + 1), np.cumsum(np.hstack([extra, extra * d.x]), axis=0)])[before]
    start = np.searchsorted(d.events, distinct, side="left")
    rest = tapered[-1] - tapered[start]
    q = pool[:, 1:] * rest[:, :1] - pool[:, :1] * rest[:, 1:]
    drift = np.cumsum(q * (lost / at_risk**2)[:, None], axis=0)
    return np.asarray(np.where(d.censored[:, None], (q / at_risk[:, None])[where], 0.0) - drift[where])
