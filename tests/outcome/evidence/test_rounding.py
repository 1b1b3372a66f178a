"""Counts behind rounded percentages, against exhaustive counting."""

import pytest

from hemadose.errors import QuantityError
from hemadose.outcome.evidence.rounding import (
    counts_of_percent,
    decimals_of,
    rounds_to,
    shared_counts,
    twice_rounded_counts,
)


@pytest.mark.parametrize(("value", "printed", "agrees"), [
    (17.46, "17.5", True), (17.46, "17.4", False), (0.2142, "0.21", True), (0.2142, "0.12", False),
    (0.125, "0.12", True), (0.125, "0.13", True), (-0.1225, "-0.12", True), (41.0, "41", True), (41.6, "41", False),
])  # fmt: skip
def test_a_number_agrees_if_it_rounds_to_the_printed_digits(value: float, printed: str, agrees: bool) -> None:
    assert rounds_to(value, printed) is agrees


def test_text_is_no_printed_number() -> None:
    with pytest.raises(QuantityError):
        rounds_to(1.0, "many")


def test_a_percentage_needs_a_denominator() -> None:
    with pytest.raises(QuantityError):
        counts_of_percent("50", 0)


def test_decimals() -> None:
    assert (decimals_of("6.05"), decimals_of("23"), decimals_of("100.0")) == (2, 0, 1)


def test_refractory_trial_counts_only_its_54_follicular_patients() -> None:
    """Witzig 2002 (J Clin Oncol 20:3262): 57 treated; its abstract gives the rates for 54 with follicular lymphoma."""
    assert [counts_of_percent(p, 54) for p in ("15", "59", "74")] == [(8,), (32,), (40,)]
    assert [counts_of_percent(p, 57) for p in ("15", "59", "74")] == [(), (), (42,)]


def test_every_count_is_found_again() -> None:
    """Print 100 k/n and ask which counts print so: k is among them, and all of them print the same."""
    for n in (7, 19, 54, 208, 1000):
        for k in range(n + 1):
            printed = f"{int(100 * k / n * 10 + 0.5) / 10:.1f}"
            found = counts_of_percent(printed, n)
            assert k in found
            assert all(abs(100 * other / n - float(printed)) <= 0.05 + 1e-9 for other in found)


def test_rounding_twice_explains_80_percent_of_73() -> None:
    """58/73 = 79.452 %: 79.5 with one decimal, which becomes 80. No count gives 80 at once."""
    assert counts_of_percent("80", 73) == ()
    assert twice_rounded_counts("80", 73) == (58,)
    assert twice_rounded_counts("74", 54) == ()


def test_myeloma_comparison_is_4_8_7_of_19() -> None:
    """21, 42 and 37 % (Buck 2023) of up to 35 patients (Lapa 2017): one division only."""
    assert shared_counts(["21", "42", "37"], n_max=35) == ((4, 8, 7),)
    assert shared_counts(["21", "42", "50"], n_max=35) == ()
