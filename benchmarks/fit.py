"""Bi-exponential fits: hemadose against scipy curve_fit from one start.

Prints how often each misses the best optimum known by more than 1 % of chi-square, and the time
of a whole region (all models, ensemble of 2000 curves). Run: python benchmarks/fit.py
"""

from __future__ import annotations

import time

import numpy as np
from scipy.optimize import curve_fit

from hemadose.kinetics import fit_series, model_function
from hemadose.kinetics.leastsquares import solve
from hemadose.model import ActivitySample, ActivitySeries, Nuclide

LU = Nuclide(name="Lu-177", half_life_s=6.647 * 86400, electron_energy_kev=147.92, photon_energy_kev=35.10)
PHYSICAL = np.log(2) / 159.528
CURVES = 500


def bi(t, a1, k1, a2, k2):
    return a1 * np.exp(-k1 * t) + a2 * np.exp(-k2 * t)


def single_start(t, y, sd):
    guess, top = [y[-1], 0.01, y[0], 0.2], np.log(2) / 0.5
    try:
        p, _ = curve_fit(bi, t, y, guess, sd, bounds=([0, PHYSICAL, 0, PHYSICAL], [np.inf, top, np.inf, top]))
    except RuntimeError:
        return np.inf
    return float(np.sum(((bi(t, *p) - y) / sd) ** 2))


def main() -> None:
    rng = np.random.default_rng(5)
    t = np.array([1.0, 4.0, 24.0, 48.0, 96.0, 168.0])
    ours, theirs, times = [], [], []
    for _ in range(CURVES):
        k = PHYSICAL + np.log(2) / rng.uniform(1, 150, 2)
        y = bi(t, rng.uniform(0.2, 5), k[0], rng.uniform(0.2, 5), k[1]) * (1 + 0.05 * rng.standard_normal(6))
        y = np.maximum(y, 1e-4)
        sd = 0.05 * y
        ours.append(solve(model_function("bi"), times=t, values=y, sds=sd, physical_rate=PHYSICAL).chi_square)
        theirs.append(single_start(t, y, sd))
        samples = tuple(
            ActivitySample(region="organ", time_s=x * 3600, activity_bq=v * 1e6, sd_bq=s * 1e6)
            for x, v, s in zip(t, y, sd, strict=True)
        )
        began = time.perf_counter()
        fit_series(ActivitySeries(region="organ", samples=samples), nuclide=LU)
        times.append(time.perf_counter() - began)
    best = np.minimum(ours, theirs)
    for name, found in (("hemadose", ours), ("curve_fit, one start", theirs)):
        print(f"{name}: {np.mean(np.array(found) > 1.01 * best + 1e-6):.1%} of {CURVES} more than 1 % above the best")
    print(f"one region, all models, 2000 curves: {1e3 * np.median(times):.0f} ms (median)")


if __name__ == "__main__":
    main()
