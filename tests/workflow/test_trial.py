"""Designs in field units: published designs, decisions from counts, organ limits of one patient."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError, PlanningError, QuantityError
from hemadose.outcome.trial.two_stage import simon_designs
from hemadose.workflow.titration import Titration, boin_answer, crm_answer
from hemadose.workflow.trial import simon_answer, simon_decision, write_trial_figure

LEVELS = (8.0, 10.0, 12.0, 14.0)
OPTIMAL = simon_designs(poor=0.1, good=0.3)[0]


@pytest.fixture(scope="module")
def searched():
    return simon_answer(poor=0.1, good=0.3)


def test_simon_1989_table_1(searched):
    """Simon 1989, p0 0.1, p1 0.3, alpha 0.05, beta 0.2: optimal 1/10, 5/29, minimax 1/15, 5/25; E(N) 15.0 and 19.5."""
    designs = searched.payload["designs"]
    assert [(d["r1"], d["n1"], d["r"], d["n"]) for d in designs] == [(1, 10, 5, 29), (1, 15, 5, 25)]
    assert [d["expected_n_poor"] for d in designs] == pytest.approx([15.0, 19.5], abs=0.05)


def test_the_curve_passes_through_alpha_and_power(searched):
    answer = searched.payload
    at = {row["true_rate"]: row for row in answer["operating_characteristics"]}
    assert at[0.1]["optimal_goes_on"] == pytest.approx(OPTIMAL.alpha)
    assert at[0.3]["optimal_goes_on"] == pytest.approx(OPTIMAL.power)
    assert (at[0.0]["optimal_goes_on"], at[1.0]["optimal_goes_on"]) == (0.0, 1.0)
    curve = [row["minimax_goes_on"] for row in answer["operating_characteristics"]]
    assert np.all(np.diff(curve) > -1e-12)


@pytest.mark.parametrize(
    ("responders", "treated", "said"),
    [
        (0, 0, "continue the first stage: 10 more"),
        (1, 9, "continue the first stage: 1 more"),
        (1, 10, "stop after the first stage"),
        (2, 10, "continue the second stage: 19 more"),
        (2, 26, "stop: more than 5 of 29 cannot be reached"),
        (5, 28, "continue the second stage: 1 more"),
        (5, 29, "not worth pursuing"),
        (6, 20, "worth pursuing"),
        (3, 30, "30 patients are more than"),
    ],
)
def test_decisions_of_the_optimal_design(responders, treated, said):
    assert simon_decision(OPTIMAL, responders, treated).startswith(said)


def test_decisions_never_contradict_the_design():
    """Whatever happens, going on to n and counting gives the verdict that the decisions led to."""
    for treated in range(OPTIMAL.n1, OPTIMAL.n + 1):
        for responders in range(treated + 1):
            said = simon_decision(OPTIMAL, responders, treated)
            if "cannot be reached" in said:
                assert responders + OPTIMAL.n - treated <= OPTIMAL.r
            if said.startswith("worth"):
                assert responders > OPTIMAL.r


def test_a_given_design_is_judged_and_bad_counts_are_refused():
    (given,) = simon_answer(poor=0.1, good=0.3, given=(1, 10, 5, 29)).payload["designs"]
    assert given["kind"] == "given"
    assert given["power"] == pytest.approx(OPTIMAL.power)
    with pytest.raises(QuantityError, match="more responders"):
        simon_answer(poor=0.1, good=0.3, given=(1, 10, 5, 29), responders=5, treated=4)
    with pytest.raises(InputError, match="both counts"):
        simon_answer(poor=0.1, good=0.3, given=(1, 10, 5, 29), responders=5)


def test_boin_boundaries_of_liu_and_yuan():
    """Liu and Yuan 2015, Table 1: target 0.25 gives 0.197 and 0.298."""
    answer = boin_answer(Titration(levels_gbq=LEVELS)).payload
    bounds = answer["boundaries"]
    assert bounds["go_up_at_or_below"] == pytest.approx(0.197, abs=5e-4)
    assert bounds["go_down_at_or_above"] == pytest.approx(0.298, abs=5e-4)
    six = answer["decision_table"][1]
    assert (six["patients"], six["up_if_at_most"], six["down_if_at_least"]) == (6, 1, 2)
    assert "next" not in answer


def test_next_level_and_organ_limits():
    """1.59 Gy/GBq allows 23/1.59 = 14.47 GBq: every level; 2.0 Gy/GBq allows 11.5: levels up to 10 GBq."""
    up = Titration(levels_gbq=LEVELS, toxic=(0, 0), treated=(3, 3))
    assert boin_answer(up).payload["next"] == {
        "next_GBq": 12.0, "highest_allowed_GBq": None, "reason": "by the design",
    }  # fmt: skip

    def with_kidneys(coefficient):
        asked = Titration(
            levels_gbq=LEVELS, toxic=(0, 0), treated=(3, 3), coefficients={"kidneys": coefficient},
            limits_gy={"kidneys": 23.0},
        )  # fmt: skip
        return boin_answer(asked).payload["next"]

    assert with_kidneys(1.59)["next_GBq"] == 12.0
    held = with_kidneys(2.0)
    assert (held["next_GBq"], held["highest_allowed_GBq"]) == (10.0, 10.0)
    assert "the design says 12 GBq" in held["reason"]
    none = with_kidneys(3.0)
    assert (none["next_GBq"], none["highest_allowed_GBq"]) == (None, None)
    assert "no level" in none["reason"]


def test_counts_of_one_level_of_three_go_down_and_a_toxic_level_is_closed():
    down = boin_answer(Titration(levels_gbq=LEVELS, toxic=(0, 1), treated=(3, 3))).payload
    assert down["next"]["next_GBq"] == 8.0  # 1/3 = 0.333 >= 0.298
    poison = boin_answer(Titration(levels_gbq=LEVELS, toxic=(3,), treated=(3,))).payload
    assert poison["next"]["next_GBq"] is None
    assert poison["closed_from_GBq"] == 8.0
    assert poison["recommended_if_ended_GBq"] is None


def test_the_current_level_is_named_by_its_activity():
    asked = Titration(levels_gbq=LEVELS, toxic=(0, 1), treated=(3, 3), current_gbq=8.0)
    assert boin_answer(asked).payload["next"]["next_GBq"] == 10.0
    with pytest.raises(InputError, match="no such level"):
        boin_answer(Titration(levels_gbq=LEVELS, toxic=(0,), treated=(3,), current_gbq=9.0))


def test_operating_characteristics_with_organ_limits():
    """Log-normal kidneys, median 2.3 Gy/GBq: half of the patients may have 10 GBq; only those with 8 GBq enter."""
    asked = Titration(
        levels_gbq=LEVELS, truth=(0.05, 0.12, 0.25, 0.4), spread={"kidneys": (2.3, 1.4)}, limits_gy={"kidneys": 23.0},
        trials=300,
    )  # fmt: skip
    found = boin_answer(asked).payload["operating_characteristics"]
    assert found["levels"][1]["organs_allow"] == pytest.approx(0.5)
    assert found["may_enter"] == pytest.approx(found["levels"][0]["organs_allow"])
    free = boin_answer(Titration(levels_gbq=LEVELS, truth=(0.05, 0.12, 0.25, 0.4), trials=300)).payload
    assert found["levels"][3]["patients"] < 0.2 * free["operating_characteristics"]["levels"][3]["patients"]
    assert free["operating_characteristics"]["may_enter"] is None


def test_crm_in_field_units():
    asked = Titration(
        levels_gbq=LEVELS, toxic=(0, 0), treated=(3, 3), coefficients={"kidneys": 2.0}, limits_gy={"kidneys": 23.0}
    )
    answer = crm_answer(asked, best_gbq=12.0).payload
    assert answer["levels"][2]["skeleton"] == pytest.approx(0.25)
    assert answer["next"]["highest_allowed_GBq"] == 10.0
    assert answer["next"]["next_GBq"] == 10.0
    assert crm_answer(Titration(levels_gbq=LEVELS, toxic=(0, 0), treated=(3, 3)), best_gbq=12.0).payload["next"][
        "next_GBq"
    ] == 12.0  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"toxic": (4,), "treated": (3,)}, QuantityError, "do not fit"),
        ({"toxic": (0, 0), "treated": (3,)}, InputError, "do not fit"),
        ({"truth": (0.1, 0.2)}, InputError, "one true rate"),
        ({"toxic": (0,), "treated": (3,), "coefficients": {"liver": 1.0}}, InputError, "no limit"),
        ({"levels_gbq": (10.0, 8.0)}, QuantityError, "rise"),
        ({"truth": (0.1, 0.2, 0.3, 0.4), "spread": {"liver": (1.0, 1.4)}}, InputError, "spread"),
        ({"truth": (0.1, 0.2, 0.3, 0.4), "spread": {"kidneys": (90.0, 1.1)}, "limits_gy": {"kidneys": 23.0}},
         InputError, "nearly every patient"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change, error, said):
    with pytest.raises(error, match=said):
        boin_answer(Titration(**{"levels_gbq": LEVELS, "trials": 10, **change}))
    with pytest.raises(PlanningError):
        simon_answer(poor=0.3, good=0.32, largest_n=20)


def test_figures_are_files(searched, tmp_path):
    write_trial_figure(searched, tmp_path / "simon.svg")
    asked = Titration(levels_gbq=LEVELS, truth=(0.05, 0.12, 0.25, 0.4), trials=50)
    write_trial_figure(boin_answer(asked), tmp_path / "boin.pdf")
    write_trial_figure(crm_answer(asked, best_gbq=10.0), tmp_path / "crm.png")
    assert (tmp_path / "simon.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "boin.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match="nothing to draw"):
        write_trial_figure(boin_answer(Titration(levels_gbq=LEVELS)), tmp_path / "x.png")
    with pytest.raises(InputError, match="PNG, SVG or PDF"):
        write_trial_figure(boin_answer(asked), tmp_path / "x.jpg")
