"""Curves of source regions: added, scaled and subtracted with their ensembles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemadose.errors import QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve, FittedCurve

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCurve:
    """Activity of one source region over time, with joint draws.

    Attributes
    ----------
    name : str
        Source region: ``kidneys``, ``liver``, ``red_marrow``, ``whole_body``, ``remainder`` ...
    curve : ExponentialCurve
        Best estimate.
    ensemble : CurveEnsemble
        Draws, joint with those of the other sources of the study.
    notes : tuple of str
        Doubts.
    """

    name: str
    curve: ExponentialCurve
    ensemble: CurveEnsemble
    notes: tuple[str, ...] = ()

    @property
    def tia_bq_s(self) -> float:
        """Best time-integrated activity."""
        return self.curve.integral_bq_s()


def source_from_fits(name: str, fits: Sequence[FittedCurve]) -> SourceCurve:
    """Add the curves of the parts of a source (left and right kidney).

    Raises
    ------
    QuantityError
        If there is no part, or their ensembles differ in size.
    """
    if not fits:
        raise QuantityError(f"no curve for {name}")
    return SourceCurve(
        name=name,
        curve=_join([f.curve for f in fits], np.ones(len(fits))),
        ensemble=_join_draws([f.ensemble for f in fits], np.ones(len(fits))),
    )


def scaled(
    source: SourceCurve, factor: float, *, name: str, relative_sd: float = 0.0, normal: Floats | None = None
) -> SourceCurve:
    """Multiply a curve by a factor with a log-normal uncertainty.

    Raises
    ------
    QuantityError
        If an uncertainty is stated without a standard-normal number for each draw.
    """
    draws = np.ones(source.ensemble.draws)
    if relative_sd > 0.0:
        if normal is None or normal.size < draws.size:
            raise QuantityError(f"the uncertainty of {name} needs {draws.size} standard-normal draws")
        draws = np.exp(np.sqrt(np.log1p(relative_sd**2)) * normal[: draws.size])
    return SourceCurve(
        name=name,
        curve=ExponentialCurve(amplitudes_bq=factor * source.curve.amplitudes_bq, rates_per_s=source.curve.rates_per_s),
        ensemble=CurveEnsemble(
            amplitudes_bq=factor * draws[:, None] * source.ensemble.amplitudes_bq,
            rates_per_s=source.ensemble.rates_per_s,
        ),
        notes=source.notes,
    )


def remainder(whole_body: SourceCurve, organs: Sequence[SourceCurve]) -> SourceCurve:
    """Whole body less the organs; a negative integral is set to none, with a note."""
    return difference(
        whole_body,
        organs,
        name="remainder",
        none_note="the organs hold more than the whole body: the remainder of the body was set to nothing",
    )


def difference(whole: SourceCurve, parts: Sequence[SourceCurve], *, name: str, none_note: str) -> SourceCurve:
    """What is left of a source without its parts.

    Parameters
    ----------
    whole : SourceCurve
        With joint draws.
    parts : sequence of SourceCurve
        Taken off.
    name : str
        Of the result.
    none_note : str
        Said where the parts hold more than the whole: the result is then nothing.

    Returns
    -------
    SourceCurve
        Its curve may fall below zero late, its integral does not.
    """
    signs = np.array([1.0] + [-1.0] * len(parts))
    everything = [whole, *parts]
    rest = SourceCurve(
        name=name,
        curve=_join([p.curve for p in everything], signs),
        ensemble=_join_draws([p.ensemble for p in everything], signs),
    )
    if rest.tia_bq_s >= 0.0:
        return rest
    none = scaled(rest, 0.0, name=name)
    return SourceCurve(name=none.name, curve=none.curve, ensemble=none.ensemble, notes=(none_note,))


def _join(curves: Sequence[ExponentialCurve], signs: Floats) -> ExponentialCurve:
    return ExponentialCurve(
        amplitudes_bq=np.concatenate([s * c.amplitudes_bq for s, c in zip(signs, curves, strict=True)]),
        rates_per_s=np.concatenate([c.rates_per_s for c in curves]),
    )


def _join_draws(ensembles: Sequence[CurveEnsemble], signs: Floats) -> CurveEnsemble:
    if len({e.draws for e in ensembles}) != 1:
        raise QuantityError("the ensembles of a study must have equally many draws")
    return CurveEnsemble(
        amplitudes_bq=np.concatenate([s * e.amplitudes_bq for s, e in zip(signs, ensembles, strict=True)], axis=1),
        rates_per_s=np.concatenate([e.rates_per_s for e in ensembles], axis=1),
    )
