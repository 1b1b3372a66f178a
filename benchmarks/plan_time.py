"""Start-up times, and `hemadose plan` on a five-time-point study, first and second run.

Run: python benchmarks/plan_time.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(*command: str) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    python = sys.executable
    empty = min(seconds(python, "-c", "pass") for _ in range(5))
    package = min(seconds(python, "-c", "import hemadose") for _ in range(5))
    shown = min(seconds(python, "-m", "hemadose.cli", "--help") for _ in range(5))
    print(f"python alone {empty:.3f} s; import hemadose +{package - empty:.3f} s (goal 0.10 s)")
    print(f"hemadose --help {shown:.3f} s (goal 0.2 s)")
    with tempfile.TemporaryDirectory() as folder:
        study, out = Path(folder) / "study", Path(folder) / "out"
        made = seconds(python, "-m", "hemadose.cli", "simulate", str(study))
        first = seconds(python, "-m", "hemadose.cli", "plan", str(study / "case.toml"), "--out", str(out))
        second = seconds(python, "-m", "hemadose.cli", "plan", str(study / "case.toml"), "--out", str(out))
        print(f"simulate {made:.1f} s; plan: first run {first:.1f} s (goal 30 s), nothing changed {second:.1f} s")


if __name__ == "__main__":
    main()
