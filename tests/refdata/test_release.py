"""Packaged rules of release: what is confirmed, what is said not to be, files of a site."""

from __future__ import annotations

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.refdata.release import (
    clearance_bq_per_g,
    contact_patterns,
    dose_rate_constants,
    instructions,
    read_release_rules,
    release_countries,
    release_rules,
)
from hemadose.therapy.protection.release import RuleKind

SITE = """
id = "site"
title = "Our ward"

[[rule]]
id = "rate"
title = "2 uSv/h at 2 m"
kind = "rate"
value = 2.0
unit = "uSv/h"
distance_m = 2.0
source = "local rule"
evidence = "publication"
"""


@pytest.mark.parametrize("country", release_countries())
def test_every_rule_names_its_source_and_doubts_are_told(country):
    rules = release_rules(country)
    assert rules.rules
    assert all(rule.source for rule in rules.rules)
    unsure = [rule.title for rule in rules.rules if rule.evidence == "unverified"]
    assert all(any(title in note and "not confirmed" in note for note in rules.notes) for title in unsure)


def test_german_rules_of_the_papers():
    """48 h (Braitsch 2025); 1 mSv in a year at 2 m, 3.5 uSv/h being a value of 131I (Kranert 2019)."""
    rules = {rule.id: rule for rule in release_rules("germany").rules}
    assert rules["ward"].value == 48 * 3600.0
    assert rules["year-2m"].value == pytest.approx(1e-3)
    assert rules["year-2m"].physical_decay
    assert rules["iodine-2m"].nuclides == ("I-131",)
    assert rules["iodine-2m"].value * 3.6e9 == pytest.approx(3.5)


def test_constants_of_lutetium():
    """3.7 (2.4-5.8) and 4.62 on patients, 5.94 for a point."""
    first, second, point = dose_rate_constants("Lu-177")
    assert first.sv_per_s_bq * 3.6e18 == pytest.approx(3.7)
    assert (first.low_sv_per_s_bq * 3.6e18, first.high_sv_per_s_bq * 3.6e18) == pytest.approx((2.4, 5.8))
    assert second.sv_per_s_bq * 3.6e18 == pytest.approx(4.62)
    assert point.kind == "point"
    assert dose_rate_constants("Y-90") == ()


def test_a_file_of_a_site(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    rules = read_release_rules(path)
    assert rules.rules[0].kind is RuleKind.RATE
    assert rules.rules[0].value * 3.6e9 == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('unit = "uSv/h"', 'unit = "mSv/h"', "unknown kind or unit"),
        ('kind = "rate"', 'kind = "dosis"', "unknown kind or unit"),
        ('evidence = "publication"', 'evidence = "sure"', "unknown evidence"),
        ("value = 2.0", 'value = "2"', "wrong type"),
        ("distance_m = 2.0\n", "distance = 2.0\n", "does not follow its schema"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, old, new, match):
    path = tmp_path / "site.toml"
    path.write_text(SITE.replace(old, new), encoding="utf-8")
    with pytest.raises(ReferenceDataError, match=match):
        read_release_rules(path)


def test_unknown_country_and_file():
    with pytest.raises(ReferenceDataError, match="no rules of release"):
        release_rules("atlantis")
    with pytest.raises(ReferenceDataError, match="no rules of release"):
        release_rules("contacts")
    from pathlib import Path

    with pytest.raises(ReferenceDataError, match="cannot be read"):
        read_release_rules(Path("nowhere.toml"))


def test_contacts_instructions_and_clearance():
    patterns = {p.id: p for p in contact_patterns()}
    assert patterns["child"].limit_sv == pytest.approx(1e-3)
    assert {i.until for i in instructions()} == {"distance", "urine", "always"}
    level, source, evidence = clearance_bq_per_g("Lu-177")
    assert level == 100.0
    assert "2013/59" in source
    assert evidence == "unverified"
    with pytest.raises(ReferenceDataError, match="no clearance level"):
        clearance_bq_per_g("Zr-89")
