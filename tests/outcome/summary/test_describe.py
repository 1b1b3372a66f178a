"""Table 1: medians, ddof, missing with its reason; groups; doses against limits. Numbers by hand."""

from __future__ import annotations

import math

import pytest

from hemadose.errors import InputError
from hemadose.model.followup import Event, EventKind, FollowUp, Gap, Missing
from hemadose.model.patient import Sex
from hemadose.outcome.summary.describe import baseline, describe_categories, describe_numbers
from hemadose.outcome.summary.dosimetry import dosimetry
from hemadose.outcome.summary.groups import UNKNOWN, group_labels
from hemadose.outcome.summary.regimen import regimen, start_of_conditioning


def patient(name, *, facts=(), gaps=(), events=(), **more):
    return FollowUp(pseudonym=name, facts=tuple(facts), gaps=tuple(gaps), events=tuple(events), **more)


PATIENTS = (
    patient("A", age_years=40.0, sex=Sex.FEMALE, donor="MUD", facts=(("activity_GBq", "10"), ("kidneys_Gy_per_GBq", "2.0"), ("de_novo", "yes"))),
    patient("B", age_years=50.0, donor="MUD", facts=(("activity_GBq", "12"), ("kidneys_Gy_per_GBq", "2.0"), ("de_novo", "no"))),
    patient("C", age_years=None, donor="HID", facts=(("activity_GBq", "14"),), gaps=(Gap(field="age_years", reason=Missing.LOST), Gap(field="kidneys_Gy_per_GBq", reason=Missing.NOT_DONE))),
)  # fmt: skip


def by_name(found):
    return {each.name: each for each in found}


def test_numbers_by_hand():
    found = describe_numbers("x", [1.0, 2.0, 4.0, 9.0], ["lost to follow-up"])
    assert (found.median, found.low, found.high, found.mean) == (3.0, 1.0, 9.0, 4.0)
    assert found.sd == pytest.approx(math.sqrt(38.0 / 3.0))  # n - 1; with n it would be sqrt(38/4)
    assert found.missing == (("lost to follow-up", 1),)


def test_one_value_has_no_sd_and_none_has_nothing():
    assert math.isnan(describe_numbers("x", [2.0]).sd)
    assert math.isnan(describe_numbers("x", []).median)


def test_categories_by_hand():
    assert describe_categories("donor", ["a", "b", "b"]).counts == (("b", 2), ("a", 1))


def test_missing_is_counted_with_its_reason():
    found = by_name(baseline(PATIENTS))
    assert found["age (years)"].missing == (("lost to follow-up", 1),)
    assert found["sex"].missing == (("not reported", 2),)
    assert found["kidneys_Gy_per_GBq"].missing == (("not done", 1),)
    assert found["de_novo"].counts == (("no", 1), ("yes", 1))
    assert found["activity_GBq"].median == 12.0


def test_a_group_has_the_variables_of_the_cohort():
    """Lines of therapy are a category if one patient has "many"; in a group of numbers they stay one."""
    cohort = [patient(n, facts=(("lines", v),)) for n, v in (("A", "2"), ("B", "3"), ("C", "many"))]
    whole = baseline(cohort)
    assert by_name(whole)["lines"].n == 3
    group = by_name(baseline(cohort[:2], like=whole))
    assert group["lines"].counts == (("2", 1), ("3", 1))
    assert by_name(baseline(cohort[:2]))["lines"].median == 2.5
    assert by_name(baseline([patient("D")], like=whole))["lines"].missing == (("not reported", 1),)


def test_doses_are_products_and_the_limit_counts():
    found = dosimetry(PATIENTS, limits_gy={"kidneys": 23.0})
    (kidneys,) = found.organs
    assert (kidneys.dose.n, kidneys.dose.low, kidneys.dose.high) == (2, 20.0, 24.0)
    assert (kidneys.above.successes, kidneys.above.n) == (1, 2)
    assert kidneys.dose.missing == (("kidneys_Gy_per_GBq not done", 1),)


def test_a_dose_at_the_limit_is_not_above_it():
    exactly = patient("A", facts=(("activity_GBq", "10"), ("kidneys_Gy_per_GBq", "2.3")))
    assert dosimetry((exactly,), limits_gy={"kidneys": 23.0}).organs[0].above.successes == 0


def test_no_dosimetry_is_none_and_limits_without_organ_are_said():
    assert dosimetry((patient("A"),), limits_gy={"kidneys": 23.0}) is None
    only = patient("A", facts=(("activity_GBq", "ten"),))
    assert len(dosimetry((only,), limits_gy={"kidneys": 23.0}).notes) == 2


def test_groups():
    assert group_labels(PATIENTS, "donor") == ("MUD", "MUD", "HID")
    assert group_labels(PATIENTS, "de_novo") == ("yes", "no", UNKNOWN)
    assert group_labels(PATIENTS, "sex") == ("female", UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(("by", "said"), [("colour", "no such property"), ("centre", "known of no patient")])
def test_groups_that_cannot_be(by, said):
    with pytest.raises(InputError, match=said):
        group_labels(PATIENTS, by)


def test_too_many_groups():
    many = [patient(f"P{i}", facts=(("cell", str(i)),)) for i in range(30)]
    with pytest.raises(InputError, match="too many groups"):
        group_labels(many, "cell")


def test_regimen_by_hand():
    one = patient(
        "A",
        events=(
            Event(day=-14.0, kind=EventKind.RADIOLIGAND, term="lu177-pentixather"),
            Event(day=-9.0, kind=EventKind.IRRADIATION, amount=4.0, unit="Gy"),
            Event(day=-8.0, kind=EventKind.IRRADIATION, amount=4.0, unit="Gy"),
        ),
    )
    other = patient("B", events=(Event(day=-5.0, kind=EventKind.IRRADIATION),))
    found = regimen((one, other, patient("C")))
    assert (found.irradiation_gy.n, found.irradiation_gy.median) == (1, 8.0)
    assert dict(found.irradiation_gy.missing) == {"dose in Gy not recorded": 1, "not irradiated": 1}
    assert (found.interval_d.n, found.interval_d.median) == (1, 14.0)
    assert [start_of_conditioning(p) for p in (one, other, patient("C"))] == [-14.0, -5.0, None]
