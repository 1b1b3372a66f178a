"""One nuclide in numbers: decay, daughters, energies, lines, spectra, and the dose it leaves where it decays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hemadose.errors import InputError
from hemadose.io.files import write_bytes_atomic
from hemadose.model.emissions import Emissions, LineKind
from hemadose.refdata.emissions import daughters, decay_chain, emissions, time_words
from hemadose.units import GRAM_KG, HOUR_S, KEV_J, MBQ

FIGURE_FORMATS = (".png", ".svg", ".pdf")

_GRAM_GY_PER_MBQ_H = KEV_J * MBQ * HOUR_S / GRAM_KG
"""keV per decay, all absorbed where released, to g Gy/(MBq h)."""


def nuclide_facts(name: str, *, chain: bool = False, min_yield: float = 1e-3) -> dict[str, Any]:
    """Give what is known of a nuclide, in the field's units.

    Parameters
    ----------
    name : str
        The nuclide, in any common spelling.
    chain : bool
        Sum the daughters that live shorter than it.
    min_yield : float
        Weaker lines (per decay of the parent) are left out of the list, not of the sums.

    Returns
    -------
    dict
        ``nuclide, chain, half_life, half_life_h, decays, chain_members, energy_keV, betas, lines, lines_left_out,
        local_deposition_g_Gy_per_MBq_h, source, notes``; lines by the energy they carry, the strongest first.

    Raises
    ------
    ReferenceDataError
        If there are no data for the nuclide.
    InputError
        If the smallest yield is negative.

    Examples
    --------
    >>> round(nuclide_facts("Lu-177")["local_deposition_g_Gy_per_MBq_h"]["electrons"], 6)
    0.08532
    """
    if not min_yield >= 0.0:
        raise InputError("a yield is not negative", field="--min-yield", value=f"{min_yield:g}", expected=">= 0")
    found = emissions(name, chain=chain)
    shares = _shares(found.nuclide, chain=chain)
    lines = _line_rows(shares)
    shown = [row for row in lines if row["yield"] >= min_yield]
    return {
        "nuclide": found.nuclide,
        "chain": chain,
        "half_life": time_words(found.half_life_s),
        "half_life_h": found.half_life_s / HOUR_S,
        "decays": _decay_rows(found.nuclide),
        "chain_members": _member_rows(found.nuclide) if chain else [],
        "energy_keV": _energies(found),
        "betas": _beta_rows(shares),
        "lines": shown,
        "lines_left_out": len(lines) - len(shown),
        "local_deposition_g_Gy_per_MBq_h": {
            "electrons": found.electron_energy_kev * _GRAM_GY_PER_MBQ_H,
            "electrons_and_alpha": (found.electron_energy_kev + found.alpha_energy_kev) * _GRAM_GY_PER_MBQ_H,
        },
        "source": found.source,
        "notes": list(found.notes),
    }


def draw_spectrum(name: str, path: Path, *, chain: bool = False, min_yield: float = 1e-4) -> None:
    """Draw the emissions of a nuclide into a PNG, SVG or PDF file.

    Raises
    ------
    ReferenceDataError
        If there are no data for the nuclide.
    InputError
        If the file's ending is none of these.
    ReportError
        If no emission is strong enough to be drawn.
    """
    if path.suffix.lower() not in FIGURE_FORMATS:
        raise InputError(
            "a figure is written as PNG, SVG or PDF",
            field="--spectrum",
            value=path.name,
            expected=", ".join(FIGURE_FORMATS),
        )
    write_bytes_atomic(path, _drawn(emissions(name, chain=chain), path.suffix.lower(), min_yield))


def _drawn(found: Emissions, suffix: str, min_yield: float) -> bytes:
    from io import BytesIO

    from hemadose.report import style
    from hemadose.report.figures.spectrum import spectrum_figure

    figure = spectrum_figure(found, min_yield=min_yield)
    if suffix == ".svg":
        return style.to_svg(figure)
    buffer = BytesIO()
    undated = {"CreationDate": None} if suffix == ".pdf" else {}
    with style.house_style():
        figure.savefig(buffer, format=suffix[1:], dpi=200, metadata=undated)
    return buffer.getvalue()


def _shares(nuclide: str, *, chain: bool) -> list[tuple[float, Emissions]]:
    """Every nuclide that is summed, by its decays per decay of the parent."""
    members = [m for m in decay_chain(nuclide) if m.is_summed] if chain else []
    return [(1.0, emissions(nuclide)), *((m.decays_per_decay, emissions(m.nuclide)) for m in members)]


def _decay_rows(nuclide: str) -> list[dict[str, Any]]:
    return [
        {
            "mode": branch.mode,
            "fraction": branch.fraction,
            "daughter": "fission fragments" if branch.mode == "SF" else branch.nuclide,
            "half_life": _daughter_life(branch.mode, branch.half_life_s),
        }
        for branch in daughters(nuclide)
    ]


def _daughter_life(mode: str, half_life_s: float | None) -> str | None:
    if half_life_s is None:
        return None if mode == "SF" else "stable"
    return time_words(half_life_s)


def _member_rows(nuclide: str) -> list[dict[str, Any]]:
    return [
        {
            "daughter": member.nuclide,
            "half_life": time_words(member.half_life_s),
            "decays_per_decay": member.decays_per_decay,
            "equilibrium_ratio": member.equilibrium_ratio,
            "summed": member.is_summed,
        }
        for member in decay_chain(nuclide)
    ]


def _energies(found: Emissions) -> dict[str, float]:
    """Mean energy per decay by class, in keV."""
    by_charge = {charge: sum(b.energy_per_decay_kev for b in found.betas if b.charge == charge) for charge in (-1, 1)}
    return {
        "beta_minus": by_charge[-1],
        "beta_plus": by_charge[1],
        "conversion_electrons": found.line_energy_kev(LineKind.CONVERSION),
        "auger_electrons": found.line_energy_kev(LineKind.AUGER),
        "electrons": found.electron_energy_kev,
        "gamma": found.line_energy_kev(LineKind.GAMMA),
        "x_rays": found.line_energy_kev(LineKind.X_RAY),
        "annihilation": found.line_energy_kev(LineKind.ANNIHILATION),
        "photons": found.photon_energy_kev,
        "alpha": found.alpha_energy_kev,
        "total": found.electron_energy_kev + found.photon_energy_kev + found.alpha_energy_kev,
    }


def _beta_rows(shares: list[tuple[float, Emissions]]) -> list[dict[str, Any]]:
    return [
        {
            "nuclide": part.nuclide,
            "particle": "β−" if beta.charge < 0 else "β+",
            "yield": share * beta.yield_per_decay,
            "mean_keV": beta.mean_energy_kev,
            "end_point_keV": float(beta.energy_kev[-1]),
        }
        for share, part in shares
        for beta in part.betas
    ]


def _line_rows(shares: list[tuple[float, Emissions]]) -> list[dict[str, Any]]:
    rows = [
        {
            "nuclide": part.nuclide,
            "kind": line.kind.value,
            "energy_keV": line.energy_kev,
            "yield": share * line.yield_per_decay,
            "keV_per_decay": share * line.yield_per_decay * line.energy_kev,
        }
        for share, part in shares
        for line in part.lines
    ]
    return sorted(rows, key=lambda row: -float(row["keV_per_decay"]))
