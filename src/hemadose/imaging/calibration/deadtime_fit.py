"""The dead time of a camera from a source that decays: what it shows early against what it shows late.

The fit is weighted least squares on the counts, with decay during each acquisition; the model runs from true to
observed rate, so that points beyond the maximum of a paralysable camera help instead of confusing.

References
----------
Knoll G., Radiation Detection and Measurement, 4th ed., chapter 4 VII (decaying source).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import FitError, QuantityError
from hemadose.imaging.camera.deadtime import KINDS, DeadTime, Kind
from hemadose.model import Nuclide
from hemadose.model._checks import frozen_array, require_non_negative, require_positive

Floats: TypeAlias = npt.NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
_WEAK_LOSS = 0.03
_NO_RESULT = 0.5
_NONE_S = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRate:
    """Counts of one acquisition.

    Attributes
    ----------
    counts, duration_s : float
        As observed, with all losses.
    elapsed_s : float
        Start of the acquisition after the first one (decaying source).
    """

    counts: float
    duration_s: float
    elapsed_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        require_positive("acquisition", duration_s=self.duration_s)
        require_non_negative("acquisition", counts=self.counts)

    @property
    def per_s(self) -> float:
        """Observed rate."""
        return self.counts / self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTimeFit:
    """A dead time and how well it is known.

    Attributes
    ----------
    model : DeadTime
        Best estimate.
    covariance_s2 : ndarray, shape (2, 2)
        Of (paralysable, non-paralysable) dead time; zero where a time is not in the model.
    kind : str
        Model that was asked for.
    true_at_start_per_s : float or None
        True rate at elapsed time zero (decaying source).
    chi_square, degrees_of_freedom, aicc : float, int, float
        Quality of the fit; for two sources zero and none.
    notes : tuple of str
        Doubts.
    """

    model: DeadTime
    covariance_s2: Floats
    kind: Kind
    true_at_start_per_s: float | None = None
    chi_square: float = 0.0
    degrees_of_freedom: int = 0
    aicc: float = 0.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the covariance."""
        object.__setattr__(self, "covariance_s2", frozen_array(self.covariance_s2, np.float64))

    @property
    def paralysable_sd_s(self) -> float:
        """Standard uncertainty of the paralysable dead time."""
        return float(np.sqrt(self.covariance_s2[0, 0]))

    @property
    def nonparalysable_sd_s(self) -> float:
        """Standard uncertainty of the non-paralysable dead time."""
        return float(np.sqrt(self.covariance_s2[1, 1]))


def dead_time_of(kind: Kind, tau_s: float) -> DeadTime:
    """Give the model of one dead time."""
    if kind == "paralysable":
        return DeadTime(paralysable_s=tau_s)
    return DeadTime(nonparalysable_s=tau_s)


def weak_notes(loss: float, relative_sd: float) -> tuple[str, ...]:
    """Doubts about a dead time from the largest loss and its own uncertainty."""
    notes = []
    if loss < _WEAK_LOSS:
        notes.append(f"only {100 * loss:.1f} % of the counts were lost: the dead time is a small difference")
    if relative_sd > 0.2:
        notes.append(f"the dead time is known to {100 * relative_sd:.0f} % only")
    return tuple(notes)


def decaying_source_dead_time(
    runs: Sequence[CountedRate], nuclide: Nuclide, *, kind: Kind, background_per_s: float = 0.0
) -> DeadTimeFit:
    """Fit the dead time to the observed rates of a source as it decays.

    Parameters
    ----------
    runs : sequence of CountedRate
        From high to negligible losses, one geometry and window.
    nuclide : Nuclide
        Its decay gives the true rates up to one factor.
    kind : {"paralysable", "non-paralysable", "hybrid"}
        Model.
    background_per_s : float
        True rate without the source.

    Returns
    -------
    DeadTimeFit
        The covariance is widened by chi-square per degree of freedom where that is above 1.

    Raises
    ------
    FitError
        If there are too few runs or none of them shows losses.
    """
    if kind not in KINDS:
        raise QuantityError("unknown dead-time model", field="model", value=kind, expected=", ".join(KINDS))
    free = 3 if kind == "hybrid" else 2
    if len(runs) <= free:
        raise FitError(
            "too few acquisitions for this dead-time model", value=str(len(runs)), expected=f"at least {free + 1}"
        )
    expected = _expectation(runs, nuclide, kind, background_per_s)
    counts = np.array([run.counts for run in runs])
    best = _least_squares(expected, counts, runs, nuclide, kind)
    variance = np.maximum(expected(best), 1.0)
    chi2 = float(((counts - expected(best)) ** 2 / variance).sum())
    dof = len(runs) - free
    taus = np.exp(best[1:])
    jacobian = _jacobian_us(expected, best)
    covariance = np.linalg.pinv(jacobian.T @ (jacobian / variance[:, None])) * max(chi2 / dof, 1.0)
    model, cov = _times_of(kind, taus, np.asarray(covariance[1:, 1:] * 1e-12, dtype=np.float64))
    relative = float(np.sqrt(cov.sum()) / taus.sum())
    if taus.sum() < 10.0 * _NONE_S or not relative < _NO_RESULT:
        raise FitError(
            "the decaying source shows no dead time that could be measured",
            value=f"{1e6 * taus.sum():.3g} us, relative SD {relative:.0%}",
            remedy="start with more activity",
        )
    highest = max(runs, key=lambda run: -run.elapsed_s)
    true = exp(best[0]) * nuclide.decay_factor(highest.elapsed_s)
    notes = list(weak_notes(1.0 - float(model.observed_per_s(true)) / true, relative))
    if kind == "hybrid" and (taus < 2.0 * np.sqrt(np.diag(cov))).any():
        notes.append(
            "one of the two dead times cannot be told from zero (near it both act alike): use the simpler model"
        )
    if chi2 / dof > 3.0:
        notes.append(f"the {kind} model misses the runs by {sqrt(chi2 / dof):.1f} times their counting noise")
    size = len(runs)
    return DeadTimeFit(
        model=model,
        covariance_s2=cov,
        kind=kind,
        true_at_start_per_s=exp(best[0]),
        chi_square=chi2,
        degrees_of_freedom=dof,
        aicc=chi2 + 2 * free + 2 * free * (free + 1) / max(size - free - 1, 1e-9),
        notes=tuple(notes),
    )


