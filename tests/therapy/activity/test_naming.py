"""Names of radiopharmaceuticals: misprints of Braitsch 2025 and Buck 2023 are caught."""

from __future__ import annotations

import pytest

from hemadose.errors import PlanningError
from hemadose.therapy.activity.naming import normalised_agent


@pytest.mark.parametrize(
    ("written", "title", "noted"),
    [
        ("177Lu-pentixafor", "[177Lu]Lu-pentixather", True),  # Buck 2023: the diagnostic's name for the therapy
        ("90Y-pentixafor", "[90Y]Y-pentixather", True),
        ("^177^Lu-Pentixather", "[177Lu]Lu-pentixather", False),
        ("Lu-177 pentixather", "[177Lu]Lu-pentixather", False),
        ("[68Ga]Ga-pentixafor", "[68Ga]Ga-pentixafor", False),
        ("68Ga-pentixather", "[68Ga]Ga-pentixafor", True),
        ("131I-anti-CD45", "[131I]I-anti-CD45", False),
        ("131Iodine-labeled anti-CD45", "[131I]I-anti-CD45", False),
        ("188Rhenium-labeled anti-CD66", "[188Re]Re-anti-CD66", False),
        ("90Y-ibratumab", "[90Y]Y-ibritumomab tiuxetan", True),  # Buck 2023
        ("131I lomab-B", "[131I]I-anti-CD45", True),  # Buck 2023
    ],
)
def test_meant_names(written: str, title: str, noted: bool) -> None:
    meant = normalised_agent(written)
    assert meant.title == title
    assert bool(meant.notes) is noted


@pytest.mark.parametrize("written", ["133I-anti-CD45", "133Iodine-labeled anti-CD45"])
def test_the_printed_133i_is_refused(written: str) -> None:
    # Braitsch 2025, discussion; its references 49 and 51 say 131I
    with pytest.raises(PlanningError, match=r"not labelled with 133I.*write 131I"):
        normalised_agent(written)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("pentixather", "needs its radionuclide"),
        ("177Lu-DOTATATE", "unknown radiopharmaceutical"),
        ("131I-pentixather", "not labelled with 131I"),
        ("", "needs its radionuclide"),
    ],
)
def test_what_is_refused(written: str, message: str) -> None:
    with pytest.raises(PlanningError, match=message):
        normalised_agent(written)
