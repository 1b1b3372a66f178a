"""Tables of what a dose is made of: parts add up to the whole, and nothing is left out."""

from __future__ import annotations

import dataclasses
import re

import pytest

from hemadose.model.marrow import MarrowEvent, MarrowFindings, MarrowMass
from hemadose.report.dose_parts import contribution_table, marrow_event_table, marrow_mass_table


def test_shares_of_every_organ_add_up(report):
    table = contribution_table(report)
    assert len(table.rows) == len(report.doses.organs)
    for row in table.rows:
        shares = [float(m[1]) for cell in row[1:] if (m := re.search(r"\(([\d.]+) %\)", cell))]
        assert sum(shares) == pytest.approx(100.0, abs=0.3)


def test_no_table_without_a_second_part(report):
    organs = tuple(dataclasses.replace(o, contributions=o.contributions[:0]) for o in report.doses.organs)
    bare = dataclasses.replace(report, doses=dataclasses.replace(report.doses, organs=organs))
    assert contribution_table(bare) is None


def test_events_and_masses(report):
    event = MarrowEvent(
        name="infusion of stem cells", at_s=14 * 86400.0, activity_bq=14.4e9, before_gy=7.5, before_sd_gy=1.5,
        after_gy=0.65, after_sd_gy=0.2, rate_gy_per_h=4.9e-3, rate_sd_gy_per_h=1.5e-3,
    )  # fmt: skip
    masses = (
        MarrowMass(rule="body-mass", mass_kg=1.17, source="Hindorf 2010", gy_per_bq=5e-10, chosen=True),
        MarrowMass(rule="reference", mass_kg=1.1, source="ICRP 89"),
    )
    found = MarrowFindings(method="image", masses=masses, events=(event,))
    report = dataclasses.replace(report, marrow=found)
    row = marrow_event_table(report).rows[0]
    assert (row[1], row[4], row[5]) == ("14.0 d", "0.65 ± 0.20", "4.9 ± 1.5")
    table = marrow_mass_table(report)
    assert table.strong == (0,)
    assert table.rows[0][0].endswith("(used)")
    assert marrow_event_table(dataclasses.replace(report, marrow=None)) is None
    assert marrow_mass_table(dataclasses.replace(report, marrow=MarrowFindings(method="image"))) is None
