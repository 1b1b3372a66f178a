"""The specific absorbed fractions of ICRP Publication 133, as its electronic supplement holds them.

A file (``rcp-am_photon_2016-08-12.SAF`` and alike) has three lines of text, a line with the numbers of targets and
sources and the energies in MeV, a rule, and then a line for each pair: target (10 characters), ``<-``, source (10),
one fraction in 1/kg for each energy (10 characters each), and the lowest energy that is not zero with its index.
The supplement is for the user to obtain; nothing of it is packaged.

References
----------
Bolch W E et al. ICRP Publication 133. Ann ICRP 45(2) (2016), electronic supplement.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hemadose.errors import InputError
from hemadose.model.patient import Sex
from hemadose.model.saf import Floats, Pair, Radiation, SpecificAbsorbedFractions

NAMES: Mapping[str, str] = {
    "R-marrow": "red_marrow",
    "Y-marrow": "yellow_marrow",
    "T-marrow": "trabecular_marrow",
    "C-marrow": "cortical_marrow",
    "Endost-BS": "endosteum",
    "T-bone-S": "trabecular_bone_surface",
    "T-bone-V": "trabecular_bone",
    "C-bone-S": "cortical_bone_surface",
    "C-bone-V": "cortical_bone",
    "UB-wall": "urinary_bladder_wall",
    "UB-cont": "urinary_bladder_contents",
    "GB-wall": "gallbladder_wall",
    "GB-cont": "gallbladder_contents",
    "Ht-wall": "heart_wall",
    "S-glands": "salivary_glands",
    "P-gland": "pituitary_gland",
    "Eye-lens": "eye_lens",
    "Breast": "breasts",
}
"""Acronyms that get another name here; the rest is written small, with ``_`` for ``-``."""

_NAME_WIDTH = 10
_VALUE_WIDTH = 10
_HEADER_LINES = 5
_HEAVIEST_KG = 200.0


def read_icrp133_saf(
    path: Path,
    *,
    target_mass_kg: Mapping[str, float] | None = None,
    radiation: Radiation | None = None,
    rename: Mapping[str, str] | None = None,
) -> SpecificAbsorbedFractions:
    """Read a photon, electron or alpha file.

    Parameters
    ----------
    path : Path
        The ``.SAF`` file.
    target_mass_kg : Mapping, optional
        Masses of the targets, see `read_icrp133_target_masses`.
    radiation : Radiation, optional
        Taken from the name of the file or its first lines if not given.
    rename : Mapping, optional
        Acronym to name, beside `NAMES`.

    Returns
    -------
    SpecificAbsorbedFractions
        A column at zero energy, where a logarithm has no place, is left out.

    Raises
    ------
    InputError
        If the layout is another (naming line and text), or neutrons are asked for.
    """
    lines = _lines(path)
    kind = radiation or _radiation(path, lines)
    targets, sources, energies_mev = _header(path, lines)
    rows = [(number, line) for number, line in enumerate(lines, start=1) if number > _HEADER_LINES and line.strip()]
    if len(rows) != targets * sources:
        raise InputError(
            "the number of pairs is not that of the header",
            source=str(path),
            value=str(len(rows)),
            expected=f"{targets} targets x {sources} sources = {targets * sources}",
            remedy="get the file again: it is cut short or was edited",
        )
    keep = energies_mev > 0.0
    names = {**NAMES, **(rename or {})}
    table: dict[Pair, Floats] = {}
    for number, line in rows:
        pair, values = _record(path, number, line, names, size=energies_mev.size)
        if pair in table:
            raise InputError(f"line {number} repeats {pair[1]} <- {pair[0]}", source=str(path))
        table[pair] = values[keep]
    return SpecificAbsorbedFractions(
        radiation=kind,
        energies_kev=energies_mev[keep] * 1e3,
        saf_per_kg=table,
        target_mass_kg=target_mass_kg or {},
        source_note=f"ICRP Publication 133, {path.name}",
    )


def read_icrp133_target_masses(path: Path, *, sex: Sex, rename: Mapping[str, str] | None = None) -> dict[str, float]:
    """Read the masses of the targets in kg from ``torgans_2016-08-12.NDX``.

    Rows hold acronym, mass in the male and mass in the female after four lines of heading, of which the
    third begins with the number of targets. Masses are taken as grams if the heaviest is above 200, else as kg.
    A target that a sex does not have (mass 0) is left out.

    Raises
    ------
    InputError
        If the layout is another.
    """
    lines = _lines(path)
    try:
        count = int(lines[2].split()[0])
        rows = [line.split() for line in lines[4 : 4 + count]]
        masses = {row[0]: float(row[1 if sex is Sex.MALE else 2]) for row in rows}
    except (IndexError, ValueError) as problem:
        raise InputError(
            "not an index of target masses",
            source=str(path),
            value=str(problem),
            expected="four lines of heading, the third with the number of targets; then acronym, male, female",
        ) from problem
    if len(masses) != count:
        raise InputError(
            "targets are missing or repeated", source=str(path), value=str(len(masses)), expected=str(count)
        )
    scale = 1e-3 if max(masses.values()) > _HEAVIEST_KG else 1.0
    names = {**NAMES, **(rename or {})}
    return {_named(acronym, names): mass * scale for acronym, mass in masses.items() if mass > 0.0}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="latin-1").splitlines()
    except FileNotFoundError as problem:
        raise InputError(
            "file not found", source=str(path), remedy="get the supplement of ICRP Publication 133 from its publisher"
        ) from problem


def _radiation(path: Path, lines: list[str]) -> Radiation:
    for text in (path.name.lower(), " ".join(lines[:3]).lower()):
        if "neutron" in text:
            raise InputError(
                "neutron absorbed fractions are not supported",
                source=str(path),
                expected=", ".join(Radiation),
            )
        found = [kind for kind in Radiation if kind.value in text]
        if len(found) == 1:
            return found[0]
    raise InputError("cannot tell the radiation of the file", source=str(path), remedy="pass radiation")


def _header(path: Path, lines: list[str]) -> tuple[int, int, Floats]:
    """Number of targets, of sources, and energies in MeV."""
    words = lines[3].split() if len(lines) > _HEADER_LINES else []
    try:
        targets, sources = int(words[0]), int(words[1])
    except (IndexError, ValueError) as problem:
        raise InputError(
            "line 4 must begin with the numbers of targets and sources",
            source=str(path),
            value=" ".join(words[:4]),
            expected="for example 43 79 and the energies in MeV",
        ) from problem
    energies: list[float] = []
    for word in words[2:]:
        try:
            energies.append(float(word))
        except ValueError:
            if energies:  # the heading of the last columns
                break
    found = np.asarray(energies)
    if found.size < 2 or not (np.all(np.diff(found) > 0.0) and found[0] >= 0.0):
        raise InputError("line 4 must hold rising energies in MeV", source=str(path), value=str(energies[:4]))
    return targets, sources, found


def _record(path: Path, number: int, line: str, names: Mapping[str, str], *, size: int) -> tuple[Pair, Floats]:
    target, arrow, rest = line.partition("<-")
    source, fields = rest[:_NAME_WIDTH].strip(), rest[_NAME_WIDTH:]
    texts = [fields[i * _VALUE_WIDTH : (i + 1) * _VALUE_WIDTH] for i in range(size)]
    try:
        values = np.asarray([float(text) for text in texts])
    except ValueError as problem:
        raise InputError(
            f"line {number} does not hold {size} absorbed fractions", source=str(path), value=str(problem)
        ) from problem
    if not (arrow and target.strip() and source):
        raise InputError(
            f"line {number} names no pair", source=str(path), value=line[:30], expected="UB-wall   <-UB-cont   "
        )
    if not (np.isfinite(values).all() and (values >= 0.0).all()):
        raise InputError(f"line {number} holds a negative or infinite absorbed fraction", source=str(path))
    return (_named(source, names), _named(target.strip(), names)), values


def _named(acronym: str, names: Mapping[str, str]) -> str:
    return names.get(acronym, acronym.lower().replace("-", "_"))