def _times_of(kind: Kind, taus: Floats, covariance_s2: Floats) -> tuple[DeadTime, Floats]:
    """Dead times in their places, with their covariance."""
    if kind == "hybrid":
        return DeadTime(paralysable_s=float(taus[0]), nonparalysable_s=float(taus[1])), covariance_s2
    cov = np.zeros((2, 2))
    place = 0 if kind == "paralysable" else 1
    cov[place, place] = covariance_s2[0, 0]
    return dead_time_of(kind, float(taus[0])), cov


def _expectation(
    runs: Sequence[CountedRate], nuclide: Nuclide, kind: Kind, background_per_s: float
) -> Callable[[Floats], Floats]:
    """Expected counts of every run, decaying within the run (five-point Gauss-Legendre)."""
    starts = np.array([run.elapsed_s for run in runs])
    spans = np.array([run.duration_s for run in runs])
    times = starts[:, None] + spans[:, None] * (0.5 + 0.5 * _NODES)
    decay = np.exp(-nuclide.decay_constant_per_s * times)

    def expected(parameters: Floats) -> Floats:
        rate = np.exp(parameters[0]) * decay + background_per_s
        taus = np.exp(parameters[1:])
        p = taus[0] if kind in ("paralysable", "hybrid") else 0.0
        n = taus[-1] if kind in ("non-paralysable", "hybrid") else 0.0
        observed = rate * np.exp(-np.minimum(rate * p, 700.0)) / (1.0 + rate * n)
        return np.asarray(spans * (observed @ (0.5 * _WEIGHTS)))

    return expected


def _least_squares(
    expected: Callable[[Floats], Floats],
    counts: Floats,
    runs: Sequence[CountedRate],
    nuclide: Nuclide,
    kind: Kind,
) -> Floats:
    """Best of a row of dead times, refined; weights from the model, taken anew twice."""
    from scipy.optimize import least_squares

    last = max(runs, key=lambda run: run.elapsed_s)
    start = log(max(last.per_s, 1e-9) / nuclide.decay_factor(last.elapsed_s))
    guesses = np.log(np.geomspace(1e-8, 1e-4, 25))
    pairs = [(a,) for a in guesses] if kind != "hybrid" else [(a, b) for a in guesses[::3] for b in guesses[::3]]
    weight = 1.0 / np.sqrt(np.maximum(counts, 1.0))
    starts = np.array([(start, *pair) for pair in pairs])
    cost = [float(((weight * (expected(s) - counts)) ** 2).sum()) for s in starts]
    lower, upper = [-50.0] + [log(_NONE_S)] * len(pairs[0]), [60.0] + [log(1e-3)] * len(pairs[0])
    found = min(
        (
            least_squares(lambda p: weight * (expected(p) - counts), s, bounds=(lower, upper), x_scale=0.1)
            for s in starts[np.argsort(cost)[:2]]
        ),
        key=lambda r: float(r.cost),
    )
    for _ in range(2):
        weight = 1.0 / np.sqrt(np.maximum(expected(found.x), 1.0))
        refined = weight
        found = least_squares(
            lambda p, w=refined: w * (expected(p) - counts), found.x, bounds=(lower, upper), x_scale=0.1
        )
    return np.asarray(found.x)


def _jacobian_us(expected: Callable[[Floats], Floats], best: Floats) -> Floats:
    """Derivatives of the counts with ln(true rate) and the dead times in us.

    Not with logarithms of the dead times: one that vanishes would lose its uncertainty.
    """
    columns = []
    for k in range(best.size):
        up, down = best.copy(), best.copy()
        if k == 0:
            width = 2e-5
            up[0], down[0] = best[0] + 1e-5, best[0] - 1e-5
        else:
            tau = float(np.exp(best[k])) * 1e6
            step = max(1e-4 * tau, 1e-4)
            high, low = tau + step, max(tau - step, 1e-7)
            width = high - low
            up[k], down[k] = log(high * 1e-6), log(low * 1e-6)
        columns.append((expected(up) - expected(down)) / width)
    return np.stack(columns, axis=1)
