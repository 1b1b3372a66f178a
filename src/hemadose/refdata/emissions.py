"""What every nuclide of ICRP Publication 107 gives off, alone or with its daughters in equilibrium.

The numbers are read from the installed package `icrp107-database`, decays and daughters from `radioactivedecay` where
that is installed (both hold the ICRP-07 collection); nothing of either is copied. A daughter is summed if it and every
nuclide between it and the parent live shorter than the parent; it then decays `decays_per_decay` times for each decay
of the parent, which is the product of the branching fractions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hemadose.errors import ReferenceDataError
from hemadose.model.emissions import EmissionLine, Emissions, LineKind
from hemadose.refdata.betas import beta_spectra
from hemadose.refdata.nuclides import canonical_name
from hemadose.units import DAY_S, HOUR_S, MINUTE_S

Floats: TypeAlias = npt.NDArray[np.float64]

PACKAGE = "icrp107-database"
YEAR_S = 365.2422 * DAY_S
"""Tropical year, as in `radioactivedecay`."""

_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S, "y": YEAR_S}
_KEV_PER_MEV = 1e3
_KINDS = {
    "gamma": LineKind.GAMMA,
    "X": LineKind.X_RAY,
    "annihilation": LineKind.ANNIHILATION,
    "IE": LineKind.CONVERSION,
    "auger": LineKind.AUGER,
    "alpha": LineKind.ALPHA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Daughter:
    """What one decay branch leads to; the half-life is None for a stable nuclide and for fission."""

    nuclide: str
    mode: str
    fraction: float
    half_life_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainMember:
    """A radioactive descendant of a parent.

    Attributes
    ----------
    nuclide : str
        Name.
    half_life_s : float
        Physical half-life.
    decays_per_decay : float
        Its decays for each decay of the parent: branching fractions multiplied along the path.
    equilibrium_ratio : float or None
        Activity over that of the parent in equilibrium (Bateman): as above, times lambda_i / (lambda_i - lambda_parent)
        for every nuclide on the path. None if it lives longer than the parent and so is not summed.
    """

    nuclide: str
    half_life_s: float
    decays_per_decay: float
    equilibrium_ratio: float | None

    @property
    def is_summed(self) -> bool:
        """Whether it lives shorter than the parent."""
        return self.equilibrium_ratio is not None

    def plus(self, other: ChainMember) -> ChainMember:
        """Join two paths to the same nuclide."""
        ratios = (self.equilibrium_ratio, other.equilibrium_ratio)
        return replace(
            self,
            decays_per_decay=self.decays_per_decay + other.decays_per_decay,
            equilibrium_ratio=None if None in ratios else sum(r for r in ratios if r is not None),
        )


@cache
def emission_names() -> tuple[str, ...]:
    """Names of all nuclides with emission data, sorted."""
    entries = _folder().iterdir()
    return tuple(sorted(entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json")))


def emissions(name: str, *, chain: bool = False) -> Emissions:
    """Give what a decay of a nuclide gives off.

    Parameters
    ----------
    name : str
        The nuclide, in any common spelling.
    chain : bool
        Add the daughters that live shorter than the parent, by `decay_chain`.

    Returns
    -------
    Emissions
        Energies in keV, yields per decay of the parent. Beta spectra are cubic splines through the tabulated points on
        `STEPS` equal steps, with the tabulated yield and mean energy.

    Raises
    ------
    ReferenceDataError
        If there are no data for it, listing near spellings.

    References
    ----------
    ICRP Publication 107, Ann. ICRP 38 (3), 2008.

    Examples
    --------
    >>> one = emissions("177Lu")
    >>> round(one.electron_energy_kev, 1), round(one.photon_energy_kev, 1)
    (147.9, 35.1)
    >>> emissions("I-131").notes
    ('daughters not included: Xe-131m (1.176 %, 11.84 d)',)
    """
    return _emissions(_key(name), chain)


def decays_known() -> bool:
    """Whether the package that knows decays and daughters is installed."""
    return find_spec("radioactivedecay") is not None


@cache
def daughters(name: str) -> tuple[Daughter, ...]:
    """Give the branches of a decay.

    Raises
    ------
    ReferenceDataError
        If the package that knows the decays is not installed.

    Examples
    --------
    >>> [(d.nuclide, d.mode, d.fraction) for d in daughters("Bi-212")]
    [('Po-212', 'β-', 0.6406), ('Tl-208', 'α', 0.3594)]
    """
    key = _key(name)
    if not decays_known():
        raise ReferenceDataError(
            f"the daughters of {key} are not known", remedy="pip install 'hemadose[chains]' (radioactivedecay)"
        )
    found = import_module("radioactivedecay").Nuclide(key)
    rows = zip(found.progeny(), found.decay_modes(), found.branching_fractions(), strict=True)
    known = set(emission_names())
    return tuple(
        Daughter(nuclide=to, mode=mode, fraction=float(share), half_life_s=_half_life_s(to) if to in known else None)
        for to, mode, share in rows
    )


@lru_cache(maxsize=64)
def decay_chain(name: str) -> tuple[ChainMember, ...]:
    """Give the radioactive descendants of a nuclide; a path ends at a nuclide that lives longer than the parent.

    >>> [(m.nuclide, round(m.decays_per_decay, 4), round(m.equilibrium_ratio, 4)) for m in decay_chain("Mo-99")[:1]]
    [('Tc-99m', 0.8773, 0.9654)]
    """
    parent = _key(name)
    parent_s = _half_life_s(parent)
    found: dict[str, ChainMember] = {}
    for step in _paths(parent, parent_s, 1.0, 1.0):
        before = found.get(step.nuclide)
        found[step.nuclide] = step if before is None else before.plus(step)
    return tuple(found.values())


def _paths(name: str, parent_s: float, decays: float, ratio: float) -> Iterator[ChainMember]:
    for branch in daughters(name):
        life = branch.half_life_s
        if life is None:
            continue
        reached = decays * branch.fraction
        grown = ratio * branch.fraction * parent_s / (parent_s - life) if life < parent_s else None
        yield ChainMember(nuclide=branch.nuclide, half_life_s=life, decays_per_decay=reached, equilibrium_ratio=grown)
        if grown is not None:
            yield from _paths(branch.nuclide, parent_s, reached, grown)


def time_words(seconds: float) -> str:
    """Write a half-life in the unit that suits it.

    >>> time_words(574300.8), time_words(6.7e12), time_words(3e-7)
    ('6.647 d', '2.123e+05 y', '3e-07 s')
    """
    limits = ((YEAR_S, "y"), (DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min"))
    unit_s, unit = next(((s, u) for s, u in limits if seconds >= 2.0 * s), (1.0, "s"))
    return f"{seconds / unit_s:.4g} {unit}"


def _folder() -> Any:
    try:
        return files("icrp107_database").joinpath("icrp107")
    except ModuleNotFoundError as problem:
        raise ReferenceDataError("no emission data are installed", remedy=f"pip install {PACKAGE}") from problem


def _key(name: str) -> str:
    known = emission_names()
    by_letters = {_letters(one): one for one in known}
    text = canonical_name(name)
    found = text if text in known else by_letters.get(_letters(text))
    if found is None:
        near = get_close_matches(text, known, n=6, cutoff=0.5)
        same = [one for one in known if one.split("-")[0].lower() == text.split("-")[0].lower()]
        raise ReferenceDataError(
            f"no emission data for the nuclide {name!r}",
            source="ICRP Publication 107",
            expected=", ".join(near or same[:12]) or "element and mass number, e.g. Lu-177",
        )
    return found


def _letters(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


@lru_cache(maxsize=256)
def _record(key: str) -> Mapping[str, Any]:
    text = _folder().joinpath(f"{key}.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(json.loads(text))
    return record


def _half_life_s(key: str) -> float:
    record = _record(key)
    return float(record["half_life"]) * _UNIT_S[record["time_unit"]]


def _table(key: str, *kinds: str) -> Floats:
    """Rows (n, 2) of some kinds of emission: mean energy in keV, yield per decay."""
    rows = [row for kind in kinds for row in _record(key)["emissions"][kind]]
    return np.array(rows, dtype=np.float64).reshape(-1, 2) * (_KEV_PER_MEV, 1.0)


@lru_cache(maxsize=128)
def _emissions(key: str, chain: bool) -> Emissions:
    members = [m for m in decay_chain(key) if m.is_summed] if chain else []
    parts = [(1.0, key)] + [(m.decays_per_decay, m.nuclide) for m in members]
    lines = [line for share, part in parts for line in _lines(part, share)]
    betas = [beta for share, part in parts for beta in beta_spectra(part, share, _table)]
    notes = [note for _, part in parts for note in _part_notes(part)]
    return Emissions(
        nuclide=key,
        half_life_s=_half_life_s(key),
        lines=tuple(lines),
        betas=tuple(betas),
        source=f"ICRP Publication 107 (2008), by {PACKAGE} {version(PACKAGE)}",
        notes=(*(_chain_notes(key) if chain else _daughter_notes(key)), *_recoil_notes(parts), *notes),
    )


def _lines(key: str, share: float) -> list[EmissionLine]:
    return [
        EmissionLine(kind=kind, energy_kev=float(energy), yield_per_decay=share * float(number))
        for column, kind in _KINDS.items()
        for energy, number in _table(key, column)
    ]


def _named(nuclide: str, fraction: float, half_life_s: float) -> str:
    return f"{nuclide} ({100.0 * fraction:.4g} %, {time_words(half_life_s)})"


def _daughter_notes(key: str) -> list[str]:
    if not decays_known():
        return ["whether daughters are radioactive was not looked up: install hemadose[chains]"]
    alive = [_named(d.nuclide, d.fraction, d.half_life_s) for d in daughters(key) if d.half_life_s is not None]
    return [f"daughters not included: {', '.join(alive)}"] if alive else []


def _chain_notes(key: str) -> list[str]:
    members = decay_chain(key)
    summed = [f"{m.nuclide} {m.decays_per_decay:.4g}" for m in members if m.is_summed]
    longer = [_named(m.nuclide, m.decays_per_decay, m.half_life_s) for m in members if not m.is_summed]
    apart = [
        f"{m.nuclide} {m.equilibrium_ratio:.4g}"
        for m in members
        if m.equilibrium_ratio is not None and m.equilibrium_ratio > 1.01 * m.decays_per_decay
    ]
    notes = (
        (summed, f"daughters summed, decays per decay of {key}"),
        (apart, f"in transient equilibrium their activity over that of {key} is larger than the decays summed"),
        (longer, f"daughters left out, which live longer than {key}"),
    )
    return [f"{text}: {', '.join(found)}" for found, text in notes if found]


def _recoil_notes(parts: Sequence[tuple[float, str]]) -> list[str]:
    energy = sum(share * float(_table(key, "alpha recoil").prod(axis=1).sum()) for share, key in parts)
    return [f"recoil nuclei of alpha decay left out, {energy:.4g} keV per decay"] if energy > 0.0 else []


def _part_notes(key: str) -> list[str]:
    """What is special about the tables of one nuclide."""
    fragments, neutrons, spectrum = (_table(key, kind) for kind in ("fission", "neutron", "b-spectra"))
    notes = []
    if len(fragments):
        notes.append(
            f"{key}: spontaneous fission in {50.0 * fragments[:, 1].sum():.3g} % of decays, its photons and electrons "
            f"included, fragments ({fragments.prod(axis=1).sum():.4g} keV per decay) and neutrons "
            f"({neutrons[:, 1].sum():.3g} per decay) left out"
        )
    if len(_table(key, "beta-")) and len(_table(key, "beta+")):
        notes.append(f"{key}: one tabulated beta spectrum divided into electrons and positrons by allowed shapes")
    if len(spectrum) and spectrum[-1, 1] > 0.0:
        notes.append(f"{key}: beta spectrum tabulated to {spectrum[-1, 0]:.4g} keV only, not to its end point")
    return notes
