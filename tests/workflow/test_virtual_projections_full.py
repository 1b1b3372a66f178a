"""Bias and coverage from projections over 20 realisations, as `benchmarks/virtual_projections.py` prints them."""

import importlib.util
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

LIMITS = {"kidneys": 0.03, "liver": 0.03, "spleen": 0.03, "lesion_1": 0.05, "lumbar_l2_l4": 0.08}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("anatomy", ["male", "female"])
def test_bias_and_coverage_of_virtual_patients(anatomy):
    path = Path(__file__).parents[2] / "benchmarks/virtual_projections.py"
    spec = importlib.util.spec_from_file_location("virtual_projections", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    options = Namespace(anatomy=anatomy, realisations=20, first_seed=0, calibration="cylinder")
    (ratios, plain, covered, _), _ = benchmark.run(options)
    for name, limit in LIMITS.items():
        assert abs(np.mean(ratios[name]) - 1.0) <= limit, name
    assert np.mean(plain["kidneys"]) < 0.85  # without recovery correction it fails
    every = [c for name, values in covered.items() if name != "kidneys" for c in values]
    assert 0.90 <= np.mean(every) <= 0.99
