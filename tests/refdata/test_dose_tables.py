"""Packaged marrow shares, conventions and tissue weights: sums, evidence, refusals."""

from __future__ import annotations

import pytest

from hemadose.errors import ReferenceDataError
from hemadose.physics.phantoms import red_marrow_fraction
from hemadose.refdata.marrow_sites import marrow_site, marrow_site_names
from hemadose.refdata.tissue_weights import tissue_weights


def test_shares_are_those_of_the_phantom():
    """Same publication (Cristy 1981): the phantom divides by the sum of 99.9 %."""
    lumbar = sum(red_marrow_fraction(f"lumbar_l{n}") for n in range(1, 6))
    assert marrow_site("lumbar_l1_l5").fraction == pytest.approx(lumbar * 0.999, rel=1e-3)
    assert marrow_site("pelvis").fraction == pytest.approx(red_marrow_fraction("pelvis") * 0.999, rel=1e-3)
    assert marrow_site("thoracic_spine").fraction == pytest.approx(
        red_marrow_fraction("spine_middle") * 0.999, rel=1e-3
    )


def test_parts_add_up():
    pelvis = marrow_site("sacrum").fraction + marrow_site("os_coxae").fraction
    assert marrow_site("pelvis").fraction == pytest.approx(pelvis)
    assert marrow_site("hip_left").fraction + marrow_site("hip_right").fraction == pytest.approx(
        marrow_site("os_coxae").fraction
    )
    vertebrae = [marrow_site(f"lumbar_l{n}").fraction for n in range(1, 6)]
    assert sum(vertebrae) == pytest.approx(marrow_site("lumbar_l1_l5").fraction)
    assert marrow_site("spongiosa").fraction == 1.0


def test_the_customary_share_of_l2_l4_is_below_the_anatomical_one():
    """0.067 against 3/5 of 0.123 = 0.074: 10 % more marrow activity."""
    assert marrow_site("lumbar_l2_l4").fraction / (0.6 * marrow_site("lumbar_l1_l5").fraction) == pytest.approx(
        0.908, abs=2e-3
    )


@pytest.mark.parametrize("name", [n for n in marrow_site_names() if n != "iliac"])
def test_recalled_shares_say_so(name):
    found = marrow_site(name)
    assert found.evidence == ("publication" if name == "spongiosa" else "unverified")
    assert found.source


@pytest.mark.parametrize("name", ["iliac", "skull", ""])
def test_unknown_shares_are_refused(name):
    with pytest.raises(ReferenceDataError, match="no share of red marrow"):
        marrow_site(name)


def test_unknown_weights_are_refused():
    with pytest.raises(ReferenceDataError, match="unknown tissue weights"):
        tissue_weights("icrp26")
