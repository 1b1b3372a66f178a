"""Both papers recomputed: the known errors come out, every independent number agrees, nothing hides a failure."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from hemadose.errors import InputError
from hemadose.outcome.papers import Basis, Finding, Judgement, Line, Paper, judge
from hemadose.refdata.papers import paper
from hemadose.workflow.reproduce import QUANTITIES, judged, reproduce_answer
from hemadose.workflow.reproduce_regimens import beta_range_mm, electron_range_mm

BRAITSCH, BUCK = judged("braitsch-2025"), judged("buck-2023")


def lines(found: Judgement, finding: Finding) -> set[tuple[str, str]]:
    return {(line.row, line.claim.quantity) for line in found.lines if line.finding is finding}


def line(found: Judgement, quantity: str) -> Line:
    return next(x for x in found.lines if x.claim.quantity == quantity)


def with_number(known: Paper, name: str, *values: float) -> Paper:
    numbers = MappingProxyType({**known.inputs.numbers, name: values})
    return replace(known, inputs=replace(known.inputs, numbers=numbers))


def test_known_errors_of_braitsch_2025() -> None:
    """SD of the marrow (0.12, 0.21 by n - 1), mg/m2 twice, 133I, survival in SIERRA: and nothing else."""
    assert lines(BRAITSCH, Finding.ERROR) == {
        ("A17", "table2.red_marrow.pre.sd"),
        ("A22", "cyclophosphamide.matched"),
        ("A23", "cyclophosphamide.haplo"),
        ("A36", "anti_cd45.isotope"),
        ("A36", "sierra.survival"),
    }
    assert line(BRAITSCH, "table2.red_marrow.pre.sd").values[0] == pytest.approx(0.214, abs=5e-4)
    assert line(BRAITSCH, "anti_cd45.isotope").values == (131.0,)


def test_known_errors_of_buck_2023() -> None:
    """17.4 % for 11 of 63, names of the agents, 66 examinations for 26 patients: and nothing else."""
    assert lines(BUCK, Finding.ERROR) == {
        ("B01", "share.sierra.care"), ("B05", "names.changed"), ("B05", "names.misprints"),
        ("B13", "gastric.examinations"),
    }  # fmt: skip
    assert line(BUCK, "share.sierra.care").values[0] == pytest.approx(100 * 11 / 63)


def test_differences_that_are_no_errors() -> None:
    assert lines(BRAITSCH, Finding.DIFFERS) == {
        ("A10", "times.pre"), ("A10", "times.post"), ("A23", "regimen.immunosuppression_day"),
    }  # fmt: skip
    assert lines(BUCK, Finding.DIFFERS) == {
        ("B01", "share.randomised.or"), ("B07", "half_life.lu"), ("B12", "mzl.published_p"),
    }  # fmt: skip


@pytest.mark.parametrize("found", [BRAITSCH, BUCK], ids=["braitsch", "buck"])
def test_every_independent_number_is_reproduced(found: Judgement) -> None:
    derived = [x for x in found.lines if x.claim.quantity and x.claim.basis is Basis.DERIVED]
    assert len(derived) >= 13
    assert [x.claim.what for x in derived if x.finding is not Finding.REPRODUCED] == []


@pytest.mark.parametrize("name", list(QUANTITIES))
def test_every_quantity_that_is_computed_is_compared_or_belongs_to_a_family(name: str) -> None:
    known = paper(name)
    used = {claim.quantity for row in known.rows for claim in row.claims}
    assert set(QUANTITIES[name](known)) - used <= {"delivered.liver", "predicted.liver", "predicted.red_marrow"}


def test_endpoints_of_braitsch_2025() -> None:
    """2/7 alive, 28.6 % (3.7-71.0); progression-free 1/7, 14.3 % (0.4-57.9)."""
    assert line(BRAITSCH, "survival.rate").values == pytest.approx((28.571, 3.669, 70.958), abs=1e-3)
    assert line(BRAITSCH, "progression_free.rate").values == pytest.approx((14.286, 0.361, 57.872), abs=1e-3)
    assert [line(BRAITSCH, f"relapse.{m}").values[0] for m in (6, 24)] == pytest.approx([300 / 7, 400 / 7])


def test_accuracy_in_gastric_malt_says_what_clusters_may_do() -> None:
    assert "87.1 to 99.8 %" in line(BUCK, "gastric.accuracy").note
    assert line(BUCK, "gastric.table").values == (38.0, 2.0, 26.0, 0.0)


def test_another_printed_number_gives_another_verdict() -> None:
    """One more death in intensive care: nothing agrees with the other counts, and no verdict is given."""
    known = paper("braitsch-2025")
    with pytest.raises(InputError, match="do not determine"):
        QUANTITIES[known.id](with_number(known, "deaths_in_intensive_care", 3.0))
    moved = with_number(known, "early_relapse_months", 7.0)
    found = judge(moved, QUANTITIES[known.id](moved))
    assert line(found, "relapse.6").finding is Finding.DIFFERS


def test_kidney_limit_follows_the_coefficient() -> None:
    known = with_number(paper("buck-2023"), "kidneys_lu_Gy_per_GBq", 1.8)
    found = judge(known, QUANTITIES[known.id](known))
    assert line(found, "limit.lu").finding is Finding.DIFFERS
    assert "outside" in line(found, "limit.lu").note


def test_range_of_beta_particles_is_that_of_estar() -> None:
    """CSDA range in water, ESTAR (NIST): 0.1766, 0.4367, 0.9785 g/cm2 at 0.5, 1 and 2 MeV; end points 498, 2280 keV."""
    for kev, g_per_cm2 in ((500.0, 0.1766), (1000.0, 0.4367), (2000.0, 0.9785)):
        assert electron_range_mm(kev) == pytest.approx(10.0 * g_per_cm2, rel=0.01)
    assert electron_range_mm(497.8) == pytest.approx(beta_range_mm("Lu-177"), rel=1e-3)
    assert electron_range_mm(2280.1) == pytest.approx(beta_range_mm("Y-90"), rel=1e-3)


def test_the_answer_can_be_narrowed() -> None:
    answer = reproduce_answer("braitsch-2025", row="a17", verdict="error in the paper")
    assert [claim["recomputed"] for claim in answer["claims"]] == ["0.214"]
    assert sum(answer["counts"].values()) == len(BRAITSCH.lines)
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("wrong", [{"name": "x"}, {"row": "Z9"}, {"verdict": "fine"}])
def test_unknown_words_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InputError):
        reproduce_answer(**{"name": "buck-2023", **wrong})  # type: ignore[arg-type]


def test_the_report_holds_every_claim(tmp_path: Path) -> None:
    answer = reproduce_answer("buck-2023", row="B01", out=tmp_path)
    assert len(answer["written"]) == 7
    assert all(Path(path).is_file() for path in answer["written"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "error in the paper" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    table = list(csv.DictReader(io.StringIO((tmp_path / "claims.csv").read_text(encoding="utf-8"))))
    assert len(table) == len(BUCK.lines)
    assert {row["row"] for row in table} == {f"B{i:02d}" for i in range(1, 22)}
    stored = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert len(stored["claims"]) == len(BUCK.lines)
    marked = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    assert sum(text.startswith("| B") for text in marked) == len(BUCK.lines)
