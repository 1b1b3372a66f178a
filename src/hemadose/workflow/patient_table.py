"""S values and red marrow of one patient, by the methods and the convention that the case names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hemadose.dose.conventions import Convention
from hemadose.errors import CaseError, ReferenceDataError
from hemadose.io.case import Case
from hemadose.model import Administration, SValue, SValueTable
from hemadose.physics.patient_svalues import scaled_s_values
from hemadose.physics.svalues import MarrowModel, patient_s_values, remainder_s_value
from hemadose.refdata.conventions import convention
from hemadose.units import GRAM_KG, KEV_J
from hemadose.workflow.study import case_patient
from hemadose.workflow.svalues import stylised_s_values

RED_MARROW, REMAINDER, TOTAL_BODY = "red_marrow", "remainder", "total_body"


def case_convention(case: Case) -> Convention:
    """Give the convention of a case, with the choice of masses that the case makes."""
    named = convention(case.dose.convention)
    return replace(named, masses=case.dose.masses) if case.dose.masses in ("patient", "reference") else named


def reference_table(case: Case, administration: Administration, folder: Path) -> SValueTable:
    """Give the table that a patient's S values are made from: the user's, or the stylised adult of the patient's sex.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    nuclide = administration.nuclide.name
    if case.dose.s_value_file is None:
        return stylised_s_values(nuclide, case_patient(case).sex)
    from hemadose.io.svalue_files import read_s_values
    from hemadose.io.svalue_tables import read_s_value_table
    from hemadose.refdata.emissions import emissions

    path, unit = folder / case.dose.s_value_file, case.dose.s_value_unit
    if path.name.endswith(".csv.gz"):
        table = read_s_values(path)
        masses = _stated_masses(case, table)
        return _with_total_body(replace(table, target_mass_kg={**table.target_mass_kg, **masses}))
    masses = _stated_masses(case, read_s_value_table(path, nuclide=nuclide, unit=unit))
    return _with_total_body(
        read_s_value_table(path, nuclide=nuclide, unit=unit, target_mass_kg=masses, emissions=emissions(nuclide))
    )


def _stated_masses(case: Case, table: SValueTable) -> dict[str, float]:
    """Masses that the case adds to a table; one that the table states otherwise is refused."""
    found = {name: grams * GRAM_KG for name, grams in case.dose.s_value_masses_g.items()}
    for name, mass in found.items():
        own = table.target_mass_kg.get(name, mass)
        if abs(own - mass) > 0.005 * own:
            raise CaseError(
                f"the table refers {name} to another mass",
                field=f"dose.s_value_masses_g.{name}",
                value=f"{mass / GRAM_KG:g} g",
                expected=f"{own / GRAM_KG:g} g, as the file states",
                remedy="masses of the patient belong to dose.organ_masses_g",
            )
    return found


def _with_total_body(table: SValueTable) -> SValueTable:
    """Call the whole body as the patient's table expects it."""

    def named(region: str) -> str:
        return TOTAL_BODY if region == "whole_body" else region

    return replace(
        table,
        values=tuple(replace(v, source=named(v.source), target=named(v.target)) for v in table.values),
        target_mass_kg={named(target): mass for target, mass in table.target_mass_kg.items()},
    )


def patient_table(
    case: Case,
    administration: Administration,
    masses: Mapping[str, float],
    marrow: MarrowModel,
    *,
    body_mass_kg: float,
    folder: Path,
) -> SValueTable:
    """S values by the method the case names.

    Parameters
    ----------
    case, administration
        The study.
    masses : Mapping
        Region to the mass its self-dose refers to; of a table that is taken as it stands, ignored but for its names.
    marrow : MarrowModel
        Mass and absorbed fraction.
    body_mass_kg : float
        Whole body that the remainder refers to.
    folder : Path
        Where the case file lies.

    Raises
    ------
    CaseError
        If a table of the user lacks a mass that scaling needs.
    """
    nuclide = administration.nuclide
    if case.dose.s_values == "local-electrons":
        return patient_s_values(nuclide=nuclide, organ_masses_kg=masses, body_mass_kg=body_mass_kg, marrow=marrow)
    reference = reference_table(case, administration, folder)
    if case.dose.masses == "table":
        return table_as_it_stands(reference, regions=tuple(masses))
    _require_masses(reference, masses, case)
    if case.dose.s_value_file is not None:
        reference = _with_split_body(reference, tuple(masses), administration, marrow)
    return scaled_s_values(reference, nuclide=nuclide, organ_masses_kg=masses, body_mass_kg=body_mass_kg, marrow=marrow)


