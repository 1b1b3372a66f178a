"""Bias and coverage of doses, residual marrow dose and activity, from DICOM to prescription, on virtual patients.

Run: python benchmarks/virtual_doses.py [--realisations 10] [--anatomy male female] [--voxel-mm 6]

Every realisation is a patient of its own: uptakes drawn between patients (30 %), noise and calibration error of its
own, written as DICOM, read again through its case file. The true dose is what the true time-integrated activities,
true organ masses and the same S values give, so that the error of S values is not in it (their own tests:
docs/methods/svalues.md); nor is the mass of red marrow, which the anatomy does not have and the case states.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from hemadose.io.case import read_case
from hemadose.physics.patient_svalues import scaled_s_values
from hemadose.workflow.curves import fit_all
from hemadose.workflow.doses import dose_study
from hemadose.workflow.patient_marrow import marrow_model
from hemadose.workflow.patient_table import reference_table
from hemadose.workflow.prescribing import prescribe_case
from hemadose.workflow.quantify import quantify
from hemadose.workflow.simulate import SimulationOptions, simulate_study
from hemadose.workflow.study import case_administration, read_study

ORGANS = ("kidneys", "liver", "spleen", "red_marrow")


def true_doses(case, administration, truth, folder):
    """Give the true Gy/Bq of every organ from true activities and true masses."""
    masses = {name: truth["mass_g"][name] / 1000.0 for name in ORGANS[:3]}
    marrow = marrow_model(case, administration, folder)[0]
    table = scaled_s_values(
        reference_table(case, administration, folder), nuclide=administration.nuclide, organ_masses_kg=masses,
        body_mass_kg=truth["mass_g"]["whole_body"] / 1000.0, marrow=marrow,
    )  # fmt: skip
    hours = truth["tia_MBq_h"]
    tia = {name: hours[name] * 3.6e9 for name in ORGANS}
    tia["remainder"] = hours["whole_body"] * 3.6e9 - sum(tia.values())
    given = truth["administered_activity_MBq"] * 1e6
    return {
        target: sum(tia[s] * table.get(source=s, target=target).gy_per_bq_s for s in tia) / given for target in ORGANS
    }


def one(anatomy, seed, voxel_mm):
    """Simulate, analyse, compare: target to (ratio, covered)."""
    rng = np.random.default_rng([seed, 17])
    uptake = {name: float(np.exp(0.3 * rng.standard_normal())) for name in ORGANS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "study"
        simulate_study(folder, SimulationOptions(anatomy=anatomy, seed=seed, uptake=uptake, voxel_mm=voxel_mm))
        case = read_case(folder / "case.toml")
        administration = case_administration(case)
        quantified = quantify(case, read_study(case, folder), administration, folder=folder)
        fits = fit_all(case, quantified, administration)
        outcome = dose_study(case, quantified, fits, administration, folder)
        prescription = prescribe_case(case, outcome.doses)
        truth = json.loads((folder / "truth" / "truth.json").read_text())
        expected = true_doses(case, administration, truth, folder)
    found = {}
    for target, true in expected.items():
        dose = outcome.doses.organ(target)
        low, high = np.quantile(dose.gy_per_bq_draws, [0.025, 0.975])
        found[target] = (dose.gy_per_bq / true, low <= true <= high)
    allowed = {o.limit.name: o.max_activity_bq for o in prescription.outcomes}
    if "kidneys" in allowed:
        found["activity by kidneys"] = (allowed["kidneys"] * expected["kidneys"] / 23.0, True)
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--realisations", type=int, default=10)
    parser.add_argument("--anatomy", nargs="+", default=["male", "female"])
    parser.add_argument("--voxel-mm", type=float, default=6.0)
    options = parser.parse_args()
    for anatomy in options.anatomy:
        ratios, covered = defaultdict(list), defaultdict(list)
        for seed in range(1, options.realisations + 1):
            for target, (ratio, inside) in one(anatomy, seed, options.voxel_mm).items():
                ratios[target].append(ratio)
                covered[target].append(inside)
        print(f"{anatomy}, {options.realisations} patients, uptakes vary by 30 %")
        print(f"{'':22s} {'bias %':>8s} {'SD %':>7s} {'worst %':>8s} {'95 % interval holds':>20s}")
        for target, values in ratios.items():
            off = 100.0 * (np.array(values) - 1.0)
            held = "" if target.startswith("activity") else f"{100 * np.mean(covered[target]):.0f} %"
            print(f"{target:22s} {off.mean():8.2f} {off.std(ddof=1):7.2f} {off[np.argmax(abs(off))]:8.2f} {held:>20s}")
        together = [c for t, cs in covered.items() if not t.startswith("activity") for c in cs]
        print(f"all organs together: {100 * np.mean(together):.1f} % (goal 90-99)", flush=True)


if __name__ == "__main__":
    main()
