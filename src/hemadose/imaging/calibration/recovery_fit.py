"""The recovery curve of a camera from phantom spheres, with a covariance and a band.

Errors that all spheres share (stock solution, calibration factor) do not weigh the fit but are carried into the
covariance of the parameters as one displacement: they move the whole curve and are not averaged away.

References
----------
Gear J. et al., Eur J Nucl Med Mol Imaging 2018;45:2456 (covariance of the recovery coefficient).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import CaseError, FitError, QuantityError
from hemadose.imaging.calibration.recovery_forms import FORMS, PARAMETERS, Form, SphereMeasurement, curve_value
from hemadose.imaging.recovery import RecoveryCurve
from hemadose.model._checks import frozen_array, require_non_negative

Floats: TypeAlias = npt.NDArray[np.float64]

_GRID: dict[Form, tuple[Floats, ...]] = {
    "gear2": (np.geomspace(0.02, 500.0, 30), np.linspace(0.3, 2.5, 12)),
    "gear3": (np.geomspace(0.02, 500.0, 30), np.linspace(0.3, 2.5, 12), np.linspace(0.6, 1.2, 5)),
    "gaussian": (np.geomspace(2.0, 50.0, 16),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryFit:
    """A recovery curve with its uncertainty.

    Attributes
    ----------
    form : str
        Functional form.
    parameters : ndarray, shape (k,)
        In the order of `PARAMETERS`.
    covariance : ndarray, shape (k, k)
        Of the parameters, shared errors included.
    scatter : float
        Relative standard deviation of a single object about the curve (prediction).
    shared_relative_sd : float
        Of the errors common to all spheres (already in the covariance).
    stated : bool
        Whether the spheres came with uncertainties; if not, theirs is the scatter about the curve.
    chi_square, degrees_of_freedom, aicc
        Quality of the fit.
    smallest_ml, largest_ml : float
        Range of the spheres.
    notes : tuple of str
        Doubts.
    """

    form: Form
    parameters: Floats
    covariance: Floats
    scatter: float
    shared_relative_sd: float
    stated: bool
    chi_square: float
    degrees_of_freedom: int
    aicc: float
    smallest_ml: float
    largest_ml: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        object.__setattr__(self, "parameters", frozen_array(self.parameters, np.float64))
        object.__setattr__(self, "covariance", frozen_array(self.covariance, np.float64))

    def coefficient(self, volume_ml: npt.ArrayLike) -> Floats:
        """Recovery coefficient of volumes, any shape."""
        return curve_value(self.form, self.parameters, volume_ml)

    def slope_per_ml(self, volume_ml: float) -> float:
        """Derivative of the coefficient with volume."""
        step = 1e-4 * volume_ml
        up, down = self.coefficient(volume_ml + step), self.coefficient(volume_ml - step)
        return float((up - down) / (2.0 * step))

    def sd(self, volume_ml: npt.ArrayLike) -> Floats:
        """Standard uncertainty of the curve, g V g (Gear 2018)."""
        gradient = _jacobian(self.form, self.parameters, np.atleast_1d(np.asarray(volume_ml, dtype=np.float64)))
        variance = np.einsum("ni,ij,nj->n", gradient, self.covariance, gradient)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)).reshape(np.shape(volume_ml)))

    def prediction_sd(self, volume_ml: npt.ArrayLike) -> Floats:
        """Standard uncertainty for one further object: the curve's and the scatter about it."""
        return np.asarray(np.hypot(self.sd(volume_ml), self.scatter * self.coefficient(volume_ml)))

    def band(self, volume_ml: npt.ArrayLike, *, level: float = 0.95, prediction: bool = False) -> tuple[Floats, Floats]:
        """Lower and upper limit.

        Normal quantiles where the spheres' uncertainties were stated (widened for misfit), Student's t with the
        degrees of freedom of the fit where they come from the scatter.

        Raises
        ------
        QuantityError
            If the level is not a share.
        """
        from scipy.stats import norm, t

        if not 0.0 < level < 1.0:
            raise QuantityError("the level of a band is a share", field="level", value=f"{level:g}")
        upper = 0.5 + level / 2.0
        k = float(norm.ppf(upper)) if self.stated else float(t.ppf(upper, self.degrees_of_freedom))
        centre = self.coefficient(volume_ml)
        half = k * (self.prediction_sd(volume_ml) if prediction else self.sd(volume_ml))
        return centre - half, centre + half

    def curve(self, volume_ml: float) -> RecoveryCurve:
        """Give the curve as quantification takes it, with the relative uncertainty at one volume.

        Raises
        ------
        CaseError
            If the form is not `gear2`.
        """
        if self.form != "gear2":
            raise CaseError(
                "quantification takes the two-parameter curve",
                field="form",
                value=self.form,
                expected="gear2",
                remedy="fit gear2, or use the resolution with geometric_transfer",
            )
        relative = float(self.prediction_sd(volume_ml) / self.coefficient(volume_ml))
        return RecoveryCurve(alpha_ml=float(self.parameters[0]), beta=float(self.parameters[1]), relative_sd=relative)


