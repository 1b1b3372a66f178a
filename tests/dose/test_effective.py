"""Effective dose: weights, surrogates, splitting, sums over the sexes, and FDG."""

from __future__ import annotations

import pytest

from hemadose.dose.coefficients import dose_coefficients
from hemadose.dose.effective import effective_dose, sex_average_sv_per_bq
from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import Sex, SValue, SValueTable
from hemadose.refdata.tissue_weights import SETS, tissue_weights

REGIONS = [
    "adrenals",
    "brain",
    "breasts",
    "colon_wall",
    "gallbladder_wall",
    "heart_wall",
    "kidneys",
    "liver",
    "lungs",
    "ovaries",
    "pancreas",
    "red_marrow",
    "remaining_tissue",
    "skeleton",
    "skin",
    "small_intestine",
    "spleen",
    "stomach_wall",
    "testes",
    "thymus",
    "thyroid",
    "bladder_wall",
    "uterus",
]


@pytest.mark.parametrize("name", SETS)
def test_weights_add_up_to_one(name):
    """ICRP 60 and 103."""
    found = tissue_weights(name)
    assert sum(found.weights.values()) + found.remainder_weight == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sex", list(Sex))
def test_a_uniform_dose_is_its_own_effective_dose(name, sex):
    found = effective_dose(dict.fromkeys(REGIONS, 3e-12), sex=sex, weights=tissue_weights(name))
    assert found.sv_per_bq == pytest.approx(3e-12, rel=1e-12)
    assert sum(t.weight for t in found.tissues) == pytest.approx(1.0, abs=1e-12)


def test_each_named_tissue_counts_with_its_weight():
    """Br J Radiol 2010;83:1042, Table 1."""
    for tissue, w60, w103 in (("breasts", 0.05, 0.12), ("liver", 0.05, 0.04), ("ovaries", 0.20, 0.08)):
        for name, weight in (("icrp60", w60), ("icrp103", w103)):
            doses = {**dict.fromkeys(REGIONS, 0.0), tissue: 1e-12}
            found = effective_dose(doses, sex=Sex.FEMALE, weights=tissue_weights(name))
            assert found.sv_per_bq == pytest.approx(weight * 1e-12), (tissue, name)


def test_gonads_are_those_of_the_sex():
    doses = {**dict.fromkeys(REGIONS, 0.0), "testes": 1e-12}
    assert effective_dose(doses, sex=Sex.MALE, weights=tissue_weights("icrp103")).sv_per_bq == pytest.approx(0.08e-12)
    assert effective_dose(doses, sex=Sex.FEMALE, weights=tissue_weights("icrp103")).sv_per_bq == 0.0


def test_remainder_of_thirteen_tissues():
    """ICRP 103: 0.12 shared by 13 tissues of each sex; the kidneys are one of them."""
    doses = {**dict.fromkeys(REGIONS, 0.0), "kidneys": 13e-12}
    for sex in Sex:
        found = effective_dose(doses, sex=sex, weights=tissue_weights("icrp103"))
        assert found.sv_per_bq == pytest.approx(0.12e-12)


def test_splitting_of_icrp60():
    """A remainder organ above every named one takes half of 0.05, the mean of the others the other half."""
    doses = {**dict.fromkeys(REGIONS, 0.0), "kidneys": 1e-12}
    found = effective_dose(doses, sex=Sex.MALE, weights=tissue_weights("icrp60"))
    assert found.sv_per_bq == pytest.approx(0.025e-12)
    higher_elsewhere = effective_dose({**doses, "liver": 2e-12}, sex=Sex.MALE, weights=tissue_weights("icrp60"))
    assert higher_elsewhere.sv_per_bq == pytest.approx((0.05 * 2 + 0.05 / 8) * 1e-12)


def test_what_is_replaced_is_said():
    doses = {name: 1e-12 for name in REGIONS if name not in ("breasts", "thymus")}
    found = effective_dose({**doses, "thymus": 1e-12}, sex=Sex.MALE, weights=tissue_weights("icrp103"))
    treated = {t.tissue: (t.treatment, t.region) for t in found.tissues if t.treatment != "own"}
    assert treated["oesophagus"] == ("surrogate", "thymus")
    assert treated["breasts"] == ("surrogate", "skin")
    assert treated["bone_surface"] == ("surrogate", "skeleton")
    assert all(t.reason for t in found.tissues if t.treatment != "own")
    assert 0.0 < found.surrogate_share < 0.5


