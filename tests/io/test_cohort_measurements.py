"""Reading by columns gives the same numbers, the same doubts and the same refusals as reading row by row."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import HemadoseError
from hemadose.io.cohort_cells import Clock, cohort_rows
from hemadose.io.cohort_measurements import REQUIRED, MeasurementTable
from hemadose.refdata.quantities import quantities

PEOPLE = {
    "A": {"patient": "A", "day_zero_on": "2025-03-31", "born_on": "1975-03-31"},
    "B": {"patient": "B"},
}
HEAD = "patient,date,day,quantity,value,unit,lower,upper,site"
PLAIN = [
    "A,,-10,creatinine,70.7,umol/L,44.2,97.2,",
    "A,, -9.5 ,Kreatinin, 0.9 ,mg/dL,0.5,,",
    "B,,12,platelets,<10,G/l,150,400,",
    "B,,12,platelets,<10,G/l,150,400,",
    "B,,11,platelets,> 900,G/l,150,400,",
    "B,,3,suv_max,12.5,1,,,spleen",
    "B,,3,suv_max,7.5,1,,,liver",
]
DATED = ["A,2025-04-10T08:00,,creatinine,1.6,mg/dL,0.5,1.1,", "A,2025-04-01,,creatinine,1.4,mg/dL,0.5,1.1,"]


def both(tmp_path, lines, head=HEAD, end="\n"):
    """Read one file by columns and by rows."""
    path = tmp_path / "measurements.csv"
    path.write_text(end.join([head, *lines]) + end, encoding="utf-8", newline="")
    clocks = {name: Clock(row, "patients.csv") for name, row in PEOPLE.items()}
    found = []
    for way in ("columns", "rows"):
        table = MeasurementTable(clocks, quantities(), path.name)
        try:
            if way == "columns":
                table.add_file(path)
            else:
                table.add_rows(cohort_rows(path, REQUIRED))
            found.append((table.series(), table.notes))
        except HemadoseError as problem:
            found.append(str(problem))
    return found


def same(one, other):
    assert one[1] == other[1]
    assert list(one[0]) == list(other[0])
    for name, series in one[0].items():
        assert [(s.quantity, s.site, s.unit) for s in series] == [(s.quantity, s.site, s.unit) for s in other[0][name]]
        for a, b in zip(series, other[0][name], strict=True):
            for part in ("day", "value", "lower_limit", "upper_limit", "bound"):
                np.testing.assert_array_equal(getattr(a, part), getattr(b, part))


@pytest.mark.parametrize(
    "lines",
    [
        PLAIN,
        DATED,
        PLAIN + DATED,  # days and dates mixed: by rows
        [line.replace("A,,", '"A",,').replace(",mg/dL", ',"mg/dL"') for line in PLAIN],
        [*PLAIN, "B,,13,platelets,,G/l,150,400,"],  # a value that is missing
        [*PLAIN[:3], "", *PLAIN[3:], ",,,,,,,,"],  # empty lines
        [*PLAIN[:2], 'B,,4,suv_max,3.5,1,,,"left\nneck"', *PLAIN[2:]],  # a line break within a cell
        [],
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_ways_agree(tmp_path, lines, end):
    one, other = both(tmp_path, lines, end=end)
    same(one, other)


def test_plain_tables_take_the_fast_way(tmp_path, monkeypatch):
    def no_rows(self, rows):
        raise AssertionError("read by rows")

    path = tmp_path / "measurements.csv"
    clocks = {name: Clock(row, "patients.csv") for name, row in PEOPLE.items()}
    monkeypatch.setattr(MeasurementTable, "add_rows", no_rows)
    for lines in (PLAIN, DATED):
        path.write_text("\n".join([HEAD, *lines]) + "\n")
        table = MeasurementTable(clocks, quantities(), path.name)
        table.add_file(path)
        assert sum(len(s) for series in table.series().values() for s in series) in (6, 2)


def test_long_tables_cross_blocks(tmp_path):
    rng = np.random.default_rng(3)
    lines = [f"{p},,{d},platelets,{v},G/l,150,400," for p in "AB" for d, v in enumerate(rng.integers(1, 300, 9000))]
    (one, notes), other = both(tmp_path, lines)
    same((one, notes), other)
    assert [len(one[p][0]) for p in "AB"] == [9000, 9000]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("A,,1,creatinine,1.0,,0.5,1.1,", "no unit"),
        ("A,,1,creatine,1.0,mg/dL,0.5,1.1,", "unknown quantity"),
        ("A,,1,creatinine,inf,mg/dL,0.5,1.1,", "finite"),
        ("A,,1,creatinine,1.0,mg/dL,nan,1.1,", "finite"),
        ("A,,1,creatinine,one,mg/dL,0.5,1.1,", "needs a number"),
        ("A,,,creatinine,1.0,mg/dL,0.5,1.1,", "has no day"),
        ("C,,1,creatinine,1.0,mg/dL,0.5,1.1,", "not in patients"),
        ("A,,1,creatinine,900,mg/dL,0.5,1.1,", "not believable"),
        ("A,,1,creatinine,1.0,mg,0.5,1.1,", ""),
        ("A,,1,creatinine,1.0,mg/dL,0.5", "truncated"),
        ("B,2025-04-01,,creatinine,1.0,mg/dL,0.5,1.1,", "no day 0"),
        ("A,1970-01-01,,creatinine,1.0,mg/dL,0.5,1.1,", "before birth"),
    ],
)
def test_both_ways_refuse_the_same_line(tmp_path, bad, said):
    one, other = both(tmp_path, [*PLAIN, bad, *PLAIN[:1]])
    assert isinstance(one, str)
    assert said in one
    assert one == other
    fine = both(tmp_path, PLAIN)
    assert not isinstance(fine[0], str)
