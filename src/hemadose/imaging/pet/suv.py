"""Standardised uptake values: concentration times body size over the activity injected, at one moment.

SUV = C · N / A. C is the concentration, A the injected activity decayed to the moment that C refers to
(DECY NONE: the slice; START: the start of the series; ADMIN: the injection), N the body size in g or cm².
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError, TimingError
from hemadose.model import moment as clock
from hemadose.model.patient import Sex
from hemadose.model.pet import BodySize, DecayReference, PetScan, SuvImage, SuvMeasure
from hemadose.units import HOUR_S, MBQ, MINUTE_S

LONGEST_IN_HALF_LIVES = 12.0
"""A scan later than this after the injection has lost 99.98 % of the activity: a date or clock is wrong."""

_JAMES = {Sex.MALE: (1.10, 128.0), Sex.FEMALE: (1.07, 148.0)}
_JANMAHASATIAN = {Sex.MALE: (6680.0, 216.0), Sex.FEMALE: (8780.0, 244.0)}


def lean_body_mass_james_kg(*, height_cm: float, weight_kg: float, sex: Sex) -> float:
    """Lean body mass after James: 1.10 W - 128 (W/H)² (men), 1.07 W - 148 (W/H)² (women).

    James WPT, Research on obesity, HMSO 1976 (DICOM SUVType LBMJAMES128). The parabola turns over at a
    body-mass index of 43 (men) or 36 (women) kg/m²; beyond it the formula has no meaning.

    Raises
    ------
    QuantityError
        Beyond the turning point.

    Examples
    --------
    >>> round(lean_body_mass_james_kg(height_cm=178, weight_kg=75, sex=Sex.MALE), 2)
    59.78
    """
    linear, quadratic = _JAMES[sex]
    turning_kg = linear * height_cm**2 / (2.0 * quadratic)
    if weight_kg > turning_kg:
        raise QuantityError(
            "lean body mass after James is not defined for this body-mass index",
            field="weight_kg",
            value=f"{weight_kg:g} kg at {height_cm:g} cm",
            expected=f"at most {turning_kg:.0f} kg",
            remedy="choose lbm-janmahasatian",
        )
    return linear * weight_kg - quadratic * (weight_kg / height_cm) ** 2


def lean_body_mass_janmahasatian_kg(*, height_cm: float, weight_kg: float, sex: Sex) -> float:
    """Lean body mass after Janmahasatian: 9270 W / (6680 + 216 BMI) (men), 9270 W / (8780 + 244 BMI) (women).

    Janmahasatian S et al., Clin Pharmacokinet 2005;44:1051.

    Examples
    --------
    >>> round(lean_body_mass_janmahasatian_kg(height_cm=178, weight_kg=75, sex=Sex.MALE), 2)
    58.95
    """
    constant, slope = _JANMAHASATIAN[sex]
    return 9270.0 * weight_kg / (constant + slope * weight_kg / (height_cm / 100.0) ** 2)


def body_surface_dubois_m2(*, height_cm: float, weight_kg: float) -> float:
    """Body surface after DuBois and DuBois, Arch Intern Med 1916;17:863: 0.007184 W^0.425 H^0.725.

    >>> round(body_surface_dubois_m2(height_cm=178, weight_kg=75), 3)
    1.927
    """
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def normalisation(measure: SuvMeasure, body: BodySize) -> float:
    """Body size that a measure refers to: g, or cm² for body surface.

    Raises
    ------
    QuantityError
        If weight, height or sex is needed and unknown.

    Examples
    --------
    >>> normalisation(SuvMeasure.BODY_WEIGHT, BodySize(weight_kg=75.0))
    75000.0
    """
    weight = _known(body.weight_kg, "weight_kg", "PatientWeight", measure, "--weight-kg")
    if measure is SuvMeasure.BODY_WEIGHT:
        return 1e3 * weight
    height = _known(body.height_cm, "height_cm", "PatientSize", measure, "--height-cm")
    if measure is SuvMeasure.BODY_SURFACE:
        return 1e4 * body_surface_dubois_m2(height_cm=height, weight_kg=weight)
    if body.sex is None:
        raise _unknown("sex", "PatientSex", measure, "--sex")
    lean = lean_body_mass_james_kg if measure is SuvMeasure.LBM_JAMES else lean_body_mass_janmahasatian_kg
    return 1e3 * lean(height_cm=height, weight_kg=weight, sex=body.sex)


def _known(value: float | None, name: str, tag: str, measure: SuvMeasure, option: str) -> float:
    if value is None:
        raise _unknown(name, tag, measure, option)
    return value


def _unknown(name: str, tag: str, measure: SuvMeasure, option: str) -> QuantityError:
    return QuantityError(
        f"{measure.label} needs the patient's {name.split('_', maxsplit=1)[0]}, which is not known",
        field=tag,
        expected="as measured on the day of the scan",
        remedy=f"correct the header, or state it ({option})",
    )


def activity_at_reference_bq(scan: PetScan) -> npt.NDArray[np.float64]:
    """Injected activity at the moment that the values of each slice refer to, shape (slices,).

    Parameters
    ----------
    scan : PetScan
        In Bq/ml, with injection.

    Returns
    -------
    ndarray, shape (slices,)
        Bq; the same number in every slice unless the scan is not decay-corrected.

    Raises
    ------
    QuantityError
        If injected activity or half-life is unknown.
    TimingError
        If the time of injection is needed and unknown, later than the scan, or many half-lives earlier.
    """
    slices = scan.grid.shape[0]
    if scan.injected_activity_bq is None:
        raise QuantityError(
            "no uptake value without the injected activity",
            field="RadionuclideTotalDose",
            remedy="correct the header, or state it (--activity-MBq)",
        )
    if scan.decay is DecayReference.ADMINISTRATION:
        return np.full(slices, scan.injected_activity_bq)
    if scan.half_life_s is None:
        raise QuantityError("no decay correction without the half-life", field="RadionuclideHalfLife")
    moments = scan.slice_at if scan.decay is DecayReference.NONE else (scan.started_at,) * slices
    elapsed = np.array([elapsed_s(scan, moment) for moment in moments])
    return np.asarray(scan.injected_activity_bq * 2.0 ** (-elapsed / scan.half_life_s))


def elapsed_s(scan: PetScan, moment: datetime) -> float:
    """Seconds from the injection to a moment of the scan, checked against the half-life.

    Raises
    ------
    TimingError
        If the injection is unknown, later, or implausibly early.
    """
    if scan.injected_at is None:
        raise TimingError(
            "no uptake value without the time of injection",
            field="RadiopharmaceuticalStartDateTime",
            remedy="correct the header, or state it (--injected-at)",
        )
    elapsed = clock.elapsed_s(scan.injected_at, moment)
    if elapsed < 0.0:
        raise TimingError(
            "the scan lies before the injection",
            field="RadiopharmaceuticalStartDateTime",
            value=f"{-elapsed / MINUTE_S:.1f} min earlier",
            remedy="check the clocks of scanner and dose calibrator, and the date of injection",
        )
    if scan.half_life_s is not None and elapsed > LONGEST_IN_HALF_LIVES * scan.half_life_s:
        raise TimingError(
            "the scan lies implausibly long after the injection",
            field="RadiopharmaceuticalStartDateTime",
            value=f"{elapsed / HOUR_S:.1f} h, {elapsed / scan.half_life_s:.0f} half-lives",
            expected=f"at most {LONGEST_IN_HALF_LIVES:g} half-lives",
            remedy="check the date of injection and the clocks, or state it (--injected-at)",
        )
    return elapsed


def standardised_uptake(scan: PetScan, *, measure: SuvMeasure = SuvMeasure.BODY_WEIGHT) -> SuvImage:
    """Turn a PET into standardised uptake values.

    150 - 5 MBq of Ga-68, 75 kg, 60 min, 12.0 kBq/ml decay-corrected to the start is SUV 11.47; corrected to
    the injection 6.207 (project check case PET1).

    Parameters
    ----------
    scan : PetScan
        In Bq/ml, or in another uptake measure, which is rescaled by the ratio of body sizes.
    measure : SuvMeasure
        Normalisation.

    Returns
    -------
    SuvImage

    Raises
    ------
    QuantityError
        If weight, height, sex, activity or half-life is needed and unknown.
    TimingError
        If the time of injection is needed and unknown or impossible.
    """
    if scan.measure is measure:
        return SuvImage(
            values=scan.values,
            grid=scan.grid,
            measure=measure,
            tracer=scan.tracer,
            notes=(*scan.notes, "uptake values as the scanner wrote them; injection and weight were not used"),
        )
    size = normalisation(measure, scan.body)
    if scan.measure is not None:
        ratio = size / normalisation(scan.measure, scan.body)
        return SuvImage(
            values=scan.values * np.float32(ratio),
            grid=scan.grid,
            measure=measure,
            tracer=scan.tracer,
            parameters=(("rescaled_from_scanner_suv", ratio),),
            notes=(*scan.notes, f"rescaled from the scanner's {scan.measure.label}"),
        )
    activity = activity_at_reference_bq(scan)
    scale = size / activity
    return SuvImage(
        values=(scan.values * scale[:, None, None]).astype(np.float32),
        grid=scan.grid,
        measure=measure,
        tracer=scan.tracer,
        parameters=(
            ("normalisation_cm2" if measure is SuvMeasure.BODY_SURFACE else "normalisation_g", size),
            ("activity_at_reference_MBq", float(activity.mean()) / MBQ),
        ),
        notes=(*scan.notes, *_residual_note(scan)),
    )


def _residual_note(scan: PetScan) -> tuple[str, ...]:
    """QIBA: RadionuclideTotalDose is usually what was in the syringe."""
    if any("residual" in note or "stated" in note for note in scan.notes):
        return ()
    return (
        "the injected activity is the file's; files usually do not subtract what stayed in the syringe, which "
        "would make every uptake value too low",
    )
