"""Rows of contributions, conventions and red marrow: units and sums."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.model import DoseContribution, OrganDose, StudyDoses
from hemadose.model.convention import ConventionDose
from hemadose.model.marrow import MarrowEvent, MarrowFindings, MarrowMass, MarrowSite, SiteEstimate
from hemadose.report.tables import (
    contribution_rows,
    convention_rows,
    marrow_event_rows,
    marrow_mass_rows,
    marrow_site_rows,
)
from hemadose.units import DAY_S, GBQ, HOUR_S, MBQ

FINDINGS = MarrowFindings(
    method="image",
    sites=(
        SiteEstimate(
            site=MarrowSite(
                name="sacrum", title="sacrum", fraction=0.099, relative_sd=0.1, source="s", evidence="unverified"
            ),
            tia_bq_s=2000 * MBQ * HOUR_S,
            sd_bq_s=200 * MBQ * HOUR_S,
            weight=1.0,
        ),
    ),
    masses=(MarrowMass(rule="body-mass", mass_kg=1.2, source="x", gy_per_bq=0.5e-9, chosen=True),),
    events=(
        MarrowEvent(
            name="infusion of stem cells",
            at_s=14 * DAY_S,
            activity_bq=14.4 * GBQ,
            before_gy=7.555,
            before_sd_gy=0.7,
            after_gy=0.653,
            after_sd_gy=0.1,
            rate_gy_per_h=4.919e-3,
            rate_sd_gy_per_h=0.5e-3,
        ),
    ),
)


def doses(gy=(0.9e-9, 0.1e-9)):
    parts = tuple(DoseContribution(source=s, gy_per_bq=g) for s, g in zip(("kidneys", "liver"), gy, strict=True))
    organ = OrganDose(
        target="kidneys",
        gy_per_bq=sum(gy),
        gy_per_bq_draws=np.array([sum(gy)]),
        contributions=parts,
        mass_kg=0.3,
        method="mird-organ",
    )
    return StudyDoses(organs=(organ,), marrow_residual=None, s_value_source="x")


def test_shares_of_contributions_add_up_to_one():
    rows = contribution_rows(doses())
    assert [r["dose_Gy_per_GBq"] for r in rows] == pytest.approx([0.9, 0.1])
    assert sum(r["share"] for r in rows) == pytest.approx(1.0)


def test_no_dose_has_no_shares():
    assert [r["share"] for r in contribution_rows(doses((0.0, 0.0)))] == [None, None]


def test_conventions_in_grams_and_gray():
    row = convention_rows(
        [ConventionDose(convention="idac-2.1", target="kidneys", mass_kg=0.4215, gy_per_bq=0.6e-9, chosen=False)]
    )[0]
    assert (row["mass_g"], row["dose_Gy_per_GBq"], row["chosen"]) == (pytest.approx(421.5), pytest.approx(0.6), False)


def test_marrow_rows_carry_units_in_their_names():
    site, mass, event = marrow_site_rows(FINDINGS)[0], marrow_mass_rows(FINDINGS)[0], marrow_event_rows(FINDINGS)[0]
    assert site["whole_marrow_tia_MBq_h"] == pytest.approx(2000.0)
    assert site["evidence"] == "unverified"
    assert (mass["mass_g"], mass["dose_Gy_per_GBq"]) == (pytest.approx(1200.0), pytest.approx(0.5))
    assert (event["day"], event["activity_GBq"]) == (pytest.approx(14.0), pytest.approx(14.4))
    assert event["rate_mGy_per_h"] == pytest.approx(4.919)
    assert event["before_Gy"] + event["after_Gy"] == pytest.approx(8.208)
