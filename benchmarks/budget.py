"""The full uncertainty budget: processor seconds for 1e5 draws, and its refits against the project's own fitter.

Seven sources (six organs and the whole body) with five time points each, refits of every draw included; six dose
coefficients, the marrow dose after infusion, three limits and the proposed activity, each to first order, by Monte
Carlo, one cause at a time and as Sobol indices. Compilation is not counted.

Run: python benchmarks/budget.py [--draws 100000]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from hemadose.dose.uncertainty import BudgetInputs, RegionInput, TailInput, TargetInput, make_budget
from hemadose.kinetics import FitOptions, fit_series
from hemadose.kinetics.leastsquares import solve
from hemadose.kinetics.refit import fit_copies, refit_plan
from hemadose.model import ActivitySample, ActivitySeries, Limit, LimitKind, Nuclide
from hemadose.units import HOUR_S
from hemadose.workflow.budget_curves import draw_curve

GOAL_S = 2.0
LU = Nuclide(name="Lu-177", half_life_s=574300.8, electron_energy_kev=147.92, photon_energy_kev=35.1)
TIMES_H = (4.0, 24.0, 48.0, 96.0, 168.0)
INFUSION_S = 14 * 86400.0
TRUTH = {  # half-lives h, amplitudes MBq
    "kidney_left": ((41.0,), (3.0,)),
    "kidney_right": ((41.0,), (3.2,)),
    "liver": ((20.0, 109.0), (4.0, 8.0)),
    "spleen": ((86.0,), (2.5,)),
    "lumbar_l2_l4": ((10.0, 92.0), (1.0, 2.0)),
    "lesion_1": ((60.0,), (1.0,)),
    "whole_body": ((15.0, 100.0), (60.0, 100.0)),
}
TARGETS = {"kidneys": 0.31, "liver": 1.8, "spleen": 0.15, "red_marrow": 1.17, "lesion_1": 0.02}
OWN = {"kidneys": ("kidney_left", "kidney_right"), "red_marrow": ("lumbar_l2_l4",)}


def study(seed=1):
    """Series of all sources with 4 % noise."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, (halves, amplitudes) in TRUTH.items():
        t = np.array(TIMES_H)
        true = sum(a * np.exp2(-t / h) for h, a in zip(halves, amplitudes, strict=True)) * 1e6
        seen = true * (1.0 + 0.04 * rng.standard_normal(t.size))
        samples = tuple(
            ActivitySample(region=name, time_s=h * HOUR_S, activity_bq=float(a), sd_bq=float(0.04 * a))
            for h, a in zip(TIMES_H, seen, strict=True)
        )
        found[name] = ActivitySeries(region=name, samples=samples, shared_relative_sd=0.05)
    return found


def inputs_of(curves):
    """The chain: own dose by mass, cross-dose from the remainder."""
    names = list(curves)
    per_decay = 2.36e-14 / 2e8  # J per decay over 200 MBq
    regions = tuple(
        RegionInput(
            name=n,
            integrals_bq_s=c.best,
            calibration=0.0 if n == "whole_body" else 0.03,
            recovery=0.0 if n == "whole_body" else 0.03,
            volume=0.0 if n == "whole_body" else 0.08,
            volume_exponent=0.3,
            marrow_fraction=0.1 if n == "lumbar_l2_l4" else 0.0,
            stated_share=c.stated_share,
            samples_variance=c.samples_variance,
            model_variance=c.model_variance,
        )
        for n, c in curves.items()
    )
    rest = np.array([1.0 if n == "whole_body" else -1.0 for n in names]) * 1e-2 * per_decay / 73.0
    targets = []
    for target, mass in TARGETS.items():
        own = np.array([per_decay / mass if n in OWN.get(target, (target,)) else 0.0 for n in names])
        if target == "red_marrow":
            own = own * 0.57 / 0.067
        targets.append(
            TargetInput(
                name=target,
                own=own,
                cross=rest,
                mass_relative_sd=0.2 if target == "red_marrow" else 0.02,
                mass_follows=(own > 0.0) * (0.0 if target == "red_marrow" else 1.0),
            )
        )
    marrow = next(t for t in targets if t.name == "red_marrow")
    tail = TailInput(target="red_marrow", own=marrow.own, cross=np.zeros(len(names)), difference=rest)
    return BudgetInputs(regions=regions, targets=tuple(targets), tail=tail, s_value_relative_sd=0.03)


LIMITS = (
    Limit(name="kidneys", kind=LimitKind.TOTAL_DOSE, target="kidneys", value=23.0),
    Limit(name="liver", kind=LimitKind.TOTAL_DOSE, target="liver", value=30.0),
    Limit(name="after infusion", kind=LimitKind.RESIDUAL_DOSE, target="red_marrow", value=1.0),
)


def full_budget(series, fits, draws):
    """What is timed: refits, both propagations, indices."""
    curves = {
        n: draw_curve(
            s,
            fits[n],
            nuclide=LU,
            options=FitOptions(),
            from_s=(0.0, INFUSION_S),
            draws=draws,
            unshared=lambda: None,
        )
        for n, s in series.items()
    }
    return make_budget(inputs_of(curves), [c.draws for c in curves.values()], limits=LIMITS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=100_000)
    draws = parser.parse_args().draws
    series = study()
    fits = {n: fit_series(s, nuclide=LU) for n, s in series.items()}
    full_budget(series, fits, 2000)
    spent = []
    for _ in range(3):
        begin, clock = time.process_time(), time.perf_counter()
        budget = full_budget(series, fits, draws)
        spent.append((time.process_time() - begin, time.perf_counter() - clock))
    least = min(spent)
    print(f"full budget, {draws} draws, {len(series)} sources, {len(TIMES_H)} time points:")
    print(f"  {least[0]:.2f} processor s ({least[1]:.2f} s on the clock), goal {GOAL_S:g}")
    for q in budget.quantities:
        top = q.dominant.component if q.dominant else "-"
        print(
            f"  {q.kind.name:10} {q.name:18} first order {q.analytic_relative_sd:.3f}  drawn {q.relative_sd:.3f}  {top}"
        )
    print("refits against the multistart fitter (300 copies): largest difference of a chi-square, of an integral")
    rng = np.random.default_rng(2)
    for name, one in series.items():
        plan = refit_plan(one, fits[name], nuclide=LU)
        index = int(np.argmax(plan.curve_weights))
        values = plan.values + plan.sds * rng.standard_normal((300, plan.values.size))
        amplitudes, rates = fit_copies(plan, index, values)
        model, worst, apart = plan.models[index], 0.0, 0.0
        for copy, a, k in zip(values, amplitudes, rates, strict=True):
            best = solve(model, times=plan.times_s, values=copy, sds=plan.sds, physical_rate=plan.physical_rate)
            mixing = np.asarray(model.mixing)
            own = model.term_rates(k, physical_rate=plan.physical_rate)
            theirs = model.term_rates(best.rates, physical_rate=plan.physical_rate)
            chi2 = np.sum(((model.basis(plan.times_s, own) @ a - copy) / plan.sds) ** 2)
            worst = max(worst, chi2 - best.chi_square)
            apart = max(apart, abs((a @ mixing / own).sum() / (best.amplitudes @ mixing / theirs).sum() - 1.0))
        print(f"  {name:14} {model.name:18} {worst:9.1e} {apart:9.1e}")


if __name__ == "__main__":
    main()