def test_a_missing_tissue_is_never_zero():
    doses = dict.fromkeys(REGIONS, 1e-12)
    without = {k: v for k, v in doses.items() if k != "pancreas"}
    found = effective_dose(without, sex=Sex.MALE, weights=tissue_weights("icrp103"))
    left = next(t for t in found.tissues if t.tissue == "pancreas")
    assert (left.treatment, left.sv_per_bq, left.weight) == ("left out", None, 0.0)
    assert found.sv_per_bq == pytest.approx(1e-12), "the mean is that of the others"
    with pytest.raises(ReferenceDataError, match="liver"):
        effective_dose({k: v for k, v in doses.items() if k != "liver"}, sex=Sex.MALE, weights=tissue_weights("icrp60"))
    with pytest.raises(QuantityError):
        effective_dose({**doses, "liver": -1e-12}, sex=Sex.MALE, weights=tissue_weights("icrp60"))


def test_mean_of_the_sexes():
    weights = tissue_weights("icrp103")
    man = effective_dose(dict.fromkeys(REGIONS, 1e-12), sex=Sex.MALE, weights=weights)
    woman = effective_dose(dict.fromkeys(REGIONS, 3e-12), sex=Sex.FEMALE, weights=weights)
    assert sex_average_sv_per_bq([man, woman]) == pytest.approx(2e-12)
    with pytest.raises(QuantityError, match="one man and one woman"):
        sex_average_sv_per_bq([man, man])


def small_table():
    rows = {
        ("liver", "liver"): 5.0,
        ("liver", "spleen"): 0.1,
        ("spleen", "spleen"): 50.0,
        ("spleen", "liver"): 0.1,
        ("total_body", "liver"): 0.2,
        ("total_body", "spleen"): 0.2,
    }
    return SValueTable(
        name="small",
        nuclide="F-18",
        values=tuple(
            SValue(source=s, target=t, electron_gy_per_bq_s=v * 1e-15, photon_gy_per_bq_s=0.0)
            for (s, t), v in rows.items()
        ),
        target_mass_kg={"liver": 1.8, "spleen": 0.15, "total_body": 73.0},
        source_note="made up",
    )


def test_remainder_takes_the_sources_out_of_the_body():
    """Coffey and Watson: (0.2 x 73 - 5 x 1.8) / (73 - 1.8) for the liver with the liver as the only source."""
    found = dose_coefficients({"liver": 100.0, "remainder": 1000.0}, table=small_table())
    parts = {c.source: c.gy_per_bq for c in found["liver"]}
    assert parts["liver"] == pytest.approx(5e-13)
    assert parts["remainder"] == pytest.approx(1000 * (0.2 * 73 - 5 * 1.8) / (73 - 1.8) * 1e-15)


def test_a_remainder_below_nothing_counts_as_nothing():
    table = small_table()
    found = dose_coefficients({"spleen": 1.0, "liver": 1.0, "remainder": 1.0}, table=table)
    parts = {c.source: c.gy_per_bq for c in found["spleen"]}
    assert parts["remainder"] >= 0.0


def test_a_missing_pair_is_an_error_not_zero():
    table = small_table()
    short = SValueTable(
        name="short",
        nuclide="F-18",
        values=tuple(v for v in table.values if (v.source, v.target) != ("spleen", "liver")),
        target_mass_kg=table.target_mass_kg,
        source_note="made up",
    )
    with pytest.raises(ReferenceDataError, match="no S value for liver <- spleen"):
        dose_coefficients({"spleen": 1.0}, table=short)


@pytest.mark.parametrize(
    ("tiac", "error", "message"),
    [
        ({}, QuantityError, "no residence time"),
        ({"liver": 0.0}, QuantityError, "no residence time"),
        ({"liver": 1.0, "spleen": -1.0}, QuantityError, "negative"),
        ({"heart": 1.0}, ReferenceDataError, "no source heart"),
        ({"kidneys": 1.0, "kidney_left": 1.0}, QuantityError, "both given"),
    ],
)
def test_bad_residence_times(tiac, error, message):
    with pytest.raises(error, match=message):
        dose_coefficients(tiac, table=small_table())
