"""Red marrow of a study: from images of one site or several, from blood, or both, as case and agent allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time

from hemadose.dose import SourceCurve, require_image_based, source_from_fits
from hemadose.dose.marrow_events import marrow_event
from hemadose.dose.marrow_sites import combine_sites
from hemadose.dose.sources import difference
from hemadose.errors import CaseError
from hemadose.io.case import Case
from hemadose.model import Course, CourseEvent, FittedCurve, Prescription, StudyDoses
from hemadose.model.marrow import MarrowEvent, MarrowSite, SiteEstimate
from hemadose.refdata.agents import Agent, MarrowMethod
from hemadose.refdata.marrow_sites import marrow_site, marrow_site_names
from hemadose.units import DAY_S, HOUR_S, MINUTE_S
from hemadose.workflow.blood import BloodMarrow
from hemadose.workflow.study import case_agent

LUMBAR, MARROW_BLOOD = "lumbar_l2_l4", "marrow_blood"
_TITLES = {LUMBAR: "L2-L4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarrowSources:
    """Activity of the red marrow, and what it rests on.

    Attributes
    ----------
    method : str
        ``"image"``, ``"blood"``, ``"combined"`` or ``"none"``.
    sources : tuple of SourceCurve
        ``red_marrow``, and ``marrow_blood`` where blood was told apart.
    label : str
        For the dose table.
    estimates : tuple of SiteEstimate
        By site.
    notes : tuple of str
        Doubts.
    """

    method: str
    sources: tuple[SourceCurve, ...]
    label: str
    estimates: tuple[SiteEstimate, ...] = ()
    notes: tuple[str, ...] = ()


def site_regions(case: Case) -> tuple[str, ...]:
    """Names of regions that are marrow sites and no organs."""
    return tuple(dict.fromkeys((*marrow_site_names(), *case.marrow.site_fractions, *case.marrow.sites)))


def case_site(case: Case, name: str) -> MarrowSite:
    """Give the share of red marrow in a site: the case's, or the packaged one.

    Raises
    ------
    ReferenceDataError
        If neither is known.
    """
    m = case.marrow
    if name == LUMBAR:
        packaged = marrow_site(name)
        same = packaged.fraction == m.l2_l4_fraction
        return replace(
            packaged,
            fraction=m.l2_l4_fraction,
            relative_sd=m.l2_l4_fraction_relative_sd,
            source=packaged.source if same else "given in the case",
            evidence=packaged.evidence if same else "given",
        )
    given = m.site_fractions.get(name)
    if given is None:
        return marrow_site(name)
    return MarrowSite(
        name=name,
        title=name.replace("_", " "),
        fraction=given.fraction,
        relative_sd=given.relative_sd,
        source=given.source,
        evidence="given",
    )


def marrow_sources(case: Case, by_name: Mapping[str, FittedCurve], blood: BloodMarrow | None) -> MarrowSources:
    """Find the activity of the red marrow by the method the case names.

    Raises
    ------
    CaseError
        If a site that the case names was not measured, or the method lacks its measurement.
    PlanningError
        If an agent that binds in the marrow has no image-based marrow.
    """
    agent, wanted = case_agent(case), case.marrow.method
    if wanted == "blood":
        agent.require_marrow_method("blood")
    used, unused = _sites(case, by_name)
    method = wanted or _usual(agent, bool(used), blood is not None)
    if method in ("image", "combined") and not used:
        _refuse_without_image(agent, case, method)
    require_image_based(
        agent=agent.id, marrow_targeting=agent.marrow_targeting, has_image=bool(used) and method != "blood"
    )
    notes = [f"{', '.join(unused)}: drawn, but not used for the marrow dose"] if unused else []
    if method == "none":
        notes.append("no marrow site was measured and no blood: the red-marrow dose is not known, which is not zero")
        return MarrowSources(method=method, sources=(), label="", notes=tuple(notes))
    if method == "blood":
        assert blood is not None
        notes.append(f"the marrow dose rests on blood alone: {blood.rule}")
        return MarrowSources(method=method, sources=(blood.content,), label="marrow-blood", notes=tuple(notes))
    return _from_images(case, by_name, used, method, blood, notes)


def _usual(agent: Agent, has_image: bool, has_blood: bool) -> str:
    """Images where there are any; blood where there are none and the agent does not bind in the marrow."""
    if has_image:
        return "image"
    return "blood" if has_blood and agent.marrow_method is MarrowMethod.IMAGE_OR_BLOOD else "none"


def _refuse_without_image(agent: Agent, case: Case, method: str) -> None:
    require_image_based(agent=agent.id, marrow_targeting=agent.marrow_targeting, has_image=False)
    raise CaseError(
        f"marrow.method {method} needs a marrow site on the images",
        field="marrow.sites",
        expected=", ".join(site_regions(case)),
    )


def _sites(case: Case, by_name: Mapping[str, FittedCurve]) -> tuple[list[str], list[str]]:
    """Sites that stand for the marrow, and drawn ones that do not."""
    drawn = [name for name in by_name if name in site_regions(case)]
    if case.marrow.sites:
        missing = [name for name in case.marrow.sites if name not in by_name]
        if missing:
            raise CaseError(
                "a marrow site that the case names was not measured",
                field="marrow.sites",
                value=", ".join(missing),
                expected=", ".join(drawn) or "a region drawn on SPECT or planar images",
            )
        used = list(case.marrow.sites)
    else:
        used = [LUMBAR] if LUMBAR in drawn else drawn
    return used, [name for name in drawn if name not in used]


def _from_images(
    case: Case,
    by_name: Mapping[str, FittedCurve],
    used: list[str],
    method: str,
    blood: BloodMarrow | None,
    notes: list[str],
) -> MarrowSources:
    sites = [case_site(case, name) for name in used]
    found = combine_sites(
        [source_from_fits(name, [by_name[name]]) for name in used], sites=sites, seed=case.kinetics.seed
    )
    words = ", ".join(_TITLES.get(s.name, s.title) for s in sites)
    notes += [f"share of red marrow in {s.title}: {s.fraction:g}, {s.evidence}" for s in sites if s.evidence != "given"]
    if method == "image" or blood is None:
        return MarrowSources(
            method="image",
            sources=(found.source,),
            label=f"marrow-image ({words})",
            estimates=found.estimates,
            notes=tuple(notes),
        )
    content = SourceCurve(name=MARROW_BLOOD, curve=blood.content.curve, ensemble=blood.content.ensemble)
    rest = difference(
        found.source,
        [content],
        name="red_marrow",
        none_note="blood holds more than the images show in the marrow: its specific uptake was set to nothing",
    )
    share = content.tia_bq_s / found.source.tia_bq_s
    notes.append(
        f"blood makes {min(share, 1.0):.0%} of the marrow's activity ({blood.rule}); the rest is specific uptake"
    )
    specific = replace(rest, notes=(*found.source.notes, *rest.notes))
    return MarrowSources(
        method=method,
        sources=(specific, content),
        label=f"marrow-combined ({words}; blood told apart)",
        estimates=found.estimates,
        notes=tuple(notes),
    )


def marrow_events(
    case: Case, doses: StudyDoses, *, prescription: Prescription | None, course: Course | None, administered_bq: float
) -> tuple[MarrowEvent, ...]:
    """Split the marrow dose at infusion of stem cells, start of TBI, and the events of the case, in order of time."""
    residual = doses.marrow_residual
    if residual is None:
        return ()
    activity = administered_bq if prescription is None else prescription.activity_bq
    moments = [(e.name, e.after_h * HOUR_S) for e in case.marrow.events]
    if prescription is not None and prescription.interval_to_infusion_s is not None:
        moments.append(("infusion of stem cells", prescription.interval_to_infusion_s))
    start = None if course is None else _start_of_tbi_s(course)
    if start is not None:
        moments.append(("start of TBI", start))
    return tuple(
        marrow_event(residual, name=name, at_s=at_s, activity_bq=activity)
        for name, at_s in sorted(moments, key=lambda m: m[1])
    )


def _start_of_tbi_s(course: Course) -> float | None:
    """Time from administration to the first fraction, as the calendar has it."""
    given = next((e for e in course.events if e.kind == "ert"), None)
    fractions = [e for e in course.events if e.kind == "tbi"]
    if given is None or not fractions:
        return None
    first = min(fractions, key=_moment_s)
    elapsed = _moment_s(first) - _moment_s(given)
    return elapsed if elapsed >= 0.0 else None


def _moment_s(event: CourseEvent) -> float:
    at = event.at or time(0, 0)
    return event.day * DAY_S + at.hour * HOUR_S + at.minute * MINUTE_S
