"""The printed report of a cohort: numbers as a clinician writes them, nothing printed that is not known."""

from __future__ import annotations

import dataclasses

import pytest

from hemadose.errors import ReportError
from hemadose.outcome.engraftment import engraftment_rule
from hemadose.outcome.statistics.proportions import proportion
from hemadose.outcome.summary.cohort import summarise_cohort
from hemadose.outcome.trial.boin import boin, simulate_boin
from hemadose.outcome.trial.two_stage import simon_designs
from hemadose.refdata.ctcae import ctcae
from hemadose.refdata.quantities import quantities
from hemadose.report import cohort_words as words
from hemadose.report.cohort_document import cohort_document
from hemadose.report.cohort_rows import cohort_rows
from hemadose.report.figures.trial import titration_figure, two_stage_figure
from hemadose.simulate.followup import simulate_cohort


def document(count, by=""):
    found = summarise_cohort(
        simulate_cohort(count, seed=21), criteria=ctcae("5.0"), quantities=quantities(),
        rule=engraftment_rule("CIBMTR"), limits_gy={"kidneys": 23.0}, by=by,
    )  # fmt: skip
    return found, cohort_document(found, title="T", criteria="5.0")


def section(made, heading):
    return next(s for s in made["sections"] if s["heading"].startswith(heading))


def test_every_row_has_a_cell_for_every_column():
    _, made = document(40, by="donor")
    for part in made["sections"]:
        for table in part["tables"]:
            width = len(table["columns"])
            assert len(table["align"]) == len(table["weights"]) == width
            assert {len(row) for row in table["rows"]} == {width}, part["heading"]


def test_table_1_side_by_side_adds_up():
    found, made = document(40, by="donor")
    whole, beside = section(made, "Table 1")["tables"]
    assert beside["columns"][0] == "By donor"
    sizes = [int(c.split("n = ")[1].rstrip(")")) for c in beside["columns"][1:]]
    assert sum(sizes) == 40
    female = next(row for row in beside["rows"] if row[0].strip() == "sex: female")
    counts = [int(cell.split()[0].split("/")[0]) for cell in female[1:] if cell]
    all_female = next(row for row in whole["rows"] if row[0].strip() == "female")
    assert sum(counts) == int(all_female[2].split()[0])
    assert not any(row[0] == "donor" for row in beside["rows"])
    assert len(found.groups) == 40


def test_few_patients_are_announced_and_have_no_percentages():
    _, made = document(7)
    assert any("descriptive only" in line for line in made["policy"])
    assert not any("box plot" in line for line in made["policy"])
    cells = [cell for t in section(made, "Toxicity: recorded")["tables"] for row in t["rows"] for cell in row]
    assert any("/7 (interval" in cell for cell in cells)
    assert document(40)[1]["policy"] == []


def test_pooled_curve_stands_before_its_groups():
    _, made = document(40, by="centre")
    heads = [row[0] for row in section(made, "Survival")["tables"][0]["rows"]]
    assert heads[:3] == ["overall survival", "    overall survival: centre A", "    overall survival: centre B"]
    assert section(made, "Centres pooled")["tables"]


def test_rows_are_rectangular_and_json_safe():
    found, _ = document(12, by="centre")
    for name, rows in cohort_rows(found).items():
        assert len({tuple(row) for row in rows}) == 1, name
        assert all(value == value for row in rows for value in row.values()), name


def test_very_many_doubts_are_counted():
    found, _ = document(12)
    many = dataclasses.replace(found, notes=tuple(f"line {i}: no value" for i in range(500)))
    said = cohort_document(many, title="T", criteria="5.0")["notes"]
    assert len(said) == 41
    assert said[-1].startswith("and 46")
    assert len(document(12)[1]["notes"]) < 10


def test_words():
    """Clopper-Pearson of 13/76 as in the field's tables: 9.4 to 27.5 %."""
    assert words.share(proportion(successes=13, n=76)) == "13/76 (17 %, 9–27 %)"
    assert words.share(proportion(successes=0, n=0)) == "–"
    assert words.months(None, None, None) == "not reached"
    assert words.interval(float("nan"), 0.3) == ""
    assert words.p_value(0.5) == "0.5"


def test_figures_of_designs():
    found = simulate_boin(boin(0.25), (0.1, 0.25, 0.5), trials=40)
    drawn = titration_figure(found, levels_gbq=(8.0, 10.0, 12.0), target=0.25, title="BOIN")
    left, right = drawn.axes
    assert [bar.get_height() for bar in left.patches] == pytest.approx(
        [*(100.0 * found.selected), 100.0 * found.none_selected]
    )
    assert [bar.get_height() for bar in right.patches] == pytest.approx(list(found.patients))
    with pytest.raises(ReportError, match="each level"):
        titration_figure(found, levels_gbq=(8.0, 10.0), target=0.25, title="BOIN")
    curves = two_stage_figure(simon_designs(poor=0.1, good=0.3)).axes[0].lines
    assert curves[0].get_ydata()[30] == pytest.approx(80.5, abs=0.05)  # power of the optimal design, Simon 1989
    with pytest.raises(ReportError, match="no design"):
        two_stage_figure([])
