"""From a tracer with one nuclide to a therapy with another: the same molecule, so the same biological kinetics.

Each term of a curve has an effective rate k = k_biological + lambda. The measured decay constant is taken out and that
of the wanted nuclide put in, term by term, for the best curve and for every draw. A term slower than decay would mean
that the organ makes activity: its biological rate is taken as zero, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve, FittedCurve, Nuclide
from hemadose.model._checks import require_positive
from hemadose.provenance import Provenance
from hemadose.units import DAY_S, HOUR_S, LN2

Floats = npt.NDArray[np.float64]

_NEAR_DECAY = 1e-6
"""A rate this close (relative) to the decay constant is decay alone."""

_STILL_RISING = 0.05
"""Relative rise of the decay-corrected activity, per time since injection, that counts as rising."""

AGREEMENT = 0.15
"""Relative difference up to which a computed dose ratio counts as agreeing with a published one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedCurve:
    """A curve with the decay of another nuclide, for the same activity injected.

    Attributes
    ----------
    region : str
        Region.
    curve : ExponentialCurve
        Best curve of the wanted nuclide.
    ensemble : CurveEnsemble
        Its uncertainty, draw by draw that of the measured curve.
    biological_rates_per_s : ndarray, shape (terms,)
        Never negative.
    tia_ratio, tia_ratio_sd : float
        Time-integrated activity, wanted over measured, and its standard uncertainty.
    notes : tuple of str
        Doubts.
    """

    region: str
    curve: ExponentialCurve
    ensemble: CurveEnsemble
    biological_rates_per_s: Floats
    tia_ratio: float
    tia_ratio_sd: float
    notes: tuple[str, ...] = ()


def biological_rates_per_s(rates_per_s: npt.ArrayLike, nuclide: Nuclide) -> Floats:
    """Take the decay of a nuclide out of effective rates; nothing becomes negative.

    Parameters
    ----------
    rates_per_s : array_like
        Effective, any shape.
    nuclide : Nuclide
        That was measured.

    Returns
    -------
    ndarray
        Same shape.
    """
    decay = nuclide.decay_constant_per_s
    left = np.asarray(rates_per_s, dtype=np.float64) - decay
    return np.where(left <= _NEAR_DECAY * decay, 0.0, left)


def translate_curve(
    region: str,
    curve: ExponentialCurve,
    ensemble: CurveEnsemble,
    *,
    measured: Nuclide,
    wanted: Nuclide,
    last_sample_s: float | None = None,
) -> TranslatedCurve:
    """Give a curve the decay of another nuclide.

    Parameters
    ----------
    region : str
        Region.
    curve, ensemble : ExponentialCurve, CurveEnsemble
        With the decay of the measured nuclide.
    measured, wanted : Nuclide
        Nuclides.
    last_sample_s : float, optional
        Of the measurement: what the wanted nuclide does later is extrapolated.

    Returns
    -------
    TranslatedCurve

    Raises
    ------
    QuantityError
        If nothing is left to integrate.

    Examples
    --------
    Kidneys of 177Lu-pentixather, T_eff 41 h (Haenscheid 2022), to 90Y:

    >>> lu = Nuclide(name="Lu-177", half_life_s=159.528 * 3600, electron_energy_kev=147.9, photon_energy_kev=35)
    >>> y = Nuclide(name="Y-90", half_life_s=64.1 * 3600, electron_energy_kev=933.1, photon_energy_kev=0)
    >>> rate = np.log(2) / (41 * 3600)
    >>> found = translate_curve("kidneys", ExponentialCurve(amplitudes_bq=[1.0], rates_per_s=[rate]),
    ...     CurveEnsemble(amplitudes_bq=[[1.0]], rates_per_s=[[rate]]), measured=lu, wanted=y)
    >>> round(found.curve.effective_half_life_s / 3600, 2), round(found.tia_ratio, 4)
    (29.65, 0.7233)
    """
    biological = biological_rates_per_s(curve.rates_per_s, measured)
    put_in = wanted.decay_constant_per_s
    new = ExponentialCurve(amplitudes_bq=curve.amplitudes_bq, rates_per_s=biological + put_in)
    draws = CurveEnsemble(
        amplitudes_bq=ensemble.amplitudes_bq,
        rates_per_s=biological_rates_per_s(ensemble.rates_per_s, measured) + put_in,
    )
    before, after = curve.integral_bq_s(), new.integral_bq_s()
    if not (before > 0.0 and after > 0.0):
        raise QuantityError(
            f"the curve of {region} has no positive integral: it cannot be translated",
            value=f"{before:.3g} and {after:.3g} Bq s",
            remedy="fit it again with another model",
        )
    ratios = draws.integral_bq_s() / ensemble.integral_bq_s()
    return TranslatedCurve(
        region=region,
        curve=new,
        ensemble=draws,
        biological_rates_per_s=biological,
        tia_ratio=after / before,
        tia_ratio_sd=float(np.std(ratios, ddof=1)) if ratios.size > 1 else 0.0,
        notes=_notes(region, curve, new, biological, measured, wanted, last_sample_s),
    )


