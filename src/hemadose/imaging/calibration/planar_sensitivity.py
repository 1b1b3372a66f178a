"""Planar sensitivity: a known source in air gives counts per second and becquerel of each head.

References
----------
MIRD Pamphlet 16 (Siegel J. et al., J Nucl Med 1999;40:37S): system sensitivity in air for conjugate views.
NEMA NU 1: planar sensitivity with a thin source in a Petri dish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, expm1, hypot, log, sqrt

from hemadose.errors import CaseError, QuantityError
from hemadose.imaging.calibration.known_source import (
    CalibrationFactor,
    KnownSource,
    UncertaintyTerm,
    combined_relative_sd,
    mean_decay_factor,
)
from hemadose.imaging.camera.deadtime import DeadTime
from hemadose.model._checks import require_aware, require_non_negative, require_positive
from hemadose.provenance import Provenance

_OVERDISPERSED = 2.0
_HEADS_APART_SD = 3.0
_LOSS_NOTE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingRun:
    """One planar acquisition of a source by one head.

    Attributes
    ----------
    counts : float
        In the photopeak.
    duration_s : float
        Acquisition time.
    started_at : datetime
        Aware.
    head : str
        Name of the detector.
    scatter_counts, scatter_variance : float
        Estimate of the scatter in the photopeak (`tew_scatter`), and its variance.
    background_counts, background_duration_s : float
        Without the source, the same pixels.
    """

    counts: float
    duration_s: float
    started_at: datetime
    head: str = "1"
    scatter_counts: float = 0.0
    scatter_variance: float = 0.0
    background_counts: float = 0.0
    background_duration_s: float = 0.0

    def __post_init__(self) -> None:
        """Check counts and times."""
        require_positive("counting run", duration_s=self.duration_s)
        require_non_negative(
            "counting run",
            counts=self.counts,
            scatter_counts=self.scatter_counts,
            scatter_variance=self.scatter_variance,
            background_counts=self.background_counts,
            background_duration_s=self.background_duration_s,
        )
        require_aware("counting run", started_at=self.started_at)
        if self.background_counts > 0.0 and self.background_duration_s == 0.0:
            raise QuantityError("background counts need their acquisition time", field="background_duration_s")

    @property
    def background_per_s(self) -> float:
        """Count rate without the source."""
        return self.background_counts / self.background_duration_s if self.background_duration_s else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarSensitivity:
    """Sensitivity of a planar camera in air.

    Attributes
    ----------
    mean : CalibrationFactor
        Geometric mean over the heads: what conjugate views need.
    heads : tuple of (str, CalibrationFactor)
        Each head.
    """

    mean: CalibrationFactor
    heads: tuple[tuple[str, CalibrationFactor], ...]


def planar_sensitivity(
    runs: Sequence[CountingRun],
    source: KnownSource,
    *,
    dead_time: DeadTime | None = None,
    transmission: float = 1.0,
    transmission_relative_sd: float = 0.0,
    method: str = "planar source in air",
) -> PlanarSensitivity:
    """Measure counts per second and becquerel of each head from a source in air.

    Parameters
    ----------
    runs : sequence of CountingRun
        One or more per head.
    source : KnownSource
        Point, Petri dish or syringe.
    dead_time : DeadTime, optional
        Corrects the photopeak count rate of each run; None takes it as free of losses.
    transmission : float
        Share of the photons towards the camera that leaves source, wall and holder (`slab_transmission`).
    transmission_relative_sd : float
        Its relative standard uncertainty.
    method : str
        How the source was made.

    Returns
    -------
    PlanarSensitivity

    Raises
    ------
    QuantityError
        If a run shows nothing above background and scatter, or the transmission is not a share.
    """
    if not runs:
        raise CaseError("a sensitivity needs at least one counting run", field="run")
    if not 0.0 < transmission <= 1.0:
        raise QuantityError("the transmission is a share", field="transmission", value=f"{transmission:g}")
    names = list(dict.fromkeys(run.head for run in runs))
    heads = []
    for name in names:
        own = [run for run in runs if run.head == name]
        found = [_sensitivity(run, source, dead_time, transmission) for run in own]
        value, term, notes = _repeated([f for f, _ in found], [sd for _, sd in found], name=f"counting, head {name}")
        budget = (term, *source.terms(own[0].started_at), *_transmission_term(transmission_relative_sd))
        heads.append(
            (
                name,
                CalibrationFactor(
                    counts_per_s_per_bq=value,
                    budget=budget,
                    method=method,
                    nuclide=source.nuclide.name,
                    notes=(*notes, *_loss_notes(own, dead_time)),
                ),
            )
        )
    return PlanarSensitivity(mean=_mean_of_heads(heads, method), heads=tuple(heads))


def _sensitivity(
    run: CountingRun, source: KnownSource, dead_time: DeadTime | None, transmission: float
) -> tuple[float, float]:
    """Factor of one run and its relative standard uncertainty from counting."""
    lost = 1.0
    if dead_time is not None:
        observed = run.counts / run.duration_s
        lost = dead_time.true_per_s(observed) / observed if observed > 0.0 else 1.0
    net = lost * (run.counts - run.scatter_counts) / run.duration_s - run.background_per_s
    if net <= 0.0:
        raise QuantityError(
            "a run shows no counts above scatter and background",
            field="counts",
            value=f"{run.counts:g} in {run.duration_s:g} s, head {run.head}",
        )
    variance = lost**2 * (run.counts + run.scatter_variance) / run.duration_s**2
    if run.background_duration_s:
        variance += run.background_counts / run.background_duration_s**2
    mean = source.activity_bq(run.started_at) * mean_decay_factor(source.nuclide, duration_s=run.duration_s)
    return net / (mean * transmission), sqrt(variance) / net


def _repeated(
    values: Sequence[float], relative_sds: Sequence[float], *, name: str
) -> tuple[float, UncertaintyTerm, tuple[str, ...]]:
    """Weighted mean; its uncertainty is that of counting, or of the scatter between runs if that is larger."""
    weights = [1.0 / (v * r) ** 2 if r > 0.0 else 1.0 / v**2 for v, r in zip(values, relative_sds, strict=True)]
    total = sum(weights)
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    inner = 1.0 / sqrt(total) / mean if all(r > 0.0 for r in relative_sds) else 0.0
    if len(values) < 2:
        return mean, UncertaintyTerm(name=name, kind="A", relative_sd=inner), ()
    ratio = sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True)) / (len(values) - 1)
    outer = sqrt(max(ratio, 1.0)) * inner
    notes: tuple[str, ...] = ()
    if ratio > _OVERDISPERSED:
        notes = (f"{name}: runs scatter {sqrt(ratio):.1f} times as much as counting explains",)
    return mean, UncertaintyTerm(name=name, kind="A", relative_sd=outer), notes


def _transmission_term(relative_sd: float) -> tuple[UncertaintyTerm, ...]:
    if relative_sd == 0.0:
        return ()
    return (UncertaintyTerm(name="transmission of source and holder", kind="B", relative_sd=relative_sd),)


def _loss_notes(runs: Sequence[CountingRun], dead_time: DeadTime | None) -> tuple[str, ...]:
    if dead_time is None:
        return ("count losses by dead time were not corrected",)
    worst = max(run.counts / run.duration_s for run in runs)
    loss = 1.0 - worst / dead_time.true_per_s(worst) if worst > 0.0 else 0.0
    if loss > _LOSS_NOTE:
        return (f"{100.0 * loss:.1f} % of the counts were lost to dead time; use a weaker source",)
    return ()


def _mean_of_heads(heads: Sequence[tuple[str, CalibrationFactor]], method: str) -> CalibrationFactor:
    """Geometric mean; counting terms average down, shared ones do not."""
    count = len(heads)
    value = 1.0
    for _, factor in heads:
        value *= factor.counts_per_s_per_bq ** (1.0 / count)
    own = [factor.budget[0] for _, factor in heads]
    shared = heads[0][1].budget[1:]
    notes = tuple(dict.fromkeys(note for _, factor in heads for note in factor.notes))
    for i, (first, a) in enumerate(heads):
        for second, b in heads[i + 1 :]:
            apart = abs(log(a.counts_per_s_per_bq / b.counts_per_s_per_bq))
            if apart > _HEADS_APART_SD * hypot(a.budget[0].relative_sd, b.budget[0].relative_sd):
                notes = (
                    *notes,
                    f"heads {first} and {second} differ by {100 * apart:.1f} %, more than counting explains",
                )
    return CalibrationFactor(
        counts_per_s_per_bq=value,
        budget=(
            UncertaintyTerm(name="counting", kind="A", relative_sd=combined_relative_sd(own) / count),
            *shared,
        ),
        method=method,
        nuclide=heads[0][1].nuclide,
        notes=notes,
        provenance=Provenance(
            step="imaging.planar_sensitivity", parameters={"heads": ", ".join(name for name, _ in heads)}
        ),
    )


def slab_transmission(*, attenuation_per_mm: float, source_mm: float, wall_mm: float = 0.0) -> float:
    """Share of photons that leaves a flat uniform source towards the camera.

    (1 - exp(-mu d)) / (mu d) for the filling, times exp(-mu w) for a wall of the same attenuation.

    >>> round(slab_transmission(attenuation_per_mm=0.01357, source_mm=3.0), 5)
    0.97992
    """
    require_non_negative("source", attenuation_per_mm=attenuation_per_mm, source_mm=source_mm, wall_mm=wall_mm)
    x = attenuation_per_mm * source_mm
    inside = 1.0 if x == 0.0 else -expm1(-x) / x
    return inside * exp(-attenuation_per_mm * wall_mm)
