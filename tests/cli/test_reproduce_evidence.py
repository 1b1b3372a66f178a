"""`hemadose reproduce` and `hemadose evidence` in a small app."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from hemadose.cli.evidence import register as register_evidence
from hemadose.cli.reproduce import register as register_reproduce
from hemadose.errors import InputError

APP = typer.Typer()
register_reproduce(APP)
register_evidence(APP)


def run(*words: str) -> str:
    result = CliRunner().invoke(APP, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_reproduce_prints_verdicts() -> None:
    output = run("reproduce", "braitsch-2025", "--row", "A17")
    assert "error in the paper" in output
    assert "0.214" in output
    assert "86 reproduced" in output


def test_reproduce_as_json_with_a_folder(tmp_path: Path) -> None:
    answer = json.loads(run("reproduce", "buck-2023", "--json", "--out", str(tmp_path)))
    assert answer["counts"]["error in the paper"] == 4
    assert (tmp_path / "report.html").is_file()


def test_evidence_prints_counts_and_intervals() -> None:
    output = run("evidence", "--agent", "apamistamab", "--endpoint", "durable complete response")
    assert "13/76" in output
    assert "27.5" in output


def test_evidence_pooled_as_json(tmp_path: Path) -> None:
    figure = tmp_path / "forest.png"
    answer = json.loads(run("evidence", "--endpoint", "overall response", "--pool", "--figure", str(figure), "--json"))
    assert answer["pooled"]["endpoint"] == "overall response"
    assert figure.is_file()


def test_evidence_pooled_in_words() -> None:
    output = run("evidence", "--endpoint", "overall response", "--pool")
    assert "left out" in output
    assert "I2_percent" in output


def test_bad_input_is_an_error_of_hemadose() -> None:
    for words in (["evidence", "--disease", "gout"], ["reproduce", "nobody-1999"]):
        assert isinstance(CliRunner().invoke(APP, words).exception, InputError)
