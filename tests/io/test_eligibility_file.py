"""The eligibility file: units beside laboratory values, strict keys, nothing assumed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hemadose.errors import HemadoseError, InputError, QuantityError
from hemadose.io.eligibility import read_eligibility
from hemadose.model import Donor
from hemadose.therapy.eligibility.facts import EligibilityFacts

TEXT = """
[indication]
disease = "AML"
consent = true

[pet]
suv_max = 8
target = "both"

[[lesion]]
name = "lung"
after_car_t = true
scan = [{ month = 6, fdg = true, cxcr4 = true }, { month = 3, fdg = true, cxcr4 = false }]

[graft]
kind = "allogeneic"
donor = "MUD"

[organs]
creatinine = 71
creatinine_unit = "umol/l"
platelets = 45000
platelets_unit = "/ul"
hct_ci = 2

[site]
platelets_per_nl = { least = 20, source = "SOP 12" }

[doses]
kidneys_Gy = 19.1
activity_GBq = 12

[timeline]
day_zero_on = 2025-04-07
"""


def facts(tmp_path: Path, text: str = TEXT) -> EligibilityFacts:
    path = tmp_path / "patient.toml"
    path.write_text(text, encoding="utf-8")
    return read_eligibility(path)


def test_values_and_units(tmp_path: Path) -> None:
    found = facts(tmp_path)
    assert found.organs.creatinine_mg_per_dl == pytest.approx(71 / 88.4)
    assert found.organs.platelets_per_nl == 45.0
    assert found.graft.donor is Donor.MATCHED_UNRELATED
    assert found.doses.kidneys_gy == 19.1
    assert found.doses.activity_gbq == 12.0
    assert found.doses.kidneys_limit_gy == 23.0
    assert found.timeline.day_zero_on == date(2025, 4, 7)
    assert [scan.month for scan in found.lesions[0].scans] == [3.0, 6.0]
    assert found.site_limits[0].least == 20.0


def test_what_is_left_out_stays_unknown(tmp_path: Path) -> None:
    found = facts(tmp_path, "")
    assert found == EligibilityFacts()
    assert found.indication.consent is None


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        ("[graft]", "[grafts]", InputError, "unknown section"),
        ("consent = true", "consents = true", InputError, "unknown key"),
        ("consent = true", 'consent = "yes"', InputError, "wrong type"),
        ("consent = true", "consent = 1", InputError, "wrong type"),
        ("suv_max = 8", "suv_max = true", InputError, "wrong type"),
        ("suv_max = 8", "suv_max = 8000", QuantityError, "implausible value"),
        ("suv_max = 8", "suv_max = nan", QuantityError, "implausible value"),
        ('donor = "MUD"', 'donor = "SIBLING"', InputError, "unknown donor type"),
        ('kind = "allogeneic"', 'kind = "syngeneic"', InputError, "unknown word"),
        ('creatinine_unit = "umol/l"', "", QuantityError, "needs a number and its unit"),
        ('creatinine_unit = "umol/l"', 'creatinine_unit = "mg/dl"', QuantityError, "implausible creatinine"),
        ('platelets_unit = "/ul"', 'platelets_unit = "10^9/l"', QuantityError, "implausible platelets"),
        ('platelets_unit = "/ul"', 'platelets_unit = "thousand"', QuantityError, "unknown unit"),
        ('least = 20, source = "SOP 12"', "least = 20", InputError, "its source"),
        ("platelets_per_nl = {", "platelets = {", InputError, "unknown quantity"),
        ("day_zero_on = 2025-04-07", 'day_zero_on = "7 April"', InputError, "wrong type"),
        ("day_zero_on = 2025-04-07", "day_zero_on = 2025-04-07T10:00:00", InputError, "wrong type"),
        ("month = 3, fdg = true", "month = 6, fdg = true", QuantityError, "different times"),
        ("fdg = true, cxcr4 = false", 'fdg = "yes", cxcr4 = false', InputError, "a scan holds"),
        ('{ least = 20, source = "SOP 12" }', "20", InputError, "its source"),
        ("least = 20", "least = nan", InputError, "its source"),
        ("month = 3, fdg = true", "month = nan, fdg = true", InputError, "a scan holds"),
        ("[[lesion]]", "[lesion]", InputError, "needs a name and scans"),
        ("[organs]", "[[organs]]", InputError, "not a table"),
        ("[graft]", "[[graft]]", InputError, "not a table"),
        ("creatinine = 71", "creatinine = true", QuantityError, "needs a number"),
        ("hct_ci = 2", "hct_ci = 2.5", InputError, "wrong type"),
        ("[indication]", "[indication", InputError, "not valid TOML"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, kind: type[HemadoseError], message: str) -> None:
    assert old in TEXT
    with pytest.raises(kind, match=message):
        facts(tmp_path, TEXT.replace(old, new))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_eligibility(tmp_path / "absent.toml")


def test_limits_of_the_site_in_their_own_file(tmp_path: Path) -> None:
    patient, site = tmp_path / "patient.toml", tmp_path / "site.toml"
    patient.write_text("[organs]\nhct_ci = 2\n", encoding="utf-8")
    site.write_text('[site]\nhct_ci = { most = 3, source = "SOP 12" }\n', encoding="utf-8")
    assert read_eligibility(patient, site=site).site_limits[0].most == 3.0
    patient.write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="two files"):
        read_eligibility(patient, site=site)
    site.write_text("[organs]\nhct_ci = 2\n", encoding="utf-8")
    with pytest.raises(InputError, match="alone"):
        read_eligibility(patient, site=site)
    with pytest.raises(InputError, match="no such file"):
        read_eligibility(patient, site=tmp_path)
