"""S values for the command line and for plans: packaged stylised adults, or any labelled phantom by transport."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.io.files import write_text_atomic
from hemadose.io.point_kernels import cache_folder, read_archive, write_archive
from hemadose.io.svalue_files import saf_from_bytes
from hemadose.model import Anatomy, Sex, SValue, SValueTable
from hemadose.model.emissions import Emissions, LineKind
from hemadose.model.saf import Radiation, SpecificAbsorbedFractions
from hemadose.physics.anatomy_transport import LabelledMatter, RegionEnergies, labelled_matter, region_energies
from hemadose.physics.matter.media import Medium
from hemadose.physics.organ_saf import local_alpha_saf
from hemadose.physics.saf import s_values_from_saf
from hemadose.provenance import digest_bytes, digest_parameters
from hemadose.refdata.emissions import emissions
from hemadose.refdata.saf import stylised_saf_file
from hemadose.units import KEV_J
from hemadose.workflow.kernels import (
    GY_PER_BQ_TO_MGY_PER_MBQ,
    beta_key,
    line_key,
    physics_digest,
    recall_transport_tables,
)

PHANTOMS = {"adult-male": Sex.MALE, "adult-female": Sex.FEMALE}

Report = Callable[[str, int, int], None]
"""Told what is being computed, how many batches are done, and how many there are."""


@cache
def stylised_saf(sex: Sex, radiation: Radiation) -> SpecificAbsorbedFractions:
    """Give a packaged table of absorbed fractions."""
    name, data = stylised_saf_file(sex, radiation)
    return saf_from_bytes(data, source=name)


@cache
def stylised_s_values(nuclide: str, sex: Sex, *, chain: bool = False) -> SValueTable:
    """Give S values of any nuclide in a stylised adult.

    Parameters
    ----------
    nuclide : str
        In any common spelling.
    sex : Sex
        Which adult.
    chain : bool
        With short-lived daughters, which are taken to decay where their parent does.

    Raises
    ------
    ReferenceDataError
        If there are no data for the nuclide, or it emits more energy than the tables reach.
    """
    emitted = emissions(nuclide, chain=chain)
    photon, electron = stylised_saf(sex, Radiation.PHOTON), stylised_saf(sex, Radiation.ELECTRON)
    alpha = local_alpha_saf(electron) if emitted.alpha_energy_kev > 0.0 else None
    table = s_values_from_saf(photon, electron, alpha, emissions=emitted, name=f"stylised-adult-{sex.value}")
    return replace(table, notes=tuple(dict.fromkeys((*table.notes, *photon.notes))))


def svalue_rows(
    table: SValueTable, *, sources: Sequence[str] = (), targets: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Give the values of a table in mGy/(MBq s), for some sources and targets or for all.

    Raises
    ------
    InputError
        If a source or target is not in the table.
    """
    known_sources = {v.source for v in table.values}
    known_targets = {v.target for v in table.values}
    for wanted, known, option in ((sources, known_sources, "--source"), (targets, known_targets, "--target")):
        missing = [name for name in wanted if name not in known]
        if missing:
            raise InputError(
                "not in the table", field=option, value=", ".join(missing), expected=", ".join(sorted(known))
            )
    return [
        {
            "source": v.source,
            "target": v.target,
            "s_mGy_per_MBq_s": v.gy_per_bq_s * GY_PER_BQ_TO_MGY_PER_MBQ,
            "electron": v.electron_gy_per_bq_s * GY_PER_BQ_TO_MGY_PER_MBQ,
            "photon": v.photon_gy_per_bq_s * GY_PER_BQ_TO_MGY_PER_MBQ,
            "rel_sd": v.relative_sd,
        }
        for v in table.values
        if (not sources or v.source in sources) and (not targets or v.target in targets)
    ]


def _csv_line(row: dict[str, Any], table: SValueTable) -> str:
    mass = table.target_mass_kg.get(row["target"])
    numbers = [f"{row[key]:.6g}" for key in ("s_mGy_per_MBq_s", "electron", "photon")]
    return ",".join(
        [row["source"], row["target"], *numbers, f"{row['rel_sd']:.3g}", "" if mass is None else f"{1000.0 * mass:.6g}"]
    )


def svalue_answer(
    *,
    nuclide: str,
    table: SValueTable,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    csv: Path | None = None,
) -> dict[str, Any]:
    """Give a table for the command line, and write it as CSV if asked.

    Raises
    ------
    InputError
        If a region is not in the table, or the file is to be compressed.
    """
    rows = svalue_rows(table, sources=sources, targets=targets)
    if csv is not None:
        if csv.suffix == ".gz":
            raise InputError(
                "the values are written as plain text", field="--csv", value=str(csv), remedy="let the name end in .csv"
            )
        heading = "source,target,s_mGy_per_MBq_s,electron,photon,rel_sd,target_mass_g"
        lines = [_csv_line(row, table) for row in rows]
        write_text_atomic(csv, "\n".join([f"# {nuclide}, {table.name}: {table.source_note}", heading, *lines]) + "\n")
    return {
        "nuclide": table.nuclide,
        "phantom": table.name,
        "target_mass_g": {target: mass * 1000.0 for target, mass in table.target_mass_kg.items()},
        "values": rows,
        "method": table.source_note,
        "written": None if csv is None else str(csv),
        "notes": list(table.notes),
    }


