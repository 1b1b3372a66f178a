"""Organs known by an effective half-life each, from one nuclide to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemadose.errors import InputError, QuantityError
from hemadose.model import CurveEnsemble, ExponentialCurve, Nuclide, Sex
from hemadose.model.agent import Agent
from hemadose.refdata.agents import agents, find_agent
from hemadose.refdata.nuclides import canonical_name, nuclide, nuclide_names
from hemadose.therapy.activity.translation import AGREEMENT, RatioCheck, check_ratio, translate_curve
from hemadose.units import GBQ, GRAM_KG, HOUR_S, LN2
from hemadose.workflow.svalues import stylised_s_values

_DRAWS, _SEED = 2000, 20250101


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A nuclide, and the agent it is the label of where one was named."""

    nuclide: Nuclide
    agent: Agent | None

    @property
    def name(self) -> str:
        """Agent if named, else nuclide."""
        return self.nuclide.name if self.agent is None else self.agent.title


def label_of(text: str, *, own: Sequence[Agent] = ()) -> Label:
    """Read the name of a nuclide or of an agent.

    Raises
    ------
    InputError
        If it is neither.
    """
    if any(a.id == text for a in (*own, *agents())):
        found = find_agent(text, own)
        return Label(nuclide=nuclide(found.nuclide), agent=found)
    if canonical_name(text) in nuclide_names():
        return Label(nuclide=nuclide(text), agent=None)
    raise InputError(
        "neither a nuclide nor an agent",
        value=text,
        expected=", ".join((*nuclide_names(), *(a.id for a in (*own, *agents())))),
    )


