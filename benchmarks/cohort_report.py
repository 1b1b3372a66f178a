"""Processor time of a cohort report: read, summarise, draw, write. Goal: 10 000 patients in 30 s on 2 cores.

    python benchmarks/cohort_report.py [PATIENTS] [FOLDER]

Makes a simulated cohort in FOLDER (a temporary one if not given), reports on it, and says how long each part took.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from hemadose.io.cohort_folder import read_cohort_folder
from hemadose.refdata.quantities import quantities
from hemadose.workflow.cohort_report import CohortReportOptions, cohort_report
from hemadose.workflow.simulate_cohort import write_simulated_cohort

GOAL_S = 30.0


def main() -> int:
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary) / f"cohort-{patients}"
        if not folder.exists():
            begun = time.process_time()
            write_simulated_cohort(patients, folder)
            print(f"simulated and written in {time.process_time() - begun:.1f} s")
        begun, wall = time.process_time(), time.perf_counter()
        cohort_report(folder, Path(temporary) / "report", CohortReportOptions(by="centre"))
        taken = time.process_time() - begun
        print(f"report of {patients} patients: {taken:.1f} s of processor, {time.perf_counter() - wall:.1f} s wall")
        begun = time.process_time()
        cohort = read_cohort_folder(folder, quantities=quantities())
        values = sum(len(s) for p in cohort.patients for s in p.series)
        print(f"of which reading {values} values: {time.process_time() - begun:.1f} s")
    return 0 if taken <= GOAL_S or patients != 10_000 else 1


if __name__ == "__main__":
    raise SystemExit(main())
