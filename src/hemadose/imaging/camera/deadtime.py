"""Dead time: true and observed count rate, in both directions.

One formula holds the models of the field: m = n exp(-n tau_p) / (1 + n tau_n). With tau_n = 0 the camera is
paralysable, with tau_p = 0 it is not, with both it is the hybrid of Lee & Gardner (2000). A paralysable camera shows
one observed rate for two true ones; the branch below the maximum is taken unless the other is asked for, and what
lies above the maximum is refused.

References
----------
Sorenson J., J Nucl Med 1975;16:284; Adams R. et al., Med Phys 1974;1:198 (gamma cameras).
Lee S., Gardner R., Appl Radiat Isot 2000;53:731 (hybrid).
Gamma detector dead time correction using the Lambert W function, EJNMMI Phys 2020;7:31: n = -W(-m tau) / tau, and dead
time acts on all counts of the crystal, not on those of one window.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, sqrt
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import require_non_negative

Floats: TypeAlias = npt.NDArray[np.float64]
Branch: TypeAlias = Literal["below", "above"]
Kind: TypeAlias = Literal["paralysable", "non-paralysable", "hybrid"]

KINDS: tuple[Kind, ...] = ("paralysable", "non-paralysable", "hybrid")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTime:
    """Dead time of a camera.

    Attributes
    ----------
    paralysable_s, nonparalysable_s : float
        The two dead times; zero for none.

    Examples
    --------
    >>> round(DeadTime(paralysable_s=2.4e-6).true_per_s(60000.0), 2)
    71176.97
    >>> round(DeadTime(nonparalysable_s=2.4e-6).true_per_s(60000.0), 2)
    70093.46
    """

    paralysable_s: float = 0.0
    nonparalysable_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative times, and times that can only be meant in microseconds."""
        require_non_negative("dead time", paralysable_s=self.paralysable_s, nonparalysable_s=self.nonparalysable_s)
        if max(self.paralysable_s, self.nonparalysable_s) > 1e-2:
            raise QuantityError(
                "a dead time of this length is not a camera's",
                value=f"{max(self.paralysable_s, self.nonparalysable_s):g} s",
                expected="below 0.01 s",
                remedy="was it meant in microseconds?",
            )

    @property
    def kind(self) -> Kind:
        """Name of the model."""
        if self.nonparalysable_s == 0.0:
            return "paralysable"
        return "non-paralysable" if self.paralysable_s == 0.0 else "hybrid"

    @property
    def true_at_maximum_per_s(self) -> float:
        """True rate at which the camera shows most; infinite if it never shows less again.

        Root of tau_p n (1 + tau_n n) = 1.
        """
        p, n = self.paralysable_s, self.nonparalysable_s
        if p == 0.0:
            return inf
        return 2.0 / (p + sqrt(p * (p + 4.0 * n)))

    @property
    def maximum_per_s(self) -> float:
        """Highest rate the camera can show: 1/(e tau_p), 1/tau_n, or that of the hybrid."""
        top = self.true_at_maximum_per_s
        if top < inf:
            return float(self.observed_per_s(top))
        return 1.0 / self.nonparalysable_s if self.nonparalysable_s > 0.0 else inf

    def observed_per_s(self, true_per_s: npt.ArrayLike) -> Floats:
        """Observed rate of a true one, any shape."""
        n = np.asarray(true_per_s, dtype=np.float64)
        return np.asarray(n * np.exp(-n * self.paralysable_s) / (1.0 + n * self.nonparalysable_s))

    def true_per_s(self, observed_per_s: float, *, branch: Branch = "below") -> float:
        """Give the true rate of an observed one.

        Parameters
        ----------
        observed_per_s : float
            All counts of the crystal (or of the window the dead time was measured for).
        branch : {"below", "above"}
            Side of the maximum; above it only a paralysable camera shows anything new.

        Raises
        ------
        QuantityError
            If the rate is negative or no true rate gives it.
        """
        require_non_negative("count rate", observed_per_s=observed_per_s)
        p, n = self.paralysable_s, self.nonparalysable_s
        if observed_per_s > self.maximum_per_s or (p == 0.0 and observed_per_s * n >= 1.0):
            raise QuantityError(
                "the camera is saturated: no true rate gives this count rate",
                field="dead_time",
                value=f"{observed_per_s:g}/s",
                expected=f"at most {self.maximum_per_s:g}/s for {self.kind} {1e6 * max(p, n):g} us",
                remedy="image later, or check the dead time",
            )
        if branch == "above" and p == 0.0:
            raise QuantityError("only a paralysable camera has a branch above its maximum", field="branch")
        if observed_per_s == 0.0 or (p == 0.0 and n == 0.0):
            return observed_per_s
        if p == 0.0:
            return observed_per_s / (1.0 - observed_per_s * n)
        return self._lambert(observed_per_s, branch) if n == 0.0 else self._search(observed_per_s, branch)

    def _lambert(self, observed_per_s: float, branch: Branch) -> float:
        from scipy.special import lambertw

        argument = -observed_per_s * self.paralysable_s
        if argument <= -exp(-1.0) * (1.0 - 1e-15):
            return 1.0 / self.paralysable_s
        return float(-lambertw(argument, 0 if branch == "below" else -1).real / self.paralysable_s)

    def _search(self, observed_per_s: float, branch: Branch) -> float:
        from scipy.optimize import brentq

        top = self.true_at_maximum_per_s
        low, high = observed_per_s, min(2.0 * observed_per_s, top)
        if branch == "below":
            while high < top and float(self.observed_per_s(high)) < observed_per_s:
                low, high = high, min(2.0 * high, top)
        else:
            low, high = top, 2.0 * top
            while float(self.observed_per_s(high)) > observed_per_s:
                low, high = high, 2.0 * high
        return float(brentq(lambda n: float(self.observed_per_s(n)) - observed_per_s, low, high, rtol=1e-13))

    def correction(self, observed_per_s: float) -> float:
        """Factor by which every window's counts are too low at this total observed rate."""
        return self.true_per_s(observed_per_s) / observed_per_s if observed_per_s > 0.0 else 1.0

    def amplification(self, true_per_s: float) -> float:
        """Relative change of the true rate per relative change of the observed one, below the maximum.

        1 / (1 - n tau_p - n tau_n / (1 + n tau_n)): noise and calibration errors grow by it, without bound at the
        maximum.

        >>> DeadTime(paralysable_s=2e-6).amplification(250000.0)
        2.0
        """
        p, n = true_per_s * self.paralysable_s, true_per_s * self.nonparalysable_s
        slope = 1.0 - p - n / (1.0 + n)
        return inf if slope <= 0.0 else 1.0 / slope

    def true_relative_sd(
        self,
        observed_per_s: float,
        *,
        observed_relative_sd: float,
        paralysable_relative_sd: float = 0.0,
        nonparalysable_relative_sd: float = 0.0,
    ) -> float:
        """Relative standard uncertainty of the true rate from counting and from the dead times.

        First order: at a fixed observed rate d ln n = amplification (d ln m + n tau_p d ln tau_p +
        n tau_n / (1 + n tau_n) d ln tau_n).
        """
        true = self.true_per_s(observed_per_s)
        p, n = true * self.paralysable_s, true * self.nonparalysable_s
        inner = (
            observed_relative_sd**2
            + (p * paralysable_relative_sd) ** 2
            + (n / (1.0 + n) * nonparalysable_relative_sd) ** 2
        )
        return self.amplification(true) * sqrt(inner)
