"""Gastric MALT lymphoma: published accuracy, and the clustering that it hides."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError
from hemadose.outcome.statistics import diagnostic_accuracy, diagnostic_accuracy_of, proportion


@pytest.mark.parametrize(
    ("measure", "percent", "low", "high"),
    # clinical reference B13: 66 examinations, TP 38 FN 2 TN 26 FP 0
    [
        ("sensitivity", 95.0, 83.1, 99.4),
        ("specificity", 100.0, 86.8, 100.0),
        ("accuracy", 97.0, 89.5, 99.6),
        ("npv", 92.9, 76.5, 99.1),
    ],
)
def test_gastric_malt(measure: str, percent: float, low: float, high: float) -> None:
    found = getattr(diagnostic_accuracy(tp=38, fp=0, fn=2, tn=26), measure)
    assert (round(100 * found.estimate, 1), round(100 * found.low, 1), round(100 * found.high, 1)) == (
        percent,
        low,
        high,
    )


def test_hidden_clustering_is_said_and_widens() -> None:
    # 46 follow-ups of 26 patients and 20 controls
    found = diagnostic_accuracy(tp=38, fp=0, fn=2, tn=26, patients=46)
    assert "66 examinations of 46 patients" in found.notes[0]
    assert "cluster data" in found.notes[0]
    assert found.worst_case["accuracy"][0] < found.accuracy.low
    assert found.worst_case["specificity"][0] < found.specificity.low
    assert found.clustered == {}


def test_one_examination_a_patient_needs_no_warning() -> None:
    found = diagnostic_accuracy(tp=3, fp=1, fn=1, tn=5, patients=10)
    assert found.worst_case == {}
    assert not any("clust" in note for note in found.notes)


def test_table_from_examinations() -> None:
    test, truth = [1, 1, 0, 0, 1, 0], [1, 0, 1, 0, 1, 0]
    found = diagnostic_accuracy_of(test=test, truth=truth)
    assert (found.tp, found.fp, found.fn, found.tn) == (2, 1, 1, 2)
    assert found.sensitivity.estimate == pytest.approx(2 / 3)
    assert found.ppv.estimate == pytest.approx(2 / 3)


def test_repeated_patients_get_clustered_intervals() -> None:
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(30), 3)
    truth = np.repeat(rng.integers(0, 2, 30), 3)
    test = np.where(np.repeat(rng.random(30) < 0.8, 3), truth, 1 - truth)
    found = diagnostic_accuracy_of(test=test, truth=truth, patients=patients)
    assert set(found.clustered) == {"sensitivity", "specificity", "accuracy", "ppv", "npv"}
    accuracy = found.clustered["accuracy"]
    assert accuracy.estimate == found.accuracy.estimate
    assert accuracy.design_effect == pytest.approx(3 * 30 / 29)
    assert accuracy.high - accuracy.low > 1.4 * (found.accuracy.high - found.accuracy.low)


def test_single_visits_are_not_clustered() -> None:
    found = diagnostic_accuracy_of(test=[1, 0, 1], truth=[1, 0, 0], patients=["a", "b", "c"])
    assert found.clustered == {}


def test_undefined_measures_are_named() -> None:
    found = diagnostic_accuracy(tp=0, fp=0, fn=0, tn=5)
    assert np.isnan(found.sensitivity.estimate)
    assert "not defined (no examination): sensitivity, ppv" in found.notes
    assert found.specificity == proportion(successes=5, n=5)


def test_refusals() -> None:
    with pytest.raises(InputError):
        diagnostic_accuracy(tp=0, fp=0, fn=0, tn=0)
    with pytest.raises(QuantityError):
        diagnostic_accuracy(tp=-1, fp=0, fn=3, tn=0)
    with pytest.raises(QuantityError):
        diagnostic_accuracy(tp=3, fp=0, fn=0, tn=0, patients=4)
    with pytest.raises(InputError):
        diagnostic_accuracy_of(test=[1, None], truth=[1, 0])
    with pytest.raises(InputError):
        diagnostic_accuracy_of(test=[1, 0, 1], truth=[1, 0])