def sex_of(text: str) -> Sex:
    """Read which stylised adult is meant.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return Sex(text.lower())
    except ValueError as problem:
        raise InputError("unknown value", field="sex", value=text, expected="male, female") from problem


def translate_numbers(
    *,
    measured: Label,
    wanted: Label,
    half_lives_h: Mapping[str, float],
    half_life_sds_h: Mapping[str, float] | None = None,
    doses_gy_per_gbq: Mapping[str, float] | None = None,
    uptakes_percent: Mapping[str, float] | None = None,
    masses_g: Mapping[str, float] | None = None,
    sex: Sex = Sex.MALE,
) -> dict[str, Any]:
    """Translate organs known by an effective half-life each.

    Parameters
    ----------
    measured, wanted : Label
        Nuclides, or agents: with agents, published half-lives and doses stand in for those not given, and the
        published dose ratio is held against the computed one.
    half_lives_h, half_life_sds_h : Mapping
        Effective half-life of the measured nuclide by organ, and its standard uncertainty.
    doses_gy_per_gbq : Mapping, optional
        Measured dose coefficients; the dose ratio turns them into those of the wanted nuclide.
    uptakes_percent : Mapping, optional
        Share of the injected activity, back-extrapolated to injection: self-dose from uptake and half-life.
    masses_g : Mapping, optional
        Organ masses of the patient; those of the stylised adult if not given.
    sex : Sex
        Which stylised adult.

    Returns
    -------
    dict
        ``{"from", "to", "organs": [{"organ", "biological_half_life_h", "effective_half_life_h" ...}], "notes"}``

    Raises
    ------
    HemadoseError
        For an unknown organ, a half-life beyond the decay of the measured nuclide, two different molecules, or nothing
        to translate.
    """
    half_lives = {**(dict(measured.agent.half_lives_h) if measured.agent and not half_lives_h else {}), **half_lives_h}
    if not half_lives:
        raise InputError("no effective half-life is given", field="--half-life", expected="kidneys=41")
    doses = dict(doses_gy_per_gbq or {})
    if measured.agent is not None and not doses and not uptakes_percent:
        doses = {c.target: c.best_gy_per_bq * GBQ for c in measured.agent.coefficients}
    given = (half_life_sds_h, doses_gy_per_gbq, uptakes_percent, masses_g)
    unknown = sorted({organ for values in given for organ in values or ()} - set(half_lives))
    if unknown:
        raise InputError(
            "a number of an organ without half-life", field=", ".join(unknown), expected=", ".join(half_lives)
        )
    rows, notes = [], require_same_molecule(measured, wanted)
    for organ, hours in half_lives.items():
        row, said = _organ_row(
            organ,
            hours,
            (half_life_sds_h or {}).get(organ, 0.0),
            measured,
            wanted,
            doses.get(organ),
            (uptakes_percent or {}).get(organ),
            (masses_g or {}).get(organ),
            sex,
        )
        rows.append(row)
        notes += said
    return {
        "from": measured.name,
        "to": wanted.name,
        "phantom": f"stylised adult {sex.value}",
        "agreement_within": AGREEMENT,
        "organs": rows,
        "notes": [
            *notes,
            "self-dose only: dose from other organs is not in the ratio",
            "one exponential from injection on: a slow uptake shortens what a short-lived nuclide gives",
        ],
    }


def require_same_molecule(measured: Label, wanted: Label) -> list[str]:
    """Refuse two agents that cannot be one molecule with two labels; give a doubt where the files do not tell.

    Raises
    ------
    InputError
        If target or vector differ and neither agent names the other as its surrogate.
    """
    one, two = measured.agent, wanted.agent
    if one is None or two is None or one.id == two.id:
        return []
    if any(s.agent == b.id for a, b in ((one, two), (two, one)) for s in a.surrogates):
        return []
    pairs = ((one.target, two.target), (one.vector, two.vector))
    if not all(a.startswith(b) or b.startswith(a) for a, b in pairs):
        raise InputError(
            "two different molecules: kinetics are not translated between them",
            field="--from, --to",
            value=f"{one.id} ({one.target}, {one.vector}), {two.id} ({two.target}, {two.vector})",
            remedy="name the wanted nuclide instead, if it labels the measured molecule",
        )
    return [f"{one.id} and {two.id}: neither file says that the other has the same kinetics"]


def _organ_row(
    organ: str,
    hours: float,
    sd_h: float,
    measured: Label,
    wanted: Label,
    dose: float | None,
    uptake_percent: float | None,
    mass_g: float | None,
    sex: Sex,
) -> tuple[dict[str, Any], list[str]]:
    if not 0.0 < hours * HOUR_S <= measured.nuclide.half_life_s * 1.000001:
        raise QuantityError(
            f"an effective half-life of {measured.nuclide.name} lies between 0 and its physical one",
            field=organ,
            value=f"{hours:g} h",
            expected=f"<= {measured.nuclide.half_life_s / HOUR_S:.4g} h",
        )
    rates = LN2 / (_half_life_draws(hours, sd_h, measured.nuclide) * HOUR_S)
    found = translate_curve(
        organ,
        ExponentialCurve(amplitudes_bq=np.ones(1), rates_per_s=np.array([LN2 / (hours * HOUR_S)])),
        CurveEnsemble(amplitudes_bq=np.ones((rates.size, 1)), rates_per_s=rates[:, None]),
        measured=measured.nuclide,
        wanted=wanted.nuclide,
    )
    before, mass = _self_s_value(organ, measured.nuclide, sex, mass_g)
    after, _ = _self_s_value(organ, wanted.nuclide, sex, mass_g)
    ratio = found.tia_ratio * after / before
    biological = float(found.biological_rates_per_s[0])
    if uptake_percent is not None and not 0.0 < uptake_percent <= 100.0:
        raise QuantityError(
            "an uptake is a share of the injected activity",
            field=organ,
            value=f"{uptake_percent:g} %",
            expected="<= 100 %",
        )
    residence_s = None if uptake_percent is None else uptake_percent / 100.0 * hours * HOUR_S / LN2
    own = dose if residence_s is None else residence_s * before * GBQ
    check = published_check(organ, measured, wanted)
    row = {
        "organ": organ,
        "mass_g": mass / GRAM_KG,
        "effective_half_life_measured_h": hours,
        "biological_half_life_h": LN2 / biological / HOUR_S if biological > 0.0 else None,
        "effective_half_life_h": found.curve.effective_half_life_s / HOUR_S,
        "residence_time_measured_h": None if residence_s is None else residence_s / HOUR_S,
        "tia_ratio": found.tia_ratio,
        "s_value_ratio": after / before,
        "dose_ratio": ratio,
        "dose_ratio_sd": found.tia_ratio_sd * after / before if sd_h > 0.0 else None,
        "measured_Gy_per_GBq": own,
        "translated_Gy_per_GBq": None if own is None else own * ratio,
        "published_ratio": None if check is None else check.published,
        "agrees_with_published": None if check is None else check.agrees,
    }
    return row, [*found.notes, *([] if check is None else [check.text])]


def _half_life_draws(hours: float, sd_h: float, measured: Nuclide) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Log-normal around the estimate, never beyond decay."""
    if sd_h < 0.0:
        raise QuantityError("an uncertainty is not negative", value=f"{sd_h:g} h")
    if sd_h == 0.0:
        return np.array([hours])
    normal = np.random.default_rng([_SEED, 23]).standard_normal(_DRAWS)
    spread = np.sqrt(np.log1p((sd_h / hours) ** 2))
    return np.asarray(np.minimum(hours * np.exp(spread * normal), measured.half_life_s / HOUR_S))


