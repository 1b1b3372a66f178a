"""Conversion of laboratory units against conversion factors in print (AMA Manual of Style, 11th ed., Table 17.5-1)."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import QuantityError
from hemadose.outcome.quantities import require_believable, to_standard
from hemadose.outcome.ucum import conversion, parse_unit
from hemadose.refdata.quantities import quantities

# conventional unit, SI unit, printed factor (conventional x factor = SI)
PRINTED = [
    ("creatinine", "mg/dL", "umol/L", 88.4),
    ("bilirubin", "mg/dL", "umol/L", 17.104),
    ("urate", "mg/dL", "umol/L", 59.485),
    ("calcium", "mg/dL", "mmol/L", 0.25),
    ("phosphate", "mg/dL", "mmol/L", 0.323),
    ("potassium", "meq/L", "mmol/L", 1.0),
    ("haemoglobin", "g/dL", "g/L", 10.0),
    ("haemoglobin", "g/dL", "mmol/L", 0.6206),
    ("ldh", "U/L", "ukat/L", 0.0167),
    ("platelets", "10*3/uL", "10*9/L", 1.0),
]


@pytest.mark.parametrize(("name", "unit", "si", "factor"), PRINTED)
def test_factors_in_print(name, unit, si, factor):
    quantity = quantities()[name]
    slope, intercept = conversion(
        unit, si, molar_mass_g_per_mol=quantity.molar_mass_g_per_mol, valence=quantity.valence
    )
    assert intercept == 0.0
    assert slope == pytest.approx(factor, rel=4e-3)


@pytest.mark.parametrize("name", list(quantities().by_name))
def test_every_quantity_keeps_its_own_unit_and_a_believable_middle(name):
    quantity = quantities()[name]
    middle = (quantity.lowest + quantity.highest) / 2.0
    assert to_standard(quantity, [middle], quantity.unit) == pytest.approx([middle])
    require_believable(quantity, np.array([middle]))


@pytest.mark.parametrize("spelled", ["G/l", "10^9/L", "Tsd/µl", "/nL", "10*3/uL", "K/µL"])
def test_spellings_of_counts_mean_the_same(spelled):
    assert to_standard(quantities()["platelets"], [150.0], spelled) == pytest.approx([150.0])


def test_counts_per_microlitre():
    assert to_standard(quantities()["neutrophils"], [500.0], "/uL") == pytest.approx([0.5])


def test_temperatures_have_an_offset():
    assert to_standard(quantities()["temperature"], [101.3], "°F") == pytest.approx([38.5], abs=0.01)
    assert to_standard(quantities()["temperature"], [310.15], "K") == pytest.approx([37.0])


@pytest.mark.parametrize("unit", ["", "  ", "mg/dl/", "foo", "mg/xL"])
def test_units_that_are_missing_or_unknown_are_refused(unit):
    with pytest.raises(QuantityError, match=r"no unit|not understood"):
        parse_unit(unit)


def test_another_dimension_is_refused():
    with pytest.raises(QuantityError, match="different things"):
        to_standard(quantities()["creatinine"], [1.0], "U/L")
    with pytest.raises(QuantityError, match="different things"):
        conversion("mg/dL", "umol/L")  # no molar mass


def test_a_slip_of_the_unit_is_not_believable():
    with pytest.raises(QuantityError, match="not believable"):
        require_believable(quantities()["creatinine"], np.array([88.0]))
    with pytest.raises(QuantityError, match="not believable"):
        require_believable(quantities()["platelets"], np.array([np.nan]))


def test_every_code_means_one_quantity():
    labels = [code for q in quantities().by_name.values() for code in (q.name, *q.loinc, *q.synonyms)]
    assert len(labels) == len(set(labels))
    assert quantities().find("nothing of the kind") is None
