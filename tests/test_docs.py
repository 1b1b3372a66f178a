"""The documentation against the code: every command, option and case key is described; links exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLI_PAGE = ROOT / "docs/reference/cli.md"


def commands():
    import typer

    from hemadose.cli.app import app

    return typer.main.get_command(app).commands


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_option_is_documented(name):
    section = CLI_PAGE.read_text().split(f"## hemadose {name}\n")[1].split("\n## ")[0]
    command = commands()[name]
    for each in (command, *getattr(command, "commands", {}).values()):
        for parameter in each.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert f"`{parameter.opts[0]}`" in section


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name
)
def test_links_between_pages_exist(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_case_key_is_documented():
    from hemadose.io.case import Case

    page = (ROOT / "docs/reference/case-file.md").read_text()
    for section in Case.model_fields:
        assert f"`[{section}]`" in page


def shown_commands():
    text = (ROOT / "README.md").read_text()
    block = next(b for b in re.findall(r"```\n(.*?)```", text, re.S) if b.startswith("hemadose fit"))
    lines = block.replace("\\\n", " ").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.startswith("hemadose")]


@pytest.mark.parametrize("command", shown_commands())
def test_readme_commands_run(command, tmp_path):
    (tmp_path / "samples.csv").write_text("region,time_h,activity_MBq\nliver,24,9\nliver,48,8\nliver,168,3\n")
    done = subprocess.run(
        [sys.executable, "-m", "hemadose.cli", *shlex.split(command)[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_changelog_names_the_version():
    from hemadose import __version__

    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in text or "## [Unreleased]" in text


def lines_of_readme():
    text = (ROOT / "README.md").read_text()
    blocks = "\n".join(re.findall(r"```\n(.*?)```", text, re.S)).replace("\\\n", " ")
    return [line.split("#")[0].strip() for line in blocks.splitlines() if line.startswith("hemadose ")]


@pytest.mark.parametrize("line", lines_of_readme())
def test_every_command_and_option_that_the_readme_shows_exists(line):
    words = line.split()[1:]
    command = commands()[words[0]]
    for word in words[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known
