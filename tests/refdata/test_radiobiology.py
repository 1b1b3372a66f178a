"""The packaged alpha/beta table: what is confirmed, what is said not to be."""

from __future__ import annotations

import pytest

from hemadose.dose.radiobiology import Evidence
from hemadose.errors import ReferenceDataError
from hemadose.refdata.radiobiology import tissue_experience, tissue_organs, tissue_response


@pytest.mark.parametrize("organ", tissue_organs())
def test_every_entry_is_complete_and_names_its_sources(organ):
    tissue = tissue_response(organ)
    assert tissue.alpha_beta_source
    assert tissue.repair_source
    unconfirmed = [tissue.alpha_beta_evidence, tissue.repair_evidence].count(Evidence.UNVERIFIED)
    assert sum("not confirmed" in note for note in tissue.notes) == unconfirmed


def test_kidney_numbers_of_the_cited_abstracts():
    # Thames 1988: 2.8 h, or 1.5 h; O'Donoghue 2004: alpha/beta 1.5-3 Gy; 15-17 Gy local and 12 Gy with TBI, in 2 Gy
    tissue = tissue_response("kidneys")
    assert tissue.repair.half_lives_s == pytest.approx((2.8 * 3600,))
    assert tissue.repair_range_s == pytest.approx((1.5 * 3600, 2.8 * 3600))
    assert tissue.alpha_beta_range_gy == (1.5, 3.0)
    assert {(e.low_gy, e.high_gy) for e in tissue_experience("kidneys") if e.quantity == "eqd2"} == {(15, 17), (12, 12)}


def test_lung_repair_of_the_cited_abstract():
    # Travis 1987: 0.76 h; 0.60 h above 5 Gy, 0.83 h for 2 Gy
    assert tissue_response("lungs").repair.half_lives_s == pytest.approx((0.76 * 3600,))


def test_an_unknown_organ_is_refused_and_has_no_experience():
    with pytest.raises(ReferenceDataError, match="no packaged alpha/beta"):
        tissue_response("spleen")
    assert tissue_experience("spleen") == ()
