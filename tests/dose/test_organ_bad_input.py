"""What the organ sum refuses: no mass, negative activity, curves that do not decay, regions that a table lacks."""

from __future__ import annotations

import numpy as np
import pytest

from hemadose.dose import SourceCurve, organ_doses
from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model import CurveEnsemble, ExponentialCurve, SValue, SValueTable
from hemadose.physics.svalues import MarrowModel, patient_s_values
from hemadose.refdata.nuclides import nuclide

DAY = 86400.0


def table(mass_kg=0.3):
    return SValueTable(
        name="t",
        nuclide="Lu-177",
        values=(SValue(source="kidneys", target="kidneys", electron_gy_per_bq_s=8e-14, photon_gy_per_bq_s=1e-15),),
        target_mass_kg={"kidneys": mass_kg},
        source_note="test",
    )


def source(amplitudes=(1e6,), rates=(1e-5,), name="kidneys"):
    return SourceCurve(
        name=name,
        curve=ExponentialCurve(amplitudes_bq=np.array(amplitudes), rates_per_s=np.array(rates)),
        ensemble=CurveEnsemble(amplitudes_bq=np.array([amplitudes]), rates_per_s=np.array([rates])),
    )


def test_the_good_case_is_fine():
    """Negative test of the refusals below: 1e6 / 1e-5 x 8.1e-14 Gy for 1e9 Bq."""
    found = organ_doses([source()], administered_activity_bq=1e9, s_values=table())
    assert found.organ("kidneys").gy_per_bq == pytest.approx(1e11 * 8.1e-14 / 1e9)


@pytest.mark.parametrize("mass", [0.0, -0.3, float("nan")])
def test_organs_without_mass(mass):
    with pytest.raises(QuantityError):
        table(mass)
    with pytest.raises(QuantityError):
        patient_s_values(
            nuclide=nuclide("Lu-177"),
            organ_masses_kg={"kidneys": mass},
            body_mass_kg=73.0,
            marrow=MarrowModel(absorbed_fraction=0.57, mass_kg=1.17, rule="test"),
        )


def test_negative_time_integrated_activity():
    with pytest.raises(QuantityError, match="of kidneys is negative"):
        organ_doses([source(amplitudes=(-1e6,))], administered_activity_bq=1e9, s_values=table())
    rises_first = source(amplitudes=(1e6, -1e6), rates=(1e-6, 1e-5))
    assert organ_doses([rises_first], administered_activity_bq=1e9, s_values=table()).organ("kidneys").gy_per_bq > 0.0


@pytest.mark.parametrize("rate", [0.0, -1e-6, float("inf"), float("nan")])
def test_curves_that_do_not_decay(rate):
    with pytest.raises(QuantityError):
        source(rates=(rate,))


def test_a_region_that_the_table_lacks():
    with pytest.raises(ReferenceDataError, match="no S value for kidneys <- lungs"):
        organ_doses([source(), source(name="lungs")], administered_activity_bq=1e9, s_values=table())
    with pytest.raises(ReferenceDataError, match="no S value for lungs <- lungs"):
        organ_doses([source(name="lungs")], administered_activity_bq=1e9, s_values=table())