def translate_fit(
    fit: FittedCurve, *, measured: Nuclide, wanted: Nuclide, last_sample_s: float | None = None
) -> tuple[FittedCurve, TranslatedCurve]:
    """Translate a fitted curve; the candidates that were tried stay with the measured one.

    Raises
    ------
    QuantityError
        If nothing is left to integrate.
    """
    found = translate_curve(
        fit.region, fit.curve, fit.ensemble, measured=measured, wanted=wanted, last_sample_s=last_sample_s
    )
    integrals = found.ensemble.integral_bq_s()
    tia = found.curve.integral_bq_s()
    later = found.curve.integral_bq_s(from_s=last_sample_s) / tia if last_sample_s is not None else 0.0
    return (
        FittedCurve(
            region=fit.region,
            model=f"{fit.model}, {measured.name} to {wanted.name}",
            curve=found.curve,
            ensemble=found.ensemble,
            tia_bq_s=tia,
            tia_sd_bq_s=float(np.std(integrals, ddof=1)) if integrals.size > 1 else 0.0,
            effective_half_life_s=found.curve.effective_half_life_s,
            extrapolated_fraction=later,
            reduced_chi_square=fit.reduced_chi_square,
            candidates=(),
            notes=found.notes,
            provenance=Provenance(
                step="therapy.translation", parameters={"measured": measured.name, "wanted": wanted.name}
            ),
        ),
        found,
    )


def _notes(
    region: str,
    curve: ExponentialCurve,
    new: ExponentialCurve,
    biological: Floats,
    measured: Nuclide,
    wanted: Nuclide,
    last_sample_s: float | None,
) -> tuple[str, ...]:
    decay = measured.decay_constant_per_s
    notes = [
        f"{region}: a component with an effective half-life of {LN2 / rate / HOUR_S:.4g} h is slower than the decay of "
        f"{measured.name} ({measured.half_life_s / HOUR_S:.4g} h): taken as decay alone"
        for rate in curve.rates_per_s[curve.rates_per_s < decay * (1.0 - _NEAR_DECAY)]
    ]
    if last_sample_s is None:
        return tuple(notes)
    require_positive("translation", last_sample_s=last_sample_s)
    left = curve.amplitudes_bq * np.exp(-biological * last_sample_s)
    if -float(np.sum(biological * left)) * last_sample_s > _STILL_RISING * float(np.sum(left)):
        notes.append(f"{region}: decay-corrected activity still rises at the last sample; what follows is not measured")
    share = curve.integral_bq_s(from_s=last_sample_s) / curve.integral_bq_s()
    later = new.integral_bq_s(from_s=last_sample_s) / new.integral_bq_s()
    if later > max(share, 0.2):
        notes.append(
            f"{region}: {later:.0%} of the decays of {wanted.name} come after the last sample "
            f"({last_sample_s / DAY_S:.1f} d), against {share:.0%} of {measured.name}: extrapolated"
        )
    return tuple(notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioCheck:
    """Dose ratio that translated medians give, against the published one of the same pair of agents.

    Attributes
    ----------
    computed, published : float
        Dose per activity, wanted over measured nuclide.
    deviation : float
        Relative.
    agrees : bool
        Within the tolerance.
    text : str
        Said in the report.
    """

    computed: float
    published: float
    deviation: float
    agrees: bool
    text: str


def check_ratio(
    target: str, *, computed: float, published: float, lowest: float | None = None, tolerance: float = AGREEMENT
) -> RatioCheck:
    """Hold a computed dose ratio against a published one.

    Parameters
    ----------
    target : str
        Organ.
    computed, published : float
        Ratios.
    lowest : float, optional
        Ratio of an organ that takes up at once and never clears: no single half-life gives less.
    tolerance : float
        Relative difference that still counts as agreement.

    Examples
    --------
    >>> check_ratio("liver", computed=2.86, published=2.27).agrees
    False
    """
    require_positive("dose ratio", computed=computed, published=published)
    deviation = computed / published - 1.0
    agrees = abs(deviation) <= tolerance
    organ = target.replace("_", " ")
    head = (
        f"{organ}: dose ratio of the published medians {computed:.2f} by translation, {published:.2f} as printed "
        f"({deviation:+.0%})"
    )
    tail = ""
    if not agrees:
        tail = "; translation does not reproduce the published doses of this organ: do not rely on it here"
        if lowest is not None and published < lowest:
            tail += f" (an organ that never clears has {lowest:.2f}: no half-life gives the printed ratio)"
    return RatioCheck(computed=computed, published=published, deviation=deviation, agrees=agrees, text=head + tail)
