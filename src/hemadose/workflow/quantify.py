"""From counts to activity: the imaging stage of a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hemadose.imaging import scale_to_spect
from hemadose.imaging.count_losses import CountLosses
from hemadose.imaging.planar import whole_body_series
from hemadose.io.case import Case
from hemadose.model import ActivitySeries, Administration
from hemadose.units import GRAM_KG
from hemadose.workflow.quantify_planar import net_probe, planar_activity, planar_losses
from hemadose.workflow.quantify_spect import spect_activity, spect_losses
from hemadose.workflow.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantified:
    """Activity series by region, with what was done.

    Attributes
    ----------
    series : tuple of ActivitySeries
        Organs, lesions, ``lumbar_l2_l4`` and, where measured, ``whole_body``.
    methods : tuple of str
        Sentences for the report.
    notes : tuple of str
        Doubts.
    """

    series: tuple[ActivitySeries, ...]
    methods: tuple[str, ...]
    notes: tuple[str, ...]


def quantify(case: Case, study: Study, administration: Administration, *, folder: Path | None = None) -> Quantified:
    """Measure all regions by the method the case names.

    Parameters
    ----------
    case, study, administration
        What was read.
    folder : Path, optional
        Where the case file lies; needed for ``calibration.recovery_file`` only.

    Raises
    ------
    CaseError
        If the method needs something the case does not give.
    """
    method = case.quantification.method
    spect = spect_activity(case, study, administration, folder=folder) if method in ("spect", "hybrid") else {}
    planar = planar_activity(case, study, administration) if method in ("planar", "hybrid") else {}
    notes = list(study.notes)
    if method == "hybrid":
        series = {n: scale_to_spect(planar[n], spect[n]) for n in planar if n in spect}
        missing = [n for n in spect if n not in planar and not n.startswith("marrow_sphere")]
        if missing:
            notes.append(f"{', '.join(missing)}: not drawn on planar images, left out")
    else:
        series = spect if method == "spect" else planar
    series = {n: _with_mass(s, case, study) for n, s in series.items() if not n.startswith("marrow_sphere")}
    body = _whole_body(study, administration)
    if body is not None:
        series["whole_body"] = body
    return Quantified(series=tuple(series.values()), methods=_methods(case), notes=tuple(notes))


def _whole_body(study: Study, administration: Administration) -> ActivitySeries | None:
    """Whole-body activity from the probe, at the times of its readings."""
    return whole_body_series(net_probe(study), administration=administration) if len(study.probe) > 1 else None


def _with_mass(series: ActivitySeries, case: Case, study: Study) -> ActivitySeries:
    region = next((r for r in study.regions if r.name == series.region), None)
    given = case.dose.organ_masses_g.get(series.region)
    if given is not None:
        return replace(series, mass_kg=given * GRAM_KG)
    if region is None:
        return series
    mass = region.volume_ml * case.dose.organ_density_g_per_ml * GRAM_KG
    return replace(series, volume_ml=region.volume_ml, mass_kg=mass)


_RECOVERY_WORDS = {
    "geometric_transfer": "corrected for resolution with the geometric transfer matrix of the drawn volumes "
    "(Rousset 1998)",
    "sphere_curve": "corrected with a recovery curve of phantom spheres",
    "ellipsoid": "corrected with the recovery of the ellipsoid of each volume's own axes",
    "reconstruction": "corrected with the recovery of each reconstruction itself, from its derivatives by every count",
    "none": "not corrected for resolution",
}


def _methods(case: Case) -> tuple[str, ...]:
    q = case.quantification
    said = []
    if q.method in ("spect", "hybrid"):
        said.append(f"SPECT activity = counts / (time x calibration factor), {_RECOVERY_WORDS[q.recovery]}.")
        if q.volume_uncertainty == "gear2018":
            said.append(
                "The uncertainty of each drawn volume was carried into its activity with the covariance of counts and "
                "recovery (Gear 2018)."
            )
        said += _loss_words("SPECT", spect_losses(case))
    if q.method in ("planar", "hybrid"):
        said.append(_planar_words(case))
        said += _loss_words("planar images", planar_losses(case))
    if q.method == "hybrid":
        said.append("The planar series gives the shape of each curve, SPECT/CT its scale.")
    if q.overlap == "partner":
        said.append("A kidney that other organs cover on planar images takes its shape from the other kidney.")
    return tuple(said)


def _planar_words(case: Case) -> str:
    q = case.quantification
    if q.planar_method == "template_fit":
        return (
            "Planar images were fitted as the sum of CT-defined organs projected through the CT's attenuation "
            "(He & Frey 2006), after window-based scatter correction."
        )
    through = " with attenuation from a measured transmission," if q.attenuation == "transmission" else ""
    return (
        f"Planar activity by conjugate views (MIRD 16){through} with window-based scatter correction and the "
        "background rules of Braitsch 2025."
    )


def _loss_words(images: str, losses: CountLosses) -> list[str]:
    if not losses.any:
        return []
    m = losses.model
    times = f"{1e6 * m.paralysable_s:g} us paralysable, {1e6 * m.nonparalysable_s:g} us non-paralysable"
    return [f"Count losses of {images} were undone ({m.kind} dead time: {times})."]
