"""`hemadose kernel` and `hemadose sphere`: the documented JSON, energy, files, what is refused with exit code 2."""

from __future__ import annotations

import json
import sys
from itertools import product

import numpy as np
import pytest

from hemadose.cli import main

FEW = ("--particles", 20_000)
KEV_PER_MGY_KG = 1.602176634e-16 * 1e9  # mGy kg per (MBq s) and keV per decay


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this module: point kernels are made once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMADOSE_CACHE", str(folder))
        patch.setenv("COLUMNS", "200")
        yield folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program as the shell does; give exit code, standard output and standard error."""

    def give(*arguments):
        monkeypatch.setattr(sys, "argv", ["hemadose", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return give


@pytest.fixture
def answer(run):
    """The JSON of a command that succeeds."""

    def give(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return give


Y90 = ("kernel", "--nuclide", "Y-90", "--voxel-mm", 4.42, "--medium", "soft-tissue", "--half-width", 2, *FEW)


def test_kernel_answers_as_documented(answer):
    """`--density 1.0 --emissions beta`; Y-90 933.1 keV of beta particles a decay (ICRP 107)."""
    found = answer(*Y90, "--density", 1.0, "--emissions", "beta")
    assert {
        "nuclide",
        "emissions",
        "medium",
        "density_g_per_ml",
        "voxel_mm",
        "values",
        "method",
        "notes",
    } <= found.keys()
    assert (found["nuclide"], found["emissions"], found["medium"]) == ("Y-90", "beta", "soft-tissue")
    assert found["density_g_per_ml"] == 1.0
    assert found["voxel_mm"] == [4.42, 4.42, 4.42]
    assert [v["offset"] for v in found["values"]] == [list(o) for o in product(range(3), repeat=3)]
    assert all(v.keys() == {"offset", "s_mGy_per_MBq_s", "rel_sd"} for v in found["values"])
    assert all(v["s_mGy_per_MBq_s"] > 0.0 and 0.0 < v["rel_sd"] < 1.0 for v in found["values"])
    energy = found["energy_keV_per_decay"]
    assert energy["emitted"] == pytest.approx(933.1, rel=1e-3)
    assert energy["inside_kernel"] + energy["beyond_kernel"] == pytest.approx(energy["emitted"], rel=1e-9)
    mirrored = sum(v["s_mGy_per_MBq_s"] * 2 ** sum(o > 0 for o in v["offset"]) for v in found["values"])
    assert mirrored * 0.442**3 * 1e-3 / KEV_PER_MGY_KG == pytest.approx(energy["inside_kernel"], rel=1e-9)
    assert 0.95 < energy["inside_kernel"] / energy["emitted"] < 1.0  # range 11 mm, kernel 11 mm to each side


def test_numbers_are_those_of_other_programs(answer):
    """Y-90, 4.8 mm, density 1.00: EGSnrc (spin effects on) self 0.57488, face 7.892e-2 mGy/(MBq s), from the project's
    physics reference; 20 000 particles leave 0.2 %."""
    found = answer("kernel", "--nuclide", "90Y", "--voxel-mm", 4.8, "--half-width", 1, "--density", 1.0, *FEW)
    s = {tuple(v["offset"]): v["s_mGy_per_MBq_s"] for v in found["values"]}
    assert s[0, 0, 0] == pytest.approx(0.57488, rel=0.01)
    assert s[0, 0, 1] == pytest.approx(7.892e-2, rel=0.015)
    assert s[0, 0, 1] == pytest.approx(s[1, 0, 0], rel=2e-3)


def test_medium_and_density_have_defaults(answer):
    one, two = answer(*Y90), answer("kernel", "--nuclide", "Y-90", "--voxel-mm", 4.42, "--half-width", 2, *FEW)
    assert one["values"] == two["values"]
    assert two["density_g_per_ml"] == 1.0


def test_sphere_answers_as_documented(answer):
    """Lu-177 in 1 g: EGSnrc 2.3100e-2 mGy/(MBq s) at density 1.00 (project's physics reference)."""
    found = answer("sphere", "--nuclide", "Lu-177", "--mass-g", 1, *FEW)
    (row,) = found["spheres"]
    assert row["mass_g"] == 1.0
    assert row["s_mGy_per_MBq_s"] == pytest.approx(2.3100e-2, rel=0.01)
    assert row["dose_mGy_per_MBq_h"] == pytest.approx(3600.0 * row["s_mGy_per_MBq_s"])
    assert 4.0 / 3.0 * np.pi * np.prod(row["semi_axes_cm"]) == pytest.approx(1.0)
    absorbed = row["phi_electrons"] * 147.92 + row["phi_photons"] * 35.10  # keV per decay, ICRP 107
    assert row["s_mGy_per_MBq_s"] * 1e-3 / KEV_PER_MGY_KG == pytest.approx(absorbed, rel=1e-3)
    assert 0.0 < row["rel_sd"] < 0.01


def test_spheres_of_several_masses_and_shapes(answer):
    round_, long = (
        answer("sphere", "--nuclide", "Lu-177", "--mass-g", 0.1, "--mass-g", 100, "--axes", axes, *FEW)["spheres"]
        for axes in ("1:1:1", "1:1:4")
    )
    assert [r["mass_g"] for r in round_] == [0.1, 100.0]
    assert round_[1]["phi_electrons"] > round_[0]["phi_electrons"]
    assert long[1]["phi_photons"] < round_[1]["phi_photons"]
    assert long[1]["semi_axes_cm"][2] == pytest.approx(4.0 * long[1]["semi_axes_cm"][0])


def test_flat_voxels_and_the_whole_kernel_as_a_file(answer, tmp_path):
    path = tmp_path / "out" / "kernel.npy"
    sides = ("--voxel-mm", 5.0, "--voxel-mm", 2.4, "--voxel-mm", 2.4)
    found = answer("kernel", "--nuclide", "Y-90", *sides, "--half-width", 2, "--npy", path, *FEW)
    assert found["written"] == str(path)
    whole = np.load(path)
    assert whole.shape == (5, 5, 5)
    s = {tuple(v["offset"]): v["s_mGy_per_MBq_s"] for v in found["values"]}
    for offset, value in s.items():
        assert whole[tuple(2 + np.array(offset))] * 1e9 == pytest.approx(value, rel=1e-12)
        assert whole[tuple(2 - np.array(offset))] * 1e9 == pytest.approx(value, rel=1e-12)
    assert s[0, 0, 1] > 2.0 * s[1, 0, 0]  # 2.4 against 5 mm away


def mean_way_out_cm(n=200_000):
    """Mean way from random points of a cube of 1 cm to its border, in random directions."""
    rng = np.random.default_rng(1)
    place, way = rng.random((n, 3)), rng.standard_normal((n, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    return float(np.where(way > 0.0, (1.0 - place) / way, -place / way).min(axis=1).mean())


def test_one_energy_instead_of_a_nuclide(answer):
    """A photon of 661.7 keV goes 4.5 mm to the border of a 10 mm cube on average; mu_en/rho 0.0327 cm2/g (NIST, water).
    Of that energy 5 to 15 % leave: attenuation takes 2 %, and Compton electrons reach up to 1.6 mm forward."""
    found = answer("kernel", "--photon-keV", 661.7, "--voxel-mm", 10, "--half-width", 1, *FEW)
    assert found["energy_keV_per_decay"]["emitted"] == pytest.approx(661.7)
    own = found["values"][0]["s_mGy_per_MBq_s"] * 1e-3 / KEV_PER_MGY_KG
    assert 0.85 < own / (0.0327 * 661.7 * mean_way_out_cm()) < 0.95
    electron = answer("sphere", "--electron-keV", 300, "--mass-g", 10, *FEW)
    assert electron["spheres"][0]["phi_electrons"] == pytest.approx(0.95, abs=0.04)


def test_the_second_call_is_reused_and_other_questions_are_not(answer, cache):
    def files():
        return {p.name for p in (cache / "point-kernels").glob("*.npz")}

    flags = ("sphere", "--nuclide", "Re-186", "--mass-g", 2, "--particles", 1500)
    before = files()
    first = answer(*flags)
    made = files() - before
    assert first["reused"] is False
    assert len(made) == 1
    again = answer(*flags)
    assert again["reused"] is True
    assert again["spheres"] == first["spheres"]
    assert answer(*flags, "--density", 1.3)["reused"] is True  # lengths scale: the same point kernel
    assert answer("kernel", "--nuclide", "Re-186", "--voxel-mm", 3, *flags[5:])["reused"] is True
    assert files() - before == made
    for other in (("--seed", 2), ("--emissions", "electrons"), ("--medium", "cortical-bone"), ("--particles", 1600)):
        assert answer(*flags, *other)["reused"] is False
    assert len(files() - before) == 5


def test_a_damaged_file_is_made_again(answer, cache):
    flags = ("sphere", "--electron-keV", 100, "--mass-g", 2, "--particles", 1500)
    before = set((cache / "point-kernels").glob("*.npz"))
    first = answer(*flags)
    (path,) = set((cache / "point-kernels").glob("*.npz")) - before
    path.write_bytes(path.read_bytes()[:200])
    again = answer(*flags)
    assert again["reused"] is False
    assert again["spheres"] == first["spheres"]


def test_text_for_people(run):
    code, out, _ = run(*Y90)
    assert code == 0
    words = " ".join(out.split())
    for part in (
        "Voxel kernel of Y-90 in soft-tissue, 1 g/ml",
        "0 0 1",
        "Emitted 933",
        "Method: Monte Carlo",
        "! unbounded",
    ):
        assert part in words, part
    code, out, _ = run("sphere", "--nuclide", "Lu-177", "--mass-g", 1, *FEW)
    assert code == 0
    assert "Self-dose of Lu-177 in soft-tissue" in " ".join(out.split())
    assert "reused from the cache" in out


KERNEL = ("kernel", "--nuclide", "Y-90", "--voxel-mm", 4.42, "--half-width", 1, *FEW)
SPHERE = ("sphere", "--nuclide", "Lu-177", "--mass-g", 1, *FEW)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*KERNEL, "--nuclide", "Y-9"), "Y-9"),
        ((*KERNEL, "--nuclide", "unobtainium"), "unobtainium"),
        ((*KERNEL, "--medium", "cheese"), "no such medium"),
        ((*KERNEL, "--emissions", "gluons"), "no such choice"),
        ((*KERNEL, "--density", 0), "implausible density"),
        ((*KERNEL, "--density", -1), "implausible density"),
        ((*KERNEL, "--density", "nan"), "implausible density"),
        ((*KERNEL, "--density", 1000), "implausible density"),
        (("kernel", "--nuclide", "Y-90", *FEW), "--voxel-mm"),
        ((*KERNEL, "--voxel-mm", 3), "one side or three"),
        (("kernel", "--nuclide", "Y-90", "--voxel-mm", 0, *FEW), "implausible voxel"),
        (("kernel", "--nuclide", "Y-90", "--voxel-mm", "nan", *FEW), "implausible voxel"),
        ((*KERNEL, "--half-width", 500), "implausible width"),
        ((*KERNEL, "--half-width", -1), "implausible width"),
        ((*KERNEL, "--particles", 10), "too few particles"),
        (("kernel", "--voxel-mm", 4, *FEW), "name one emitter"),
        ((*KERNEL, "--photon-keV", 100), "name one emitter"),
        (("kernel", "--photon-keV", 5000, "--voxel-mm", 4, *FEW), "energy outside the data"),
        (("kernel", "--photon-keV", "nan", "--voxel-mm", 4, *FEW), "energy outside the data"),
        (("kernel", "--electron-keV", 1, "--voxel-mm", 4, *FEW), "energy outside the data"),
        (("kernel", "--photon-keV", 100, "--emissions", "beta", "--voxel-mm", 4, *FEW), "nothing to choose"),
        (("kernel", "--photon-keV", 100, "--emissions", "gluons", "--voxel-mm", 4, *FEW), "no such choice"),
        (("kernel", "--nuclide", "Po-210", "--emissions", "beta", "--voxel-mm", 4, *FEW), "emits none of these"),
        (("sphere", "--nuclide", "Lu-177", *FEW), "a mass is needed"),
        ((*SPHERE, "--mass-g", 0), "plausible mass"),
        ((*SPHERE, "--mass-g", -3), "plausible mass"),
        ((*SPHERE, "--mass-g", "nan"), "plausible mass"),
        ((*SPHERE, "--mass-g", 1e9), "plausible mass"),
        ((*SPHERE, "--axes", "1:2"), "three positive numbers"),
        ((*SPHERE, "--axes", "1:0:2"), "three positive numbers"),
        ((*SPHERE, "--axes", "1:x:2"), "three positive numbers"),
        ((*SPHERE, "--axes", "1:1:1e-9"), "needs a size"),
    ],
)  # fmt: skip
def test_bad_input_exits_with_two_and_one_clear_line(run, arguments, said):
    code, out, err = run(*arguments, "--json")
    assert code == 2, err
    assert said in err
    assert "Traceback" not in err
    problem = json.loads(out)["error"]
    assert said in json.dumps(problem)
    assert {"type", "message", "field", "value", "expected", "remedy"} <= problem.keys()


def test_what_is_no_number_is_refused_as_usage(run):
    for arguments in ((*KERNEL, "--density", "thick"), (*SPHERE, "--mass-g", "heavy"), (*KERNEL, "--colour", "red")):
        code, _, err = run(*arguments)
        assert code == 2
        assert "Traceback" not in err
