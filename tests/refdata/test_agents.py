"""Packaged agents: the facts of the papers, and what the schema refuses."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from hemadose.errors import PlanningError, ReferenceDataError
from hemadose.model import LimitKind
from hemadose.refdata import AgentRole, Evidence, MarrowMethod, agent, agents, nuclide, read_agent
from hemadose.refdata.agents import agent_from_table, find_agent, read_agents

GBQ = 1e9


def table(name: str = "lu177-pentixather") -> dict[str, Any]:
    text = files("hemadose.refdata").joinpath("data", "agents", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def test_the_agents_of_the_papers_are_there() -> None:
    assert {a.id for a in agents()} >= {
        "lu177-pentixather",
        "y90-pentixather",
        "y90-ibritumomab",
        "i131-tositumomab",
        "i131-apamistamab",
        "re188-anti-cd66",
        "y90-anti-cd66",
        "y90-anti-cd45",
        "i131-lym-1",
        "ga68-pentixafor",
        "f18-fdg",
        "in111-ibritumomab",
        "zr89-ibritumomab",
        "tc99m-anti-cd66",
    }


def test_every_agent_names_sources_and_a_nuclide_that_is_packaged() -> None:
    for known in agents():
        assert known.sources
        assert nuclide(known.nuclide).half_life_s > 0
        assert all(c.source for c in known.coefficients)
        assert all(r.source for r in known.rules)
        assert all(limit.source for limit in known.limits)


def test_pentixather_limits() -> None:
    # Braitsch 2025: "maximum of 23 Gy to the kidneys and/or a maximum of 1 Gy to BM at the time of transplantation"
    kidneys, marrow = agent("lu177-pentixather").limits
    assert (kidneys.kind, kidneys.target, kidneys.value) == (LimitKind.TOTAL_DOSE, "kidneys", 23.0)
    assert (marrow.kind, marrow.target, marrow.value) == (LimitKind.RESIDUAL_DOSE, "red_marrow", 1.0)


@pytest.mark.parametrize(
    ("name", "target", "best", "low", "high"),
    [
        # Haenscheid 2022, abstract: median (range) Gy/GBq
        ("lu177-pentixather", "kidneys", 0.91, 0.38, 3.47),
        ("lu177-pentixather", "liver", 0.71, 0.39, 1.17),
        ("lu177-pentixather", "spleen", 0.58, 0.34, 2.26),
        ("lu177-pentixather", "red_marrow", 0.47, 0.14, 2.33),
        ("y90-pentixather", "kidneys", 3.75, 1.48, 12.2),
        ("y90-pentixather", "liver", 1.61, 1.14, 2.97),
        ("y90-pentixather", "spleen", 1.66, 0.97, 6.69),
        ("y90-pentixather", "red_marrow", 1.06, 0.27, 4.45),
    ],
)
def test_pentixather_coefficients(name: str, target: str, best: float, low: float, high: float) -> None:
    found = agent(name).coefficient(target)
    assert found is not None
    assert found.best_gy_per_bq * GBQ == pytest.approx(best)
    assert (found.low_gy_per_bq or 0) * GBQ == pytest.approx(low)
    assert (found.high_gy_per_bq or 0) * GBQ == pytest.approx(high)
    assert found.evidence is Evidence.PUBLICATION


def test_kidney_limit_at_the_median() -> None:
    # PX4: 23 Gy -> 25.27 GBq of 177Lu, 6.13 GBq of 90Y
    for name, expected in (("lu177-pentixather", 25.27), ("y90-pentixather", 6.13)):
        found = agent(name).coefficient("kidneys")
        assert found is not None
        assert 23.0 / found.best_gy_per_bq / GBQ == pytest.approx(expected, rel=1e-3)


def test_converted_units() -> None:
    # Matthews 1999: 2.8 cGy/mCi liver; DeNardo 1998: 0.34 rad/mCi marrow; LYM1: 180 mCi -> 0.612 Gy
    liver = agent("i131-apamistamab").coefficient("liver")
    marrow = agent("i131-lym-1").coefficient("red_marrow")
    assert liver is not None
    assert marrow is not None
    assert liver.best_gy_per_bq * 37e6 * 100 == pytest.approx(2.8, rel=1e-3)
    assert marrow.best_gy_per_bq * 180 * 37e6 == pytest.approx(0.612, rel=1e-3)


def test_ibritumomab_rules() -> None:
    # label: 14.8 MBq/kg (11.1 with platelets 100-149), at most 1184 MBq
    rules = {(r.kind, r.amount): r.condition for r in agent("y90-ibritumomab").rules}
    assert "at least 150" in rules[("per_kg", 14.8)]
    assert "100-149" in rules[("per_kg", 11.1)]
    assert ("maximum", 1184.0) in rules


def test_blood_based_marrow_is_refused_for_marrow_targeting_agents() -> None:
    for known in agents():
        if known.role is AgentRole.THERAPY and known.marrow_targeting:
            assert known.marrow_method is MarrowMethod.IMAGE
            with pytest.raises(PlanningError, match="from blood alone"):
                known.require_marrow_method("blood")
            known.require_marrow_method("image")
    agent("y90-ibritumomab").require_marrow_method("blood")
    therapies = {a.id for a in agents() if not a.marrow_targeting and a.role is AgentRole.THERAPY}
    assert therapies == {"y90-ibritumomab", "i131-tositumomab", "i131-lym-1"}


def test_pentixafor_is_diagnostic_and_pentixather_is_not() -> None:
    # Buck 2023 mixes the two names: 68Ga = pentixafor, 177Lu and 90Y = pentixather
    assert agent("ga68-pentixafor").role is AgentRole.DIAGNOSTIC
    assert all("pentixather" in a.id for a in agents() if a.target == "CXCR4" and a.role is AgentRole.THERAPY)


def test_the_misprinted_iodine_133_is_corrected() -> None:
    found = agent("i131-apamistamab")
    assert found.nuclide == "I-131"
    assert any("133I" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nuclide": "Xx-999"}, "no decay data"),
        ({"notes": "one"}, "wrong type"),
        ({"notes": [1]}, "list of texts"),
        ({"effective_half_life_h": {"kidneys": "41"}}, "wrong type"),
        ({"coefficient": [{"target": "liver"}]}, "schema"),
        ({"half_life": 3}, "schema"),
        ({"target": None}, "schema"),
        ({"marrow_method": "image_or_blood"}, "binds in the marrow"),
        ({"marrow_method": "guess"}, "unknown value"),
        ({"role": 5}, "unknown value"),
        ({"marrow_targeting": "yes"}, "wrong type"),
        (
            {"rule": [{"kind": "fixed", "amount": 1.0, "condition": "", "source": "x", "evidence": "publication"}]},
            "both",
        ),
        (
            {"limit": [{"name": "k", "kind": "total_dose", "target": "k", "value": 23, "unit": "rad", "source": "x"}]},
            "Gy",
        ),
    ],
)
def test_the_schema_refuses(change: dict[str, Any], message: str) -> None:
    changed = {k: v for k, v in {**table(), **change}.items() if v is not None}
    with pytest.raises(ReferenceDataError, match=message):
        agent_from_table(changed, source="test")


def test_a_coefficient_outside_its_range_is_refused() -> None:
    changed = table()
    changed["coefficient"][0]["value_Gy_per_GBq"] = 9.1
    with pytest.raises(ReferenceDataError, match="outside its own range"):
        agent_from_table(changed, source="test")


def test_a_site_can_read_its_own_agent(tmp_path: Path) -> None:
    text = files("hemadose.refdata").joinpath("data", "agents", "lu177-pentixather.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace("value = 23.0", "value = 20.0", 1), encoding="utf-8")
    assert read_agent(own).limits[0].value == 20.0
    own.write_text("id = ", encoding="utf-8")
    with pytest.raises(ReferenceDataError, match="not valid TOML"):
        read_agent(own)
    with pytest.raises(ReferenceDataError, match="cannot be read"):
        read_agent(tmp_path / "absent.toml")


def test_unknown_agent() -> None:
    with pytest.raises(ReferenceDataError, match="lu177-pentixather"):
        agent("lu177-pentixafor")


RULE = {"kind": "per_kg", "amount": 14.8, "unit": "MBq/kg", "condition": "x", "source": "y", "evidence": "publication"}
REFUSAL = {"code": "P", "kind": "platelets_below", "text": "x", "source": "y", "evidence": "publication"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "per_feet"}, "unknown value"),
        ({"unit": "mCi/kg"}, "unit does not fit"),
        ({"amount": 0.0}, "positive"),
        ({"kind": "organ_limit", "unit": "Gy"}, "names its organ"),
        ({"kind": "organ_limit", "unit": "Gy", "target": "liver", "amount": 1050.0}, "implausible dose"),
        ({"platelets_from_1e9_per_l": 150000}, "10\\^9/l"),
        ({"platelets_from_1e9_per_l": 150, "platelets_below_1e9_per_l": 150}, "range is empty"),
        ({"setting": "somewhere"}, "not declared"),
        ({"levels": [1.0, 2.0]}, "only a dose_level"),
        ({"kind": "dose_level", "unit": "Gy", "target": "liver", "amount": 3.5, "levels": [7.0, 3.5]}, "rise"),
        ({"fractions": 0}, "at least once"),
        ({"platelets": 150}, "schema"),
    ],
)
def test_a_rule_that_could_be_misread_is_refused(change: dict[str, Any], message: str) -> None:
    changed = table() | {"rule": [RULE | change]}
    with pytest.raises(ReferenceDataError, match=message):
        agent_from_table(changed, source="test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "other fields"),
        ({"platelets_1e9_per_l": 100000}, "10\\^9/l"),
        ({"kind": "marrow_involvement_from", "marrow_involvement": 25}, "fraction"),
        ({"platelets_1e9_per_l": 100, "settings": ["somewhere"]}, "not declared"),
        ({"kind": "no_graft", "low_h": 1.0}, "other fields"),
        ({"kind": "bad_luck"}, "unknown value"),
    ],
)
def test_a_refusal_that_could_be_misread_is_refused(change: dict[str, Any], message: str) -> None:
    changed = table() | {"refusal": [REFUSAL | change]}
    with pytest.raises(ReferenceDataError, match=message):
        agent_from_table(changed, source="test")


def test_conditions_of_rules_are_fields() -> None:
    rules = [r for r in agent("y90-ibritumomab").rules if r.setting == "label" and r.depends_on_platelets]
    holding = {count: [r.amount for r in rules if r.holds_for_platelets(count)] for count in (99, 100, 149.9, 150, 400)}
    assert holding == {99: [], 100: [11.1], 149.9: [11.1], 150: [14.8], 400: [14.8]}


def test_dose_levels_of_bc8() -> None:
    # Matthews 1999: 3.5 to 12.25 Gy in steps of 1.75, 10.5 Gy tolerated
    rule = next(r for r in agent("i131-apamistamab").rules if r.setting == "cy_tbi12")
    assert rule.levels == tuple(3.5 + 1.75 * i for i in range(6))
    assert rule.amount == 10.5


@pytest.mark.parametrize(
    ("name", "target", "gray_per_gbq", "sd"),
    [
        # Vo 2020: cGy/mCi 15.25 +- 7.05, 24.99 +- 6.76, 106.1 +- 33.19
        ("y90-anti-cd45", "red_marrow", 15.25 / 3.7, 7.05 / 3.7),
        ("y90-anti-cd45", "liver", 24.99 / 3.7, 6.76 / 3.7),
        ("y90-anti-cd45", "spleen", 106.1 / 3.7, 33.19 / 3.7),
        # Bone Marrow Transplant 2024, Table 2: mGy/MBq
        ("y90-anti-cd66", "red_marrow", 10.1, 3.4),
        ("y90-anti-cd66", "liver", 2.4, 1.1),
    ],
)
def test_coefficients_with_spread(name: str, target: str, gray_per_gbq: float, sd: float) -> None:
    found = agent(name).coefficient(target)
    assert found is not None
    assert found.best_gy_per_bq * GBQ == pytest.approx(gray_per_gbq, rel=1e-3)
    assert (found.sd_gy_per_bq or 0) * GBQ == pytest.approx(sd, rel=1e-3)


def test_the_mean_doses_of_the_90y_anti_cd45_trial_follow_from_its_coefficients() -> None:
    # Vo 2020: 78.6 mCi on average gave 10.5, 70 and 17.9 Gy to marrow, spleen and liver; a product of means differs
    for target, mean in (("red_marrow", 10.5), ("spleen", 70.0), ("liver", 17.9)):
        found = agent("y90-anti-cd45").coefficient(target)
        assert found is not None
        assert found.best_gy_per_bq * 78.6 * 37e6 == pytest.approx(mean, rel=0.20)


def test_surrogates_that_are_packaged_exist() -> None:
    ids = {a.id for a in agents()}
    named = {s.agent for a in agents() for s in a.surrogates if "-" in s.agent and " " not in s.agent}
    assert named <= ids
    assert {s.agent for s in agent("y90-ibritumomab").surrogates} == {"in111-ibritumomab", "zr89-ibritumomab"}


def test_unverified_numbers_are_marked() -> None:
    marked = {a.id for a in agents() for r in a.rules if r.evidence is Evidence.UNVERIFIED}
    assert marked == {"i131-tositumomab", "re188-anti-cd66"}
    assert all(c.evidence is Evidence.PUBLICATION for a in agents() for c in a.coefficients)


def test_a_folder_of_agents(tmp_path: Path) -> None:
    text = files("hemadose.refdata").joinpath("data", "agents", "lu177-pentixather.toml").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(text.replace('id = "lu177-pentixather"', 'id = "own-1"'), encoding="utf-8")
    with pytest.raises(ReferenceDataError, match="no agent"):
        read_agents(_empty(tmp_path))
    assert [a.id for a in read_agents(tmp_path)] == ["own-1"]
    assert find_agent("own-1", read_agents(tmp_path)).title == "[177Lu]Lu-pentixather"
    (tmp_path / "b.toml").write_text((tmp_path / "a.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ReferenceDataError, match="same id"):
        read_agents(tmp_path)


def _empty(folder: Path) -> Path:
    empty = folder / "empty"
    empty.mkdir()
    return empty