def _self_s_value(organ: str, of: Nuclide, sex: Sex, mass_g: float | None) -> tuple[float, float]:
    """Self-dose per decay (Gy/(Bq s)) and the mass it holds for: electrons m^-1, photons m^-2/3."""
    table = stylised_s_values(of.name, sex)
    if organ not in table.target_mass_kg or not table.has(source=organ, target=organ):
        raise InputError(
            "the stylised adult has no such organ", value=organ, expected=", ".join(sorted(table.target_mass_kg))
        )
    reference = table.target_mass_kg[organ]
    mass = reference if mass_g is None else mass_g * GRAM_KG
    if not mass > 0.0:
        raise QuantityError(f"mass of {organ} must be positive", value=f"{mass_g} g")
    own = table.get(source=organ, target=organ)
    ratio = reference / mass
    return own.electron_gy_per_bq_s * ratio + own.photon_gy_per_bq_s * ratio ** (2.0 / 3.0), mass


def published_check(organ: str, measured: Label, wanted: Label) -> RatioCheck | None:
    """Translate the published medians of two agents and hold the result against their published dose ratio.

    Tells whether the method works for an organ, whatever the half-life of the patient at hand.

    Parameters
    ----------
    organ : str
        Target.
    measured, wanted : Label
        Both with agents, else there is nothing to hold against.

    Returns
    -------
    RatioCheck or None
        None where a coefficient or a half-life was not published.
    """
    if measured.agent is None or wanted.agent is None or measured.nuclide.name == wanted.nuclide.name:
        return None
    first, second = measured.agent.coefficient(organ), wanted.agent.coefficient(organ)
    hours = dict(measured.agent.half_lives_h).get(organ)
    if first is None or second is None or hours is None:
        return None
    biological_s = measured.nuclide.biological_half_life_s(effective_half_life_s=hours * HOUR_S)
    kinetics = wanted.nuclide.effective_half_life_s(biological_half_life_s=biological_s) / (hours * HOUR_S)
    before, _ = _self_s_value(organ, measured.nuclide, Sex.MALE, None)
    after, _ = _self_s_value(organ, wanted.nuclide, Sex.MALE, None)
    decays = measured.nuclide.decay_constant_per_s / wanted.nuclide.decay_constant_per_s
    return check_ratio(
        organ,
        computed=kinetics * after / before,
        published=second.best_gy_per_bq / first.best_gy_per_bq,
        lowest=decays * after / before if decays < 1.0 else None,
    )
