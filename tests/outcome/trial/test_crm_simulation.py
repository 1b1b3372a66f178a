"""Many trials at once decide as one trial does; operating characteristics behave as they must."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.outcome.trial.crm import Crm, posterior, skeleton
from hemadose.outcome.trial.crm_simulation import recommend, simulate_crm

DESIGN = Crm(target=0.25, skeleton=skeleton(0.25, levels=5, best=2))


def test_all_trials_at_once_are_each_trial_alone():
    """The coarser quadrature chooses the level that `posterior` chooses, and stops where it does."""
    rng = np.random.default_rng(1)
    treated = rng.integers(0, 7, (60, 5)) * (rng.random((60, 5)) < 0.7)
    suffered = rng.binomial(treated, 0.4)
    suffered[:10] = treated[:10]  # everybody suffers: some must stop
    level, stop = recommend(DESIGN, suffered, treated)
    for x, n, chosen, stopped in zip(suffered, treated, level, stop, strict=True):
        alone = posterior(DESIGN, x.tolist(), n.tolist())
        assert chosen == int(np.argmin(np.abs(alone.toxicity - DESIGN.target)))
        assert stopped == (n.sum() >= 3 and alone.probability_lowest_toxic > DESIGN.closing_probability)
    assert stop.any()
    assert not stop.all()


def test_shares_add_up_and_patients_are_those_of_the_trial():
    found = simulate_crm(DESIGN, (0.05, 0.12, 0.25, 0.4, 0.55), trials=400)
    assert found.selected.sum() + found.none_selected == pytest.approx(1.0)
    assert found.patients.sum() == pytest.approx(30.0, abs=0.5)
    assert int(np.argmax(found.selected)) == 2


@pytest.mark.parametrize("best", range(5))
def test_the_true_level_is_found_more_often_than_by_chance(best):
    """A truth that crosses the target steeply at one level: chosen in far more than one trial of five."""
    truth = [0.25 + 0.2 * (i - best) for i in range(5)]
    found = simulate_crm(DESIGN, np.clip(truth, 0.01, 0.95), trials=400)
    assert found.selected[best] > 0.5


def test_a_poison_is_stopped():
    found = simulate_crm(DESIGN, (0.8, 0.85, 0.9, 0.95, 0.99), trials=300)
    assert found.none_selected > 0.95
    assert simulate_crm(DESIGN, (0.05, 0.12, 0.25, 0.4, 0.55), trials=300).none_selected < 0.05


def test_levels_that_organs_forbid_are_never_given():
    found = simulate_crm(DESIGN, (0.01,) * 5, allowed=(1.0, 1.0, 0.0, 0.0, 0.0), trials=200)
    assert found.patients[2:].sum() == 0.0
    assert found.selected[2:].sum() == 0.0
    assert simulate_crm(DESIGN, (0.01,) * 5, trials=200).patients[2:].sum() > 5.0


def test_rates_that_do_not_fit_are_refused():
    with pytest.raises(QuantityError, match="true rates"):
        simulate_crm(DESIGN, (0.1, 0.2))
    with pytest.raises(QuantityError, match="true rates"):
        simulate_crm(DESIGN, (0.1, 0.2, 0.3, 0.4, 1.4))
