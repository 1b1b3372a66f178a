"""Recovery curves and dead time: from the experiment's file to the fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemadose.errors import CaseError, FitError
from hemadose.imaging.calibration.deadtime_fit import CountedRate, DeadTimeFit, decaying_source_dead_time
from hemadose.imaging.calibration.deadtime_two_sources import two_source_dead_time
from hemadose.imaging.calibration.known_source import mean_decay_factor
from hemadose.imaging.calibration.recovery_fit import RecoveryFit, fit_recovery
from hemadose.imaging.calibration.recovery_forms import FORMS, PARAMETERS, Form, SphereMeasurement
from hemadose.imaging.calibration.sphere_phantom import PhantomSphere, measure_spheres
from hemadose.imaging.camera.deadtime import KINDS, DeadTime, Kind
from hemadose.model import Nuclide, Quantity
from hemadose.model.moment import elapsed_s
from hemadose.refdata.nuclides import nuclide
from hemadose.units import KBQ, MBQ
from hemadose.workflow.calibration_answer import CalibrationAnswer, finished, read_scan

if TYPE_CHECKING:
    from hemadose.io.calibration_files import RatePart

_US = 1e6


def calibrate_spheres(
    path: Path, *, form: Form = "gear2", shared_relative_sd: float | None = None, at_ml: float | None = None
) -> CalibrationAnswer:
    """Recovery curve from a CSV of spheres, or from a phantom image (TOML).

    Parameters
    ----------
    path : Path
        ``.csv`` (`read_sphere_rows`) or ``.toml`` (`SpheresFile`).
    form : {"gear2", "gear3", "gaussian"}
        Curve to use.
    shared_relative_sd : float, optional
        Common to all spheres; needed for a CSV, in the TOML file otherwise.
    at_ml : float, optional
        Volume at which the relative uncertainty for the case is stated; by default the middle of the range.
    """
    from hemadose.io.calibration_tables import read_sphere_rows

    if form not in FORMS:
        raise CaseError("unknown form of a recovery curve", field="--form", value=form, expected=", ".join(FORMS))
    notes: tuple[str, ...] = ()
    if path.suffix == ".csv":
        if shared_relative_sd is None:
            raise CaseError(
                "the uncertainty common to all spheres is never assumed",
                field="--shared-relative-sd",
                remedy="give that of the calibration factor and the stock solution together, e.g. 0.03",
            )
        spheres, shared = read_sphere_rows(path), shared_relative_sd
    else:
        spheres, shared, notes = _spheres_on_image(path)
        shared = shared if shared_relative_sd is None else shared_relative_sd
    fits = {name: _try_fit(spheres, name, shared) for name in FORMS}
    fit = fits[form] or fit_recovery(spheres, form=form, shared_relative_sd=shared)
    theory = fits["gaussian"]
    volume = at_ml or float(np.sqrt(fit.smallest_ml * fit.largest_ml))
    answer = {
        "form": form,
        "curve": _curve_row(fit),
        "candidates": [_curve_row(f) for f in fits.values() if f is not None],
        "spheres": [_sphere_row(s, fit) for s in spheres],
        "shared_relative_sd": shared,
        "notes": [*notes, *fit.notes],
    }
    from hemadose.report.figures.calibration import recovery_figure

    return finished(
        "spheres", answer, _recovery_snippet(fit, theory, volume), recovery_figure(spheres, fit, theory=theory)
    )


def _try_fit(spheres: Sequence[SphereMeasurement], form: Form, shared: float) -> RecoveryFit | None:
    try:
        return fit_recovery(spheres, form=form, shared_relative_sd=shared)
    except FitError:
        return None  # shown as absent among the candidates; the chosen form raises


def _curve_row(fit: RecoveryFit) -> dict[str, Any]:
    sds = np.sqrt(np.diag(fit.covariance))
    named = zip(PARAMETERS[fit.form], fit.parameters, sds, strict=True)
    return {
        "form": fit.form,
        "parameters": {n: {"value": float(v), "sd": float(s)} for n, v, s in named},
        "covariance": fit.covariance.tolist(),
        "chi_square": fit.chi_square,
        "degrees_of_freedom": fit.degrees_of_freedom,
        "aicc": fit.aicc,
        "range_ml": [fit.smallest_ml, fit.largest_ml],
    }


def _sphere_row(sphere: SphereMeasurement, fit: RecoveryFit) -> dict[str, Any]:
    return {
        "name": sphere.name,
        "volume_ml": sphere.volume_ml,
        "recovery": sphere.recovery,
        "sd": sphere.sd,
        "curve": float(fit.coefficient(sphere.volume_ml)),
        "curve_sd": float(fit.sd(sphere.volume_ml)),
    }


def _recovery_snippet(fit: RecoveryFit, theory: RecoveryFit | None, volume_ml: float) -> list[str]:
    if fit.form == "gear2":
        curve = fit.curve(volume_ml)
        lines = [
            "[calibration]",
            f"recovery_alpha_ml = {curve.alpha_ml:.5g}",
            f"recovery_beta = {curve.beta:.5g}",
            f"recovery_relative_sd = {curve.relative_sd:.4f}  # one object of {volume_ml:.3g} ml",
        ]
        if theory is not None:
            lines.append(f"spect_fwhm_mm = {theory.parameters[0]:.2f}  # for geometric_transfer")
        return [*lines, "", "[quantification]", 'recovery = "sphere_curve"']
    if fit.form == "gaussian":
        value, sd = float(fit.parameters[0]), float(np.sqrt(fit.covariance[0, 0]))
        return [
            "[calibration]",
            f"spect_fwhm_mm = {value:.2f}  # SD {sd:.2f}",
            "",
            "[quantification]",
            'recovery = "geometric_transfer"',
        ]
    return ["[calibration]", 'recovery_file = "spheres.json"', "", "[quantification]", 'recovery = "sphere_curve"']


def calibrate_dead_time(path: Path, *, model: Kind = "paralysable") -> CalibrationAnswer:
    """Dead time from two sources or from one that decays; all models are tried, one is used.

    Parameters
    ----------
    path : Path
        TOML (`DeadTimeFile`).
    model : {"paralysable", "non-paralysable", "hybrid"}
        The one to use.
    """
    from hemadose.io.calibration_files import DeadTimeFile, read_calibration_file
    from hemadose.io.calibration_tables import read_rate_rows

    if model not in KINDS:
        raise CaseError("unknown dead-time model", field="--model", value=model, expected=", ".join(KINDS))
    given = read_calibration_file(path, DeadTimeFile)
    from hemadose.report.figures.calibration import dead_time_figure, loss_figure

    if given.two_sources is not None:
        two = given.two_sources
        runs = [_rate(r) for r in (two.first, two.second, two.both)]
        background = None if two.background is None else _rate(two.background)
        fit = two_source_dead_time(runs[0], runs[1], runs[2], kind=model, background=background)
        figure = loss_figure(fit.model, up_to_per_s=2.0 * fit.model.true_per_s(runs[2].per_s))
        fits = {model: fit}
    else:
        assert given.table is not None
        assert given.nuclide is not None
        source = nuclide(given.nuclide)
        rates = read_rate_rows(path.parent / given.table, zone=given.clinic)
        fits = _all_models(rates, source, model, given.background_per_s)
        order = list(fits)
        figure = dead_time_figure(rates, list(fits.values()), source, chosen=order.index(model))
        fit = fits[model]
    answer = {
        "experiment_type": "two sources" if given.two_sources else "decaying source",
        **_dead_time_row(fit),
        "highest_observed_per_s": None if fit.model.maximum_per_s == float("inf") else fit.model.maximum_per_s,
        "candidates": [_dead_time_row(f) for f in fits.values()],
        "notes": list(fit.notes),
    }
    return finished("dead-time", answer, _dead_time_snippet(fit.model), figure)


def _all_models(
    rates: Sequence[CountedRate], source: Nuclide, model: Kind, background: float
) -> dict[Kind, DeadTimeFit]:
    fits: dict[Kind, DeadTimeFit] = {}
    for kind in KINDS:
        try:
            fits[kind] = decaying_source_dead_time(rates, source, kind=kind, background_per_s=background)
        except FitError:
            if kind == model:
                raise
    return fits


def _rate(part: RatePart) -> CountedRate:
    return CountedRate(counts=part.counts, duration_s=part.duration_s)


def _dead_time_row(fit: DeadTimeFit) -> dict[str, Any]:
    return {
        "model": fit.kind,
        "paralysable_us": _US * fit.model.paralysable_s,
        "paralysable_sd_us": _US * fit.paralysable_sd_s,
        "nonparalysable_us": _US * fit.model.nonparalysable_s,
        "nonparalysable_sd_us": _US * fit.nonparalysable_sd_s,
        "chi_square": fit.chi_square,
        "degrees_of_freedom": fit.degrees_of_freedom,
        "aicc": fit.aicc if fit.degrees_of_freedom else None,
    }


def _dead_time_snippet(model: DeadTime) -> list[str]:
    lines = ["[calibration]"]
    if model.paralysable_s > 0.0:
        lines.append(f"spect_dead_time_us = {_US * model.paralysable_s:.4g}")
    if model.nonparalysable_s > 0.0:
        lines.append(f"spect_nonparalysable_dead_time_us = {_US * model.nonparalysable_s:.4g}")
    return lines


def _spheres_on_image(path: Path) -> tuple[tuple[SphereMeasurement, ...], float, tuple[str, ...]]:
    """Measure the spheres of a phantom image: spheres, shared relative uncertainty, doubts."""
    from hemadose.io.calibration_files import SpheresFile, read_calibration_file

    given = read_calibration_file(path, SpheresFile)
    scan = read_scan(given.image, given, path)
    source = nuclide(given.nuclide)
    corrected = "DECY" in scan.corrections
    at = scan.decay_reference_at if corrected else scan.started_at
    decay = source.decay_factor(elapsed_s(given.aware(given.concentration_at), at))
    if not corrected:
        decay *= mean_decay_factor(source, duration_s=scan.duration_s)
    counts = scan.image.quantity is Quantity.COUNTS
    if counts and given.spect_cps_per_MBq is None:
        raise CaseError("an image in counts needs a calibration factor", source=str(path), field="spect_cps_per_MBq")
    found = measure_spheres(
        scan,
        [
            PhantomSphere(name=s.name or f"{s.diameter_mm:g} mm", diameter_mm=s.diameter_mm, centre_mm=s.centre_mm)
            for s in given.spheres
        ],
        true_bq_per_ml=given.sphere_kBq_per_ml * KBQ * decay,
        background_bq_per_ml=given.background_kBq_per_ml * KBQ * decay,
        counts_per_s_per_bq=None if given.spect_cps_per_MBq is None else given.spect_cps_per_MBq / MBQ,
        filling_relative_sd=given.filling_relative_sd,
    )
    return found, given.shared_relative_sd, ()
