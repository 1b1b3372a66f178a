"""A REDCap export with a map of its columns."""

from __future__ import annotations

import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.io.redcap import read_redcap
from hemadose.model.followup import EventKind
from hemadose.refdata.quantities import quantities

EXPORT = """record_id,redcap_event_name,tx_date,sex,aml,lab_date,crea,plt,died,death_date,cause
4711,baseline,2025-03-31,1,de novo,,,,,,
4711,visit_1,,,,2025-04-10,1.6,15,,,
4711,visit_2,,,,2025-04-20,,30,1,2025-05-10,2
4712,baseline,2025-04-01,2,,,,,0,,
"""
MAP = """
record = "record_id"
[patient]
day_zero_on = "tx_date"
sex = "sex"
[facts]
aml_type = "aml"
[[measurement]]
column = "crea"
quantity = "creatinine"
unit = "mg/dL"
date = "lab_date"
upper = 1.1
[[measurement]]
column = "plt"
quantity = "platelets"
unit = "G/l"
date = "lab_date"
[[event]]
kind = "graft"
date = "tx_date"
[[event]]
kind = "death"
date = "death_date"
when = "died"
term_column = "cause"
[codes.sex]
1 = "female"
2 = "male"
[codes.cause]
2 = "septic shock"
"""


def read(tmp_path, export=EXPORT, columns=MAP):
    (tmp_path / "export.csv").write_text(export)
    (tmp_path / "map.toml").write_text(columns)
    return read_redcap(tmp_path / "export.csv", tmp_path / "map.toml", quantities=quantities())


def test_records_become_patients(tmp_path):
    cohort = read(tmp_path)
    first, second = cohort.patients
    assert (first.pseudonym, first.sex.value, first.fact("aml_type")) == ("R001", "female", "de novo")
    assert first.of("creatinine").upper_limit.tolist() == [1.1]
    assert first.of("platelets").day.tolist() == [10.0, 20.0]
    assert [e.kind for e in first.events] == [EventKind.GRAFT, EventKind.DEATH]
    assert (first.died_on, first.events[1].term) == (40.0, "septic shock")
    assert (second.sex.value, second.died_on) == ("male", None)
    assert second.gaps[0].field == "aml_type"


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ('column = "crea"', 'column = "creat"', InputError, "column is missing"),
        ('unit = "mg/dL"', 'unit = "umol/L"', QuantityError, "not believable"),
        ('date = "lab_date"\nupper', "upper", InputError, "incomplete"),
        ('kind = "graft"', 'kind = "transplant"', InputError, "unknown kind"),
        ('sex = "sex"', 'gender = "sex"', InputError, "unknown entry"),
        ('record = "record_id"', "", InputError, "schema"),
    ],
)
def test_maps_that_do_not_fit_are_refused(tmp_path, old, new, error, said):
    assert old in MAP
    with pytest.raises(error, match=said):
        read(tmp_path, columns=MAP.replace(old, new, 1))


def test_a_truncated_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="truncated"):
        read(tmp_path, export=EXPORT[:-8])