def fit_recovery(
    spheres: Sequence[SphereMeasurement], *, form: Form = "gear2", shared_relative_sd: float = 0.0
) -> RecoveryFit:
    """Fit a recovery curve to phantom spheres by weighted least squares.

    Parameters
    ----------
    spheres : sequence of SphereMeasurement
        More than the form has parameters; either all or none with a standard uncertainty.
    form : {"gear2", "gear3", "gaussian"}
        Functional form.
    shared_relative_sd : float
        Relative standard uncertainty common to all spheres: calibration factor, stock solution.

    Returns
    -------
    RecoveryFit
        The spheres' own part of the covariance is widened by chi-square per degree of freedom above 1.

    Raises
    ------
    FitError
        If there are too few spheres or no optimum.
    CaseError
        If only some spheres have an uncertainty, or the form is unknown.
    """
    if form not in FORMS:
        raise CaseError("unknown form of a recovery curve", field="form", value=form, expected=", ".join(FORMS))
    require_non_negative("recovery curve", shared_relative_sd=shared_relative_sd)
    free = len(PARAMETERS[form])
    if len({round(s.volume_ml, 9) for s in spheres}) <= free:
        raise FitError(
            "too few spheres of different volume for this curve", value=str(len(spheres)), expected=f"> {free}"
        )
    stated = [s.sd for s in spheres]
    if any(sd is None for sd in stated) and any(sd is not None for sd in stated):
        raise CaseError("either all spheres have an uncertainty or none", field="sd")
    volumes = np.array([s.volume_ml for s in spheres])
    values = np.array([s.recovery for s in spheres])
    known = stated[0] is not None
    own = np.array([sd for sd in stated if sd is not None]) if known else np.ones(values.size)
    best = _optimum(form, volumes, values, own)
    residual = (values - curve_value(form, best, volumes)) / own
    chi2, dof = float(residual @ residual), values.size - free
    widen = max(chi2 / dof, 1.0) if known else chi2 / dof
    fitted = curve_value(form, best, volumes)
    jacobian = _jacobian(form, best, volumes)
    weighted = jacobian / own[:, None]
    inverse = np.linalg.pinv(weighted.T @ weighted) @ (weighted / own[:, None]).T
    shift = inverse @ (shared_relative_sd * fitted)
    covariance = widen * inverse @ np.diag(own**2) @ inverse.T + np.outer(shift, shift)
    relative = own / fitted if known else residual * own / fitted * np.sqrt(values.size / dof)
    scatter = float(np.sqrt(np.mean(relative**2) * (widen if known else 1.0)))
    logs = chi2 if known else values.size * float(np.log(max(chi2, 1e-30) / values.size))
    count = free if known else free + 1
    return RecoveryFit(
        form=form,
        parameters=best,
        covariance=covariance,
        scatter=scatter,
        shared_relative_sd=shared_relative_sd,
        stated=known,
        chi_square=chi2 if known else float(dof),
        degrees_of_freedom=dof,
        aicc=logs + 2 * count + 2 * count * (count + 1) / max(values.size - count - 1, 1e-9),
        smallest_ml=float(volumes.min()),
        largest_ml=float(volumes.max()),
        notes=_doubts(form, best, covariance, chi2 / dof if known else None, volumes),
    )


def _optimum(form: Form, volumes: Floats, values: Floats, own: Floats) -> Floats:
    """Best parameters: the best two of a grid, refined as logarithms so that they stay positive."""
    from scipy.optimize import least_squares

    def misfit(logs: Floats) -> Floats:
        return (curve_value(form, np.exp(logs), volumes) - values) / own

    grid = np.stack([axis.ravel() for axis in np.meshgrid(*_GRID[form], indexing="ij")], axis=1)
    cost = np.array([float((misfit(np.log(start)) ** 2).sum()) for start in grid[:: max(1, len(grid) // 400)]])
    starts = grid[:: max(1, len(grid) // 400)][np.argsort(cost)[:2]]
    bounds = (np.log(1e-4), np.log(1e4))
    found = min(
        (least_squares(misfit, np.log(start), bounds=bounds, xtol=1e-10, ftol=1e-12) for start in starts),
        key=lambda r: float(r.cost),
    )
    if not found.success or np.any(np.abs(found.x) > 0.99 * np.log(1e4)):
        raise FitError(f"no {form} recovery curve describes the spheres", value=str(np.exp(found.x).round(4)))
    return np.asarray(np.exp(found.x))


def _jacobian(form: Form, parameters: Floats, volumes: Floats) -> Floats:
    """Derivatives of the curve with its parameters, shape (volumes, parameters), by central differences."""
    columns: list[Floats] = []
    at: Callable[[Floats], Floats] = lambda p: curve_value(form, p, volumes)  # noqa: E731
    for k, value in enumerate(parameters):
        step = np.zeros(parameters.size)
        step[k] = 1e-5 * value
        columns.append((at(parameters + step) - at(parameters - step)) / (2.0 * step[k]))
    return np.stack(columns, axis=1)


def _doubts(
    form: Form, parameters: Floats, covariance: Floats, reduced: float | None, volumes: Floats
) -> tuple[str, ...]:
    notes = []
    for name, value, variance in zip(PARAMETERS[form], parameters, np.diag(covariance), strict=True):
        if np.sqrt(variance) > 0.5 * value:
            notes.append(f"{name} is known to {100 * np.sqrt(variance) / value:.0f} % only")
    if reduced is None:
        notes.append("the spheres have no uncertainty of their own: it is taken from their scatter about the curve")
    elif reduced > 3.0:
        notes.append(f"the curve misses the spheres by {np.sqrt(reduced):.1f} times their uncertainty")
    if volumes.size < 5:
        notes.append(f"{volumes.size} spheres: the band rests on {volumes.size - parameters.size} degrees of freedom")
    return tuple(notes)
