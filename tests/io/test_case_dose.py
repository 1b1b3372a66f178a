"""The dose sections of the case file: what belongs together, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hemadose.io.case_dose import BloodSection, DoseSection, KineticsSection, MarrowSection

BLOOD = {"samples": "b.csv", "haematocrit": 0.4}


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (MarrowSection, {"method": "blood"}, r"needs \[marrow.blood\]"),
        (MarrowSection, {"method": "combined"}, r"needs \[marrow.blood\]"),
        (MarrowSection, {"mass_rule": "given"}, "needs marrow.mass_g"),
        (MarrowSection, {"mass_rule": "reference", "mass_g": 1000}, "belongs to"),
        (MarrowSection, {"mass_rule": "spongiosa-volume"}, "needs"),
        (MarrowSection, {"sites": ["sacrum", "sacrum"]}, "named twice"),
        (
            MarrowSection,
            {"site_fractions": {"lumbar_l2_l4": {"fraction": 0.07, "relative_sd": 0.1, "source": "x"}}},
            "l2_l4_fraction",
        ),
        (MarrowSection, {"site_fractions": {"iliac": {"fraction": 1.4, "relative_sd": 0.1, "source": "x"}}}, "1"),
        (MarrowSection, {"blood": {**BLOOD, "ratio": [{"time_h": 1, "ratio": 0.3}]}}, "rising"),
        (
            MarrowSection,
            {"blood": {**BLOOD, "ratio": [{"time_h": 5, "ratio": 0.3}, {"time_h": 2, "ratio": 0.5}]}},
            "rising",
        ),
        (MarrowSection, {"blood": {**BLOOD, "haematocrit": 42}}, "0.7"),
        (MarrowSection, {"blood": {**BLOOD, "ratio": -0.3}}, "0"),
        (DoseSection, {"s_value_file": "s.csv", "s_values": "local-electrons"}, "exclude"),
        (DoseSection, {"s_value_masses_g": {"kidneys": 310}}, "belongs to dose.s_value_file"),
        (DoseSection, {"s_value_unit": "rad"}, "unknown dose.s_value_unit"),
        (DoseSection, {"masses": "reference"}, "needs a dose.convention"),
        (DoseSection, {"masses": "table", "convention": "olinda-2"}, "takes no convention"),
        (DoseSection, {"masses": "table", "s_values": "local-electrons"}, "needs a table"),
        (DoseSection, {"convention": "olinda-9"}, "olinda-2"),
        (KineticsSection, {"population_prior_file": "p.toml"}, "belongs to"),
        (
            KineticsSection,
            {"single_time_point": "population", "population_half_life_relative_sd": 0.0},
            "has a spread",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(section, values, message):
    start = {"absorbed_fraction": 0.57} if section is MarrowSection else {}
    with pytest.raises(ValidationError, match=message):
        section(**{**start, **values})


def test_defaults_are_those_of_before():
    m = MarrowSection(absorbed_fraction="skeletal-model")
    assert (m.method, m.sites, m.l2_l4_fraction, m.mass_rule, m.events) == (None, (), 0.067, None, ())
    d = DoseSection()
    assert (d.convention, d.masses, d.s_value_file, d.s_values) == ("hemadose", None, None, "stylised-adult")


def test_a_ratio_may_be_a_word_a_number_or_a_table():
    assert BloodSection(**BLOOD).ratio == "sgouros"
    assert BloodSection(**BLOOD, ratio=0.36).ratio == 0.36
    points = [{"time_h": 0, "ratio": 0.3}, {"time_h": 24, "ratio": 0.6}]
    assert [p.ratio for p in BloodSection(**BLOOD, ratio=points).ratio] == [0.3, 0.6]
