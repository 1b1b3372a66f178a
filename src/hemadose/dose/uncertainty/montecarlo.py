"""The same chain with all causes drawn at once, each alone, and each exchanged between two halves of the draws.

Two independent samples are needed for Sobol indices; the second is the first one shifted by half, so nothing is fitted
twice: with A the draws, B the shifted ones and C those of B with one cause from A,

    first order   mean( A (C - B) ) / variance,     total   mean( (B - C)^2 ) / (2 variance).

Samples and model make one curve and are exchanged together. What the model does alone is the variance of the means by
model; the rest of the curve's index is that of the samples.

Factors are log-normal with median 1, as everywhere in the package.

References
----------
JCGM 101:2008 (GUM Supplement 1). Saltelli A. et al., Comput Phys Commun 2010;181:259, table 2 (first order, b).
Jansen M., Comput Phys Commun 1999;117:35 (total).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.dose.uncertainty.inputs import BudgetInputs, CurveDraws
from hemadose.errors import QuantityError
from hemadose.model.budget import Component

Floats: TypeAlias = npt.NDArray[np.float64]

CURVE = "curve"
"""Samples and model act on the same curve: one cause here, told apart afterwards (`split_curve`)."""
COMMON = (Component.CALIBRATION, Component.RECOVERY, Component.SHARED, Component.MARROW_FRACTION)
LOCAL = (Component.SCALE, Component.VOLUME)
CAUSES: tuple[Component | str, ...] = (*COMMON, *LOCAL, CURVE, Component.MASS, Component.S_VALUE)
_FIELDS = {
    Component.CALIBRATION: "calibration",
    Component.RECOVERY: "recovery",
    Component.SHARED: "shared",
    Component.MARROW_FRACTION: "marrow_fraction",
    Component.SCALE: "scale",
    Component.VOLUME: "volume",
}

Cause: TypeAlias = Component | str


def sigma(relative_sd: npt.ArrayLike) -> Floats:
    """Sigma of the logarithm of a log-normal factor whose standard deviation is `relative_sd` of its mean."""
    return np.asarray(np.sqrt(np.log1p(np.square(relative_sd))))


@dataclass(frozen=True, slots=True)
class DrawnDoses:
    """Doses in Gy/Bq: of targets (targets, draws), and after infusion (draws,) or None."""

    targets: Floats
    tail: Floats | None


class Chain:
    """The chain with its draws, ready to be evaluated with any set of causes.

    Parameters
    ----------
    inputs : BudgetInputs
        Best estimates and uncertainties.
    curves : sequence of CurveDraws
        One per region, with equally many draws (an even number).
    seed : int
        Of all other draws.

    Raises
    ------
    QuantityError
        If the draws do not match.
    """

    def __init__(self, inputs: BudgetInputs, curves: Sequence[CurveDraws], *, seed: int) -> None:
        sizes = {c.samples.shape for c in curves}
        if len(curves) != len(inputs.regions) or len(sizes) != 1:
            raise QuantityError(
                "every region needs equally many draws of its curve", value=f"{len(curves)} regions, {sorted(sizes)}"
            )
        starts, self.draws = sizes.pop()
        if self.draws < 1000 or self.draws % 2 or starts != (1 if inputs.tail is None else 2):
            raise QuantityError(
                "a budget needs an even number of draws, at least 1000, for every integral",
                value=f"{self.draws} draws, {starts} integrals",
            )
        self._inputs = inputs
        self.choices = [np.asarray(c.choice) for c in curves]
        self._curves = {n: np.stack([getattr(c, n) for c in curves], axis=1) for n in ("samples", "both", "models")}
        self._best = np.array([r.integrals_bq_s for r in inputs.regions]).T.copy()
        self._common_sd = sigma([inputs.of_regions(_FIELDS[c]) for c in COMMON])
        self._local_sd = sigma([inputs.of_regions(_FIELDS[c]) for c in LOCAL])
        rng = np.random.default_rng([seed, 41])
        count = len(inputs.regions)
        self._common = np.array([self._normal(rng, 1, used=bool(sd.any()))[0] for sd in self._common_sd])
        self._local = np.array([self._normal(rng, count, used=bool(sd.any())) for sd in self._local_sd])
        masses = sigma([t.mass_relative_sd for t in inputs.targets])[:, None]
        self._mass = masses * self._normal(rng, len(inputs.targets), used=bool(masses.any()))
        s_sd = sigma(inputs.s_value_relative_sd)
        self._s_value = s_sd * self._normal(rng, 1, used=bool(s_sd > 0.0))[0]

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Causes that play a part."""
        spread = dict(zip((*COMMON, *LOCAL), [*self._common_sd, *self._local_sd], strict=True))
        found: list[Cause] = [c for c, sd in spread.items() if sd.any()]
        if (self._curves["both"] != self._best[:, :, None]).any():
            found.append(CURVE)
        if self._mass.any():
            found.append(Component.MASS)
        if self._s_value.any():
            found.append(Component.S_VALUE)
        return tuple(found)

    def all(self) -> DrawnDoses:
        """Evaluate with everything drawn."""
        return self._evaluate(dict.fromkeys(CAUSES, 1), "both")

    def alone(self, cause: Cause, *, curve: str = "both") -> DrawnDoses:
        """Evaluate half of the draws with one cause and everything else at its best estimate.

        Parameters
        ----------
        cause : Component or str
            One of `CAUSES`.
        curve : {"both", "samples", "models"}
            What of the curve is drawn.
        """
        return self._evaluate({cause: 1}, curve, draws=self.draws // 2)

    def exchanged(self, cause: Cause) -> DrawnDoses:
        """Evaluate the shifted draws with one cause from the unshifted ones."""
        return self._evaluate({**dict.fromkeys(CAUSES, 2), cause: 1}, "both")

    def shifted(self, values: Floats) -> Floats:
        """Give draws shifted by half, as `exchanged` sees them."""
        return np.roll(values, -(self.draws // 2), axis=-1)

    def _normal(self, rng: np.random.Generator, rows: int, *, used: bool) -> Floats:
        return rng.standard_normal((rows, self.draws)) if used else np.zeros((rows, self.draws))

    def _evaluate(self, take: Mapping[Cause, int], curve: str, *, draws: int | None = None) -> DrawnDoses:
        from hemadose.dose.uncertainty._chain_kernel import evaluate

        x = self._inputs
        count = draws or self.draws
        doses, left = np.empty((len(x.targets), count)), np.zeros(count)
        tail, row = np.zeros((3, len(x.regions))), -1
        if x.tail is not None:
            tail, row = np.stack([x.tail.own, x.tail.cross, x.tail.difference]), x.target_index(x.tail.target)
        evaluate(
            np.array([take.get(c, 0) for c in CAUSES]),
            self._curves[curve],
            self._best,
            self._common,
            self._local,
            self._common_sd,
            self._local_sd,
            self._mass,
            self._s_value,
            np.array([t.own for t in x.targets]),
            np.array([t.cross for t in x.targets]),
            np.array([t.fixed for t in x.targets]),
            np.array([t.mass_follows for t in x.targets]),
            x.of_regions("volume_exponent"),
            np.array([t.mass_exponent for t in x.targets]),
            tail,
            row,
            doses,
            left,
        )
        return DrawnDoses(doses, None if row < 0 else left)


def sobol(whole: Floats, shifted: Floats, exchanged: Floats) -> tuple[float, float]:
    """First-order and total index of one cause for one quantity (module text).

    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.standard_normal((2, 200_000))
    >>> y = 2.0 * a + b
    >>> other = np.roll(y, -100_000)
    >>> first, total = sobol(y, other, 2.0 * a + np.roll(b, -100_000))
    >>> round(first, 2), round(total, 2)
    (0.8, 0.8)
    """
    centre, variance = float(whole.mean()), float(whole.var())
    if variance <= 0.0:
        return 0.0, 0.0
    change = exchanged - shifted
    return float(np.mean((whole - centre) * change)) / variance, float(np.mean(change**2)) / (2.0 * variance)


def model_index(values: Floats, choices: Sequence[npt.NDArray[np.int64]]) -> float:
    """First-order index of the choice of models: variance of the means by model, summed over regions.

    >>> rng = np.random.default_rng(2)
    >>> choice = rng.integers(0, 2, 100_000)
    >>> round(model_index(choice + 0.5 * rng.standard_normal(choice.size), [choice]), 2)
    0.5
    """
    mean, variance = float(values.mean()), float(values.var())
    if variance <= 0.0:
        return 0.0
    found = 0.0
    for choice in choices:
        counts = np.bincount(choice)
        if np.count_nonzero(counts) < 2:
            continue
        sums = np.bincount(choice, weights=values)
        means = np.divide(sums, counts, out=np.full(sums.shape, mean), where=counts > 0)
        between = float(counts @ (means - mean) ** 2) / values.size
        # means of chance groups differ too
        found += max(float(between - (np.count_nonzero(counts) - 1) * variance / values.size), 0.0)
    return found / variance
