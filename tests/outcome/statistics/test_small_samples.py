"""The policy for few patients: what can be reached, what is withheld."""

from __future__ import annotations

import pytest

from hemadose.errors import QuantityError
from hemadose.outcome.statistics import (
    SmallSamplePolicy,
    least_p_paired,
    least_p_ranks,
    least_p_two_groups,
    permutation_test,
    signed_rank_test,
    small_sample_advice,
    spearman,
)


def test_least_p_is_what_the_tests_reach() -> None:
    for n in (1, 4, 7):
        assert least_p_paired(n) == signed_rank_test(differences=[float(i) for i in range(1, n + 1)]).p
    assert least_p_two_groups(2, 5) == pytest.approx(permutation_test(values=range(7), group=[0] * 5 + [1] * 2).p)
    assert least_p_two_groups(2, 5, two_sided=False) == pytest.approx(1 / 21)
    assert least_p_ranks(5) == pytest.approx(spearman(x=range(5), y=range(5)).p)
    assert least_p_ranks(500) == 0.0  # below the smallest double
    assert least_p_paired(0) == least_p_two_groups(0, 3) == 1.0


def test_seven_patients_are_descriptive() -> None:
    advice = small_sample_advice(n=7, group_sizes=[2, 5], n_events=5, n_covariates=1)
    assert advice.descriptive_only
    assert advice.least_p == pytest.approx(2 / 21)
    assert set(advice.withheld) == {
        "significance test",
        "percentage without k/n",
        "box plot",
        "p value of curves",
        "multivariable regression",
    }
    assert any("cannot show a difference" in reason for reason in advice.reasons)


def test_a_large_series_is_free() -> None:
    advice = small_sample_advice(n=200, group_sizes=[100, 100], n_events=80, n_covariates=3)
    assert not advice.descriptive_only
    assert advice.withheld == advice.reasons == ()


def test_the_policy_is_a_value() -> None:
    strict = SmallSamplePolicy(alpha=0.001, least_for_test=3, least_for_percent=3, least_for_box=3)
    advice = small_sample_advice(n=8, least_p=0.0078, policy=strict)
    assert advice.descriptive_only
    assert advice.withheld == ("significance test",)
    assert not small_sample_advice(n=8, least_p=0.0005, policy=strict).descriptive_only


def test_refusals() -> None:
    with pytest.raises(QuantityError, match="add up"):
        small_sample_advice(n=7, group_sizes=[2, 4])
    with pytest.raises(QuantityError):
        small_sample_advice(n=-1)


def test_the_least_p_of_many_patients_is_nought_not_an_error():
    assert least_p_two_groups(1500, 1500) == 0.0
    assert 0.0 < least_p_two_groups(300, 300) < 1e-100
