"""Curves into organ and marrow doses, as a case asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hemadose.dose import SourceCurve, marrow_from_lumbar, organ_doses, remainder, require_image_based, source_from_fits
from hemadose.errors import CaseError
from hemadose.io.case import Case
from hemadose.model import Administration, FittedCurve, StudyDoses
from hemadose.units import GRAM_KG
from hemadose.workflow.blood import BloodMarrow, blood_marrow
from hemadose.workflow.patient_table import marrow_model, patient_table
from hemadose.workflow.quantify import Quantified
from hemadose.workflow.study import case_agent


def dose_study(
    case: Case,
    quantified: Quantified,
    fits: tuple[FittedCurve, ...],
    administration: Administration,
    folder: Path,
) -> tuple[StudyDoses, BloodMarrow | None]:
    """Turn curves into doses, the marrow image-based and the blood model beside it."""
    by_name = {f.region: f for f in fits}
    require_image_based(
        agent=case.administration.agent,
        marrow_targeting=case_agent(case).marrow_targeting,
        has_image="lumbar_l2_l4" in by_name,
    )
    sources, masses = _sources(case, quantified, by_name)
    marrow = marrow_model(case, administration)
    table = patient_table(case, administration, masses, marrow)
    notes: tuple[str, ...] = ()
    if "whole_body" in by_name:
        sources.append(remainder(source_from_fits("whole_body", [by_name["whole_body"]]), sources))
    else:
        notes = ("no whole-body activity was measured: cross-dose from the rest of the body is left out",)
    doses = organ_doses(
        sources,
        administered_activity_bq=administration.administered_activity_bq,
        s_values=table,
        mass_relative_sd={
            **dict.fromkeys(masses, case.dose.mass_relative_sd),
            "red_marrow": case.marrow.mass_relative_sd,
        },
        s_value_relative_sd=case.dose.s_value_relative_sd,
        methods={"red_marrow": "marrow-image (L2-L4)"},
        notes=notes,
        seed=case.kinetics.seed,
    )
    return doses, blood_marrow(case, folder, administration, marrow)


def _sources(
    case: Case, quantified: Quantified, by_name: Mapping[str, FittedCurve]
) -> tuple[list[SourceCurve], dict[str, float]]:
    """Source curves with joint draws, and target masses."""
    mass = {s.region: s.mass_kg for s in quantified.series}
    parts = {"kidneys": [n for n in ("kidney_left", "kidney_right", "kidneys") if n in by_name]}
    for name in by_name:
        if name not in ("kidney_left", "kidney_right", "kidneys", "whole_body", "lumbar_l2_l4"):
            parts[name] = [name]
    sources, masses = [], {}
    for organ, names in parts.items():
        if not names:
            continue
        sources.append(source_from_fits(organ, [by_name[n] for n in names]))
        given = case.dose.organ_masses_g.get(organ)
        found = [mass.get(n) for n in names]
        if given is None and any(m is None for m in found):
            raise CaseError(
                f"no mass is known for {organ}",
                field=f"dose.organ_masses_g.{organ}",
                remedy="give its mass, or volumes drawn on SPECT/CT",
            )
        masses[organ] = given * GRAM_KG if given is not None else float(sum(m for m in found if m is not None))
    if "lumbar_l2_l4" in by_name:
        normal = np.random.default_rng([case.kinetics.seed, 5]).standard_normal(case.kinetics.draws)
        sources.append(
            marrow_from_lumbar(
                source_from_fits("lumbar_l2_l4", [by_name["lumbar_l2_l4"]]),
                fraction=case.marrow.l2_l4_fraction,
                fraction_relative_sd=case.marrow.l2_l4_fraction_relative_sd,
                normal=normal,
            )
        )
    return sources, masses
