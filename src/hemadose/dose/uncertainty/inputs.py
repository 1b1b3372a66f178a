"""What a dose budget starts from: regions with their curves, targets with their responses, stated uncertainties.

The chain is D(T) = S [ sum_R own(T, R) X(R) / m(T)^c + sum_R cross(T, R) X(R) + fixed(T) ], where X is the
time-integrated activity of a measured region. Regions, not sources: the remainder of the body is whole body less
organs, and an error of a kidney enters it with its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model._checks import frozen_array, require_finite, require_non_negative

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionInput:
    """One measured region; all uncertainties are relative standard uncertainties.

    Attributes
    ----------
    name : str
        Region name.
    integrals_bq_s : tuple of float
        Best integral from administration and, where a tail is asked for, from the infusion.
    calibration, recovery, scale, shared, marrow_fraction : float
        As `hemadose.model.budget.Component` names them.
    volume, volume_exponent : float
        Of the outline, and d ln activity / d ln volume.
    stated_share : float
        Share of the variance of the samples that was stated (counting).
    samples_variance, model_variance : tuple of float
        First-order relative variance of each integral by the samples and by the choice of the model.
    """

    name: str
    integrals_bq_s: tuple[float, ...]
    calibration: float = 0.0
    recovery: float = 0.0
    scale: float = 0.0
    shared: float = 0.0
    marrow_fraction: float = 0.0
    volume: float = 0.0
    volume_exponent: float = 1.0
    stated_share: float = 1.0
    samples_variance: tuple[float, ...] = ()
    model_variance: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check every number."""
        require_non_negative(
            f"budget of {self.name}",
            calibration=self.calibration,
            recovery=self.recovery,
            scale=self.scale,
            shared=self.shared,
            marrow_fraction=self.marrow_fraction,
            volume=self.volume,
            stated_share=self.stated_share,
        )
        require_finite(f"budget of {self.name}", volume_exponent=self.volume_exponent)
        for name in ("integrals_bq_s", "samples_variance", "model_variance"):
            values = getattr(self, name) or (0.0,) * len(self.integrals_bq_s)
            object.__setattr__(self, name, values)
            for value in values:
                require_non_negative(f"budget of {self.name}", **{name: value})
            if len(values) != len(self.integrals_bq_s):
                raise QuantityError(f"{self.name}: {name} needs one number per integral", value=str(len(values)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInput:
    """One organ.

    Attributes
    ----------
    name : str
        Target name.
    own, cross : ndarray, shape (regions,)
        Gy/Bq per Bq s of each region: self-dose (it follows the mass) and dose from elsewhere.
    fixed : float
        Gy/Bq that no region carries.
    mass_relative_sd : float
        Of the mass, beside what follows from outlines.
    mass_exponent : float
        c of S = c1 / m^c.
    mass_follows : ndarray, shape (regions,), or None
        d ln mass / d ln volume of each region's outline.
    """

    name: str
    own: Floats
    cross: Floats
    fixed: float = 0.0
    mass_relative_sd: float = 0.0
    mass_exponent: float = 1.0
    mass_follows: Floats | None = None

    def __post_init__(self) -> None:
        """Freeze the responses."""
        require_non_negative(f"budget of {self.name}", mass_relative_sd=self.mass_relative_sd, fixed=self.fixed)
        require_finite(f"budget of {self.name}", mass_exponent=self.mass_exponent)
        own = frozen_array(self.own, np.float64)
        follows = np.zeros(own.shape) if self.mass_follows is None else self.mass_follows
        for name, values in (("own", own), ("cross", self.cross), ("mass_follows", follows)):
            array = frozen_array(values, np.float64)
            if array.shape != own.shape or array.ndim != 1 or not np.isfinite(array).all():
                raise QuantityError(f"{self.name}: {name} needs one finite number per region", value=str(array.shape))
            object.__setattr__(self, name, array)


@dataclass(frozen=True, slots=True, kw_only=True)
class TailInput:
    """The dose of one target that is still to come at the infusion, from the second integral of every region.

    Attributes
    ----------
    target : str
        Its name.
    own, cross, difference : ndarray, shape (regions,)
        As in `TargetInput`; `difference` is a source known by subtraction, which never takes dose off.
    """

    target: str
    own: Floats
    cross: Floats
    difference: Floats

    def __post_init__(self) -> None:
        """Freeze the responses."""
        for name in ("own", "cross", "difference"):
            array = frozen_array(getattr(self, name), np.float64)
            if array.ndim != 1 or not np.isfinite(array).all():
                raise QuantityError(f"tail of {self.target}: {name} needs one finite number per region")
            object.__setattr__(self, name, array)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetInputs:
    """Regions, targets and what they share.

    Attributes
    ----------
    regions, targets : tuple
        In the order of the responses.
    tail : TailInput or None
        Where a dose after infusion is limited.
    s_value_relative_sd : float
        One error for all organs.
    """

    regions: tuple[RegionInput, ...]
    targets: tuple[TargetInput, ...]
    tail: TailInput | None = None
    s_value_relative_sd: float = 0.0

    def __post_init__(self) -> None:
        """Check that everything speaks of the same regions."""
        require_non_negative("budget", s_value_relative_sd=self.s_value_relative_sd)
        count = len(self.regions)
        if not count or not self.targets:
            raise QuantityError("a budget needs a region and a target")
        for names in ([r.name for r in self.regions], [t.name for t in self.targets]):
            if len(set(names)) != len(names):
                raise QuantityError("a name is given twice in the budget", value=", ".join(names))
        starts = {len(r.integrals_bq_s) for r in self.regions}
        if starts != {1 if self.tail is None else 2}:
            raise QuantityError("every region needs one integral per start", value=str(sorted(starts)))
        sizes = [t.own.size for t in self.targets]
        if self.tail is not None:
            sizes += [self.tail.own.size, self.tail.cross.size, self.tail.difference.size]
            self.target_index(self.tail.target)
        if set(sizes) != {count}:
            raise QuantityError(
                "responses and regions do not match", value=str(sorted(set(sizes))), expected=f"{count}"
            )

    def target_index(self, name: str) -> int:
        """Give the place of a target.

        Raises
        ------
        QuantityError
            If it has no dose.
        """
        for index, target in enumerate(self.targets):
            if target.name == name:
                return index
        raise QuantityError(f"no dose of {name} in the budget", expected=", ".join(t.name for t in self.targets))

    def of_regions(self, field: str) -> Floats:
        """One field of all regions, shape (regions,)."""
        return np.array([getattr(r, field) for r in self.regions], dtype=np.float64)

    def integrals(self, start: int = 0) -> Floats:
        """Best integrals of all regions, shape (regions,)."""
        return np.array([r.integrals_bq_s[start] for r in self.regions])


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDraws:
    """Integrals of one region's curve, fitted again to perturbed samples; all of shape (starts, draws), in Bq s.

    Attributes
    ----------
    samples : ndarray
        Samples perturbed, model as reported.
    both : ndarray
        Samples perturbed, model of the draw.
    models : ndarray
        Samples as measured, model of the draw.
    choice : integer ndarray, shape (draws,)
        Number of that model.
    """

    samples: Floats
    both: Floats
    models: Floats
    choice: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that shapes agree and nothing is missing."""
        for name in ("samples", "both", "models"):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            if array.ndim != 2 or array.shape != np.shape(self.samples) or not array.size:
                raise QuantityError("draws of a curve do not match", field=name, value=str(array.shape))
            if not np.isfinite(array).all():
                raise QuantityError("a drawn integral is not finite", field=name)
            object.__setattr__(self, name, array)
        if np.shape(self.choice) != (self.draws,) or np.min(self.choice) < 0:
            raise QuantityError("one model is chosen for every draw", value=str(np.shape(self.choice)))

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.samples.shape[1])


def known_curves(integrals: Sequence[float], draws: int) -> CurveDraws:
    """Give draws of a curve that is not uncertain."""
    same = np.repeat(np.asarray(integrals, dtype=np.float64)[:, None], draws, axis=1)
    return CurveDraws(samples=same, both=same, models=same, choice=np.zeros(draws, dtype=np.int64))
