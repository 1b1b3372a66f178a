"""MAR1: images see many times what blood sees, in 17 patients (PMC10478826, Table 3, Gy/GBq)."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.outcome.agreement import paired_agreement

# patient: vertebrae specific, nonspecific, total; hip bones specific, nonspecific, total; blood
TABLE = np.array(
    [
        "1",
        "0.068",
        "0.026",
        "0.093",
        "0.066",
        "0.019",
        "0.085",
        "0.015",
        "2",
        "0.025",
        "0.019",
        "0.044",
        "0.016",
        "0.014",
        "0.030",
        "0.011",
        "3",
        "0.016",
        "0.018",
        "0.033",
        "0.028",
        "0.013",
        "0.042",
        "0.012",
        "4",
        "0.022",
        "0.014",
        "0.036",
        "0.014",
        "0.011",
        "0.025",
        "0.010",
        "5",
        "0.496",
        "0.028",
        "0.524",
        "0.251",
        "0.022",
        "0.273",
        "0.019",
        "6",
        "0.018",
        "0.016",
        "0.034",
        "0.022",
        "0.012",
        "0.034",
        "0.011",
        "7",
        "0.020",
        "0.023",
        "0.042",
        "0.012",
        "0.017",
        "0.028",
        "0.017",
        "8",
        "0.029",
        "0.021",
        "0.050",
        "0.039",
        "0.015",
        "0.054",
        "0.012",
        "9",
        "0.038",
        "0.024",
        "0.062",
        "0.028",
        "0.017",
        "0.045",
        "0.013",
        "10",
        "0.047",
        "0.023",
        "0.070",
        "0.024",
        "0.017",
        "0.040",
        "0.013",
        "11",
        "0.065",
        "0.041",
        "0.106",
        "0.049",
        "0.030",
        "0.079",
        "0.023",
        "12",
        "0.052",
        "0.025",
        "0.077",
        "0.040",
        "0.018",
        "0.058",
        "0.014",
        "13",
        "0.052",
        "0.041",
        "0.093",
        "0.030",
        "0.030",
        "0.059",
        "0.023",
        "14",
        "0.056",
        "0.037",
        "0.093",
        "0.069",
        "0.027",
        "0.096",
        "0.021",
        "15",
        "0.114",
        "0.042",
        "0.157",
        "0.084",
        "0.032",
        "0.116",
        "0.029",
        "16",
        "0.026",
        "0.013",
        "0.039",
        "0.020",
        "0.010",
        "0.030",
        "0.009",
        "17",
        "0.043",
        "0.043",
        "0.086",
        "0.052",
        "0.033",
        "0.085",
        "0.029",
    ],
    dtype=float,
).reshape(17, 8)


def kept():
    """All but patient 5, whom the authors left out of the averages."""
    return TABLE[TABLE[:, 0] != 5]


def test_mar1_means():
    """MAR1: 0.0697, 0.0566, 0.0164 Gy/GBq (1 %)."""
    assert kept()[:, 3].mean() == pytest.approx(0.0697, rel=0.01)
    assert kept()[:, 6].mean() == pytest.approx(0.0566, rel=0.01)
    assert kept()[:, 7].mean() == pytest.approx(0.0164, rel=0.01)


def test_blood_content_and_specific_uptake_make_the_image():
    """The split that method `combined` makes, to the rounding of the table."""
    for specific, blood, total in ((1, 2, 3), (4, 5, 6)):
        np.testing.assert_allclose(TABLE[:, specific] + TABLE[:, blood], TABLE[:, total], atol=0.0016)


def test_blood_is_no_substitute():
    """Every patient gets more by images than by blood: 2 to 6 times, so that one must not stand for the other."""
    found = paired_agreement(first=kept()[:, 7].tolist(), second=kept()[:, 3].tolist())
    assert found.geometric_mean_ratio > 3.0
    assert found.ratio_low > 2.5
    assert found.wilcoxon_p < 1e-3
