"""Compiled code kept on disk must not outlive the physics that it was made from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hemadose

SCRIPT = """
import numpy as np
from hemadose.model.saf import Radiation
from hemadose.physics.anatomy_transport import mono_energetic
from hemadose.physics.matter.media import medium
from hemadose.physics.transport.run import VoxelGeometry, transport_voxels
box = VoxelGeometry(medium_index=np.zeros((1, 1, 1), np.uint8), density_g_per_ml=np.ones((1, 1, 1), np.float32),
                    voxel_mm=(2.0, 2.0, 2.0), media=(medium("water"),))
found = transport_voxels(geometry=box, source=np.ones((1, 1, 1)), decays=64,
                         seed=1, emissions=mono_energetic(Radiation.ELECTRON, 5.0))
print(found.deposited_kev_per_decay)
"""


def deposited(root: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def test_a_change_in_any_module_is_compiled_anew(tmp_path):
    """Numba alone looks at the module of the compiled function: here another one changes."""
    package = tmp_path / "hemadose"
    shutil.copytree(Path(hemadose.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert deposited(tmp_path) == 5.0
    assert list((package / "physics" / "transport" / "__pycache__").glob("*.nbi"))
    scoring = package / "physics" / "transport" / "scoring.py"
    text = scoring.read_text(encoding="utf-8")
    assert "sums[cell if own < 0 else own] += energy" in text
    scoring.write_text(text.replace("+= energy", "+= 2.0 * energy"), encoding="utf-8")
    assert deposited(tmp_path) == 10.0
