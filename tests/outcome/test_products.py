"""Words of blood products: both languages, and words that only look alike."""

from __future__ import annotations

import pytest

from hemadose.outcome.products import blood_product


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Transfusion of platelets", "platelets"), ("Thrombozytenkonzentrat", "platelets"),
        ("leukoreduced platelets", "platelets"), ("red cells", "red cells"), ("packed RBC", "red cells"),
        ("EK (Erythrozyten)", "red cells"), ("plasma", ""), ("", ""), ("transferred", ""),
    ],
)  # fmt: skip
def test_words(said, meant):
    assert blood_product(said) == meant
