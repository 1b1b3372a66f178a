"""HCT-CI: Sorror ML et al. Blood 2005;106:2912-2919, Table 1."""

from __future__ import annotations

import pytest

from hemadose.errors import InputError
from hemadose.outcome.comorbidity import hct_ci
from hemadose.refdata.comorbidity import comorbidity_index

INDEX = comorbidity_index()
ASKED = {item.name: False for item in INDEX.items}


@pytest.mark.parametrize(
    ("present", "points", "group"),
    [
        ((), 0, "low"),
        (("infection",), 1, "intermediate"),
        (("infection", "diabetes"), 2, "intermediate"),
        (("infection", "renal"), 3, "high"),
        (("hepatic_mild", "hepatic_severe"), 3, "high"),
        (("pulmonary_moderate", "pulmonary_severe", "infection"), 4, "high"),
    ],
)
def test_points_and_groups(present, points, group):
    found = hct_ci(INDEX, {**ASKED, **dict.fromkeys(present, True)})
    assert (found.grade, found.outcome) == (points, group)


def test_age_adds_a_point_from_forty():
    assert hct_ci(INDEX, ASKED, age_years=39.9).grade == 0
    assert hct_ci(INDEX, ASKED, age_years=40.0).grade == 1


def test_what_is_not_known_leaves_the_group_open_only_if_it_matters():
    assert hct_ci(INDEX, {**ASKED, "infection": None}).outcome is None
    assert hct_ci(INDEX, {**ASKED, "renal": True, "cardiac": True, "infection": None}).outcome == "high"
    nothing = hct_ci(INDEX, {})
    assert nothing.outcome is None
    assert len(nothing.missing) == len(INDEX.items)


def test_a_misspelled_comorbidity_is_refused():
    with pytest.raises(InputError, match="unknown comorbidity"):
        hct_ci(INDEX, {"diabetis": True})