def _require_masses(table: SValueTable, masses: Mapping[str, float], case: Case) -> None:
    """An organ that a user's table has without its mass would silently count as a piece of the body."""
    if case.dose.s_value_file is None:
        return
    sources = {v.source for v in table.values}
    without = [n for n in (*masses, RED_MARROW, TOTAL_BODY) if n in sources and n not in table.target_mass_kg]
    absent = [n for n in (RED_MARROW, TOTAL_BODY) if n not in sources]
    if without or absent:
        raise CaseError(
            "the table of S values lacks what scaling to the patient needs",
            field="dose.s_value_file",
            value=", ".join([*(f"mass of {n}" for n in without), *(f"source {n}" for n in absent)]),
            remedy='add a column target_mass_g, or take the table as it stands: dose.masses = "table"',
        )


def _with_split_body(
    table: SValueTable, regions: tuple[str, ...], administration: Administration, marrow: MarrowModel
) -> SValueTable:
    """Give the whole body as source the electrons that its organs give themselves, where a table holds sums only.

    The remainder is the whole body less its organs, for electrons and photons apart. A sum that counts as photons
    wholly would keep the electrons of the organs in it.
    """
    masses = table.target_mass_kg
    known = [n for n in dict.fromkeys((*regions, RED_MARROW)) if n in masses]
    energy_j = administration.nuclide.electron_energy_kev * KEV_J

    def electrons(source: str, target: str) -> float:
        own = table.get(source=source, target=target).electron_gy_per_bq_s
        return max(own, energy_j * marrow.absorbed_fraction / masses[source]) if source == target == RED_MARROW else own

    def split(value: SValue) -> SValue:
        if value.source != TOTAL_BODY or value.target not in known or value.electron_gy_per_bq_s > 0.0:
            return value
        held = sum(electrons(n, value.target) * masses[n] for n in known) / masses[TOTAL_BODY]
        electron = min(value.gy_per_bq_s, held)
        return replace(value, electron_gy_per_bq_s=electron, photon_gy_per_bq_s=value.gy_per_bq_s - electron)

    return replace(table, values=tuple(split(v) for v in table.values))


def table_as_it_stands(table: SValueTable, *, regions: tuple[str, ...]) -> SValueTable:
    """Take S values without scaling; the remainder is the table's own, or its whole body without the regions.

    Raises
    ------
    ReferenceDataError
        If the table lacks a pair or a mass.
    """
    names = tuple(dict.fromkeys((*regions, RED_MARROW)))
    missing = [n for n in names if n not in table.target_mass_kg]
    if missing:
        raise ReferenceDataError(
            f"no mass is known of {', '.join(missing)}", source=table.name, remedy="add a column target_mass_g"
        )
    values = [table.get(source=source, target=target) for target in names for source in names]
    values += [_own_remainder(table, target, names) for target in names]
    return SValueTable(
        name=f"{table.name}/as-it-stands",
        nuclide=table.nuclide,
        values=tuple(values),
        target_mass_kg={n: table.target_mass_kg[n] for n in names},
        source_note=f"{table.source_note}; taken as it stands, not scaled to the patient",
        notes=table.notes,
    )


def _own_remainder(table: SValueTable, target: str, names: tuple[str, ...]) -> SValue:
    if table.has(source=REMAINDER, target=target):
        return table.get(source=REMAINDER, target=target)
    whole = table.get(source=TOTAL_BODY, target=target)
    if TOTAL_BODY not in table.target_mass_kg:
        raise ReferenceDataError("the remainder needs the mass of the whole body", source=table.name)
    masses = table.target_mass_kg
    left = remainder_s_value(
        total_body_gy_per_bq_s=whole.gy_per_bq_s,
        total_body_kg=masses[TOTAL_BODY],
        sources={n: (table.get(source=n, target=target).gy_per_bq_s, masses[n]) for n in names},
    )
    return SValue(
        source=REMAINDER,
        target=target,
        electron_gy_per_bq_s=0.0,
        photon_gy_per_bq_s=max(left, 0.0),  # a sum: nothing is scaled by its parts
        relative_sd=whole.relative_sd,
    )