def phantom_s_values(
    anatomy: Anatomy,
    emitted: Emissions,
    *,
    media: dict[str, Medium] | None = None,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    decays: int = 1_000_000,
    seed: int = 20261121,
    threads: int | None = None,
    device: str = "cpu",
    report: Report | None = None,
) -> SValueTable:
    """Follow decays in the tissues of any labelled phantom: S of every tissue from every source.

    Every source is kept on disk as soon as it is done, so a run that was stopped goes on where it was.

    Parameters
    ----------
    anatomy : Anatomy
        Labels, media and densities.
    emitted : Emissions
        Of the nuclide.
    media : dict, optional
        Media that are not built in.
    sources : sequence of str, optional
        Tissues that hold activity; all but air if not given.
    targets : sequence of str, optional
        Tissues that will be asked for, checked before the long run; all are computed.
    decays : int
        To follow for electrons and again for photons, for each source.
    seed, threads, device
        As in `transport_voxels`.
    report : callable, optional
        Progress.

    Raises
    ------
    RegionError
        If a source or target is not a tissue of the phantom.
    QuantityError
        If a source has no voxel, or nothing but air is there.
    """
    matter = labelled_matter(anatomy, media=media)
    present = [t.name for t in anatomy.tissues if t.medium != "air" and matter.mass_kg.get(t.name, 0.0) > 0.0]
    matter.masks([*sources, *targets])
    if not present:
        raise QuantityError("the phantom is nothing but air", source=anatomy.name, field="labels")
    empty = [name for name in (*sources, *targets) if not matter.mass_kg.get(name, 0.0) > 0.0]
    if empty:
        raise QuantityError("no voxel of the phantom is this tissue: the source is empty", value=", ".join(empty))
    digest = _phantom_digest(matter)
    values = []
    for source in sources or present:
        kev = {}
        for kind, part in _split(emitted).items():
            found = _stored_energies(
                matter,
                digest,
                source,
                part,
                kind,
                decays=decays,
                seed=seed,
                threads=threads,
                device=device,
                report=report,
            )
            kev[kind] = found
        values += _source_values(source, present, matter, kev)
    return SValueTable(
        name=anatomy.name,
        nuclide=emitted.nuclide,
        values=tuple(values),
        target_mass_kg={t: matter.mass_kg[t] for t in present},
        source_note=(
            f"hemadose Monte Carlo in {anatomy.name}, {decays:.2g} decays a source; emissions: {emitted.source}"
        ),
        notes=(
            *emitted.notes,
            "bones are homogeneous here: dose to red marrow from electrons needs the skeletal model",
        ),
    )


def _split(emitted: Emissions) -> dict[str, Emissions]:
    """Electrons (with alpha particles and positrons) and photons apart; parts without energy are left out."""
    charged = tuple(x for x in emitted.lines if not x.kind.is_photon)
    positrons = any(b.charge > 0 for b in emitted.betas)
    photons = tuple(
        x for x in emitted.lines if x.kind.is_photon and not (positrons and x.kind is LineKind.ANNIHILATION)
    )
    parts = {}
    if charged or emitted.betas:
        parts["electron"] = replace(emitted, lines=charged)
    if photons:
        parts["photon"] = replace(emitted, lines=photons, betas=())
    return parts


def _phantom_digest(matter: LabelledMatter) -> str:
    g = matter.geometry
    data = matter.labels.tobytes() + g.density_g_per_ml.tobytes() + g.medium_index.tobytes()
    return digest_bytes(data + repr((matter.labels.shape, g.voxel_mm, g.media, matter.names)).encode())


def _stored_energies(
    matter: LabelledMatter,
    digest: str,
    source: str,
    part: Emissions,
    kind: str,
    *,
    decays: int,
    seed: int,
    threads: int | None,
    device: str,
    report: Report | None,
) -> RegionEnergies:
    key = {
        "physics": physics_digest(),
        "phantom": digest,
        "source": source,
        "emitted": [part.nuclide, kind, line_key(part), beta_key(part)],
        "decays": decays,
        "seed": seed,
    }
    path = cache_folder() / "region-energies" / f"{digest_parameters(key)[:32]}.npz"
    stored = _read_energies(path)
    if stored is not None:
        return stored

    def told(done: int, total: int) -> None:
        if report is not None:
            report(f"{source} ({kind}s)", done, total)

    recall_transport_tables(matter.geometry.media)
    found = region_energies(
        matter,
        share_by_tissue={source: 1.0},
        emissions=part,
        decays=decays,
        seed=seed + zlib.crc32(f"{source}{kind}".encode()),
        threads=threads,
        progress=told,
        device=device,
    )
    write_archive(
        path,
        {
            "kev": found.kev_per_decay,
            "sd": found.standard_uncertainty,
            "escaped": np.array(found.escaped_kev_per_decay),
            "decays": np.array(found.decays),
        },
    )
    return found


def _read_energies(path: Path) -> RegionEnergies | None:
    stored = read_archive(path, names=("kev", "sd", "escaped", "decays"))
    if stored is None:
        return None
    return RegionEnergies(
        kev_per_decay=stored["kev"],
        standard_uncertainty=stored["sd"],
        escaped_kev_per_decay=float(stored["escaped"]),
        decays=int(stored["decays"]),
    )


def _source_values(
    source: str, targets: Sequence[str], matter: LabelledMatter, kev: dict[str, RegionEnergies]
) -> list[SValue]:
    values = []
    for target in targets:
        i = matter.names.index(target)
        part = {kind: float(found.kev_per_decay[i]) for kind, found in kev.items()}
        spread = sum(float(found.standard_uncertainty[i]) ** 2 for found in kev.values()) ** 0.5
        total = sum(part.values())
        per_kev = KEV_J / matter.mass_kg[target]
        values.append(
            SValue(
                source=source,
                target=target,
                electron_gy_per_bq_s=part.get("electron", 0.0) * per_kev,
                photon_gy_per_bq_s=part.get("photon", 0.0) * per_kev,
                relative_sd=spread / total if total > 0.0 else 0.0,
            )
        )
    return values
