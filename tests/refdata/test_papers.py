"""The packaged checklists: complete, cited, and pointing at code that exists."""

import importlib
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.outcome.papers import Claim, Paper
from hemadose.refdata.papers import paper, paper_from_table, paper_ids

PAPERS = tuple(paper(name) for name in paper_ids())


def table(name: str = "buck-2023") -> dict[str, Any]:
    text = files("hemadose.refdata").joinpath("data", "papers", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def claims(known: Paper) -> list[Claim]:
    return [claim for row in known.rows for claim in row.claims]


@pytest.mark.parametrize(("name", "ids"), [
    ("braitsch-2025", [f"A{i:02d}" for i in range(1, 39)]),
    ("buck-2023", [f"B{i:02d}" for i in range(1, 22)]),
])  # fmt: skip
def test_every_row_of_the_checklist_is_there(name: str, ids: list[str]) -> None:
    assert [row.id for row in paper(name).rows] == ids


def test_rules_and_figures_name_code_that_exists() -> None:
    named = {claim.where for known in PAPERS for claim in claims(known) if claim.where}
    assert len(named) > 40
    for where in named:
        module, _, name = where.partition(":")
        found = importlib.import_module(module)
        assert not name or callable(getattr(found, name)), where


def test_every_input_has_a_source() -> None:
    for known in PAPERS:
        assert all(known.inputs.sources[name] for name in known.inputs.numbers)
        assert all(summary.source for summary in known.inputs.summaries.values())


def test_no_verdict_on_a_number_is_stored() -> None:
    for known in PAPERS:
        assert all(not (claim.quantity and claim.stated) for claim in claims(known))


def test_an_unknown_paper_is_refused() -> None:
    with pytest.raises(ReferenceDataError):
        paper("nobody-1999")


@pytest.mark.parametrize("spoil", [
    lambda t: t.pop("citation"),
    lambda t: t["row"].append(t["row"][0]),
    lambda t: t["row"][0]["claim"][0].update(basis="rumour"),
    lambda t: t["row"][0]["claim"][0].update(colour="red"),
    lambda t: t["row"][1]["claim"][0].update(stated="reproduced"),
    lambda t: t["number"]["scans"].pop("source"),
])  # fmt: skip
def test_a_table_off_the_schema_is_refused(spoil: Any) -> None:
    known = table()
    spoil(known)
    with pytest.raises(ReferenceDataError):
        paper_from_table(known, source="test")
