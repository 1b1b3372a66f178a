"""S-value tables and absorbed fractions from users' files, and our own files of both."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from hemadose.errors import InputError, QuantityError, ReferenceDataError
from hemadose.io.icrp133 import read_icrp133_saf, read_icrp133_target_masses
from hemadose.io.svalue_files import read_s_values, read_saf, s_value_bytes, saf_bytes, write_s_values, write_saf
from hemadose.io.svalue_tables import UNITS, read_s_value_table
from hemadose.model import Sex, SValue, SValueTable
from hemadose.model.emissions import EmissionLine, Emissions, LineKind
from hemadose.model.saf import Radiation, SpecificAbsorbedFractions
from hemadose.physics.saf import s_values_from_saf
from hemadose.physics.svalues import scale_to_mass
from hemadose.units import KEV_J

ROOT = Path(__file__).parents[2]


def approx(expected, rel=1e-6, abs=0.0):
    """As pytest's, without its absolute tolerance of 1e-12, beside which S values in Gy/(Bq s) vanish."""
    return pytest.approx(expected, rel=rel, abs=abs)


# published OLINDA/EXM 2 values of the adult male for Lu-177, mGy/(MBq s)
MATRIX = """# OLINDA/EXM 2, adult male
Target\\Source,Kidneys,Liver,Spleen,target_mass_g
Kidneys,7.76E-05,1.20E-07,2.65E-07,310
Liver,,1.37E-05,,1800
Spleen,,,1.60E-04,150
"""
LIST = """source,target,s_mGy_per_MBq_s,electron,photon,rel_sd,target_mass_g
kidneys,kidneys,7.76e-5,7.6e-5,1.6e-6,0.01,310
liver,kidneys,1.2e-7,0,1.2e-7,,310
"""


def lu177():
    """Mean energies of Lu-177 as single lines (ICRP 107: 147.9 keV electrons, 35.1 keV photons)."""
    lines = (
        EmissionLine(kind=LineKind.CONVERSION, energy_kev=147.92, yield_per_decay=1.0),
        EmissionLine(kind=LineKind.GAMMA, energy_kev=175.5, yield_per_decay=0.2),
    )
    return Emissions(nuclide="Lu-177", half_life_s=5.743e5, lines=lines, betas=(), source="ICRP 107, mean energies")


@pytest.fixture
def file(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_matrix_has_targets_in_rows(file):
    table = read_s_value_table(file(MATRIX), nuclide="Lu-177", source_note="OLINDA/EXM 2")
    assert table.get(source="liver", target="kidneys").gy_per_bq_s == approx(1.20e-16)
    assert table.get(source="spleen", target="kidneys").gy_per_bq_s == approx(2.65e-16)
    assert not table.has(source="kidneys", target="liver")
    assert table.target_mass_kg == {"kidneys": 0.31, "liver": 1.8, "spleen": 0.15}
    assert (table.nuclide, table.name, table.source_note) == ("Lu-177", "table", "OLINDA/EXM 2")
    with pytest.raises(ReferenceDataError):
        table.get(source="kidneys", target="liver")


def test_sums_are_split_as_the_notes_say(file):
    plain = read_s_value_table(file(MATRIX), nuclide="Lu-177")
    own = plain.get(source="kidneys", target="kidneys")
    assert (own.electron_gy_per_bq_s, own.photon_gy_per_bq_s) == (approx(7.76e-14), 0.0)
    cross = plain.get(source="liver", target="kidneys")
    assert (cross.electron_gy_per_bq_s, cross.photon_gy_per_bq_s) == (0.0, approx(1.2e-16))
    assert "electrons wholly" in plain.notes[0]
    known = read_s_value_table(file(MATRIX), nuclide="Lu-177", emissions=lu177())
    own = known.get(source="kidneys", target="kidneys")
    assert own.electron_gy_per_bq_s == approx(147.92 * KEV_J / 0.31)
    assert own.gy_per_bq_s == approx(7.76e-14)
    assert "as far as" in known.notes[0]
    scaled = scale_to_mass(known, target="kidneys", mass_kg=0.155).get(source="kidneys", target="kidneys")
    assert scaled.electron_gy_per_bq_s == approx(2 * own.electron_gy_per_bq_s)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(file, delimiter):
    found = read_s_value_table(file(MATRIX.replace(",", delimiter)), nuclide="Lu-177")
    assert found.values == read_s_value_table(file(MATRIX, "other.csv"), nuclide="Lu-177").values


def test_units():
    # 1 mGy/(MBq h) is 1/3600 of the same per second; 1 rad/(uCi h) = 0.01 Gy / (3.7e4 Bq x 3600 s)
    assert UNITS["mGy/(MBq h)"] * 3600 == approx(1e-9)
    assert UNITS["rad/(uCi h)"] == approx(7.5075e-11, rel=1e-4)


def test_a_stated_unit_must_agree(file):
    stated = file(MATRIX.replace("Target\\Source", "mGy/MBq-s"))
    assert read_s_value_table(stated, nuclide="Lu-177").has(source="liver", target="kidneys")
    hours = file(MATRIX.replace("Target\\Source", "mGy/MBq-h"))
    with pytest.raises(InputError, match="another unit") as caught:
        read_s_value_table(hours, nuclide="Lu-177")
    assert caught.value.value == "mGy/(MBq h)"
    read_s_value_table(hours, nuclide="Lu-177", unit="mGy/(MBq h)")
    with pytest.raises(InputError, match="unknown unit"):
        read_s_value_table(hours, nuclide="Lu-177", unit="Sv/Ci")


@pytest.mark.parametrize("unit", ["mGy/(MBq h)", "Gy/(Bq s)"])
def test_a_wrong_unit_shows_in_the_absorbed_energy(file, unit):
    read_s_value_table(file(MATRIX), nuclide="Lu-177", emissions=lu177())
    with pytest.raises(QuantityError, match="impossible absorbed energy"):
        read_s_value_table(file(MATRIX), nuclide="Lu-177", emissions=lu177(), unit=unit)


def test_names_are_made_alike(file):
    text = "t,Red Mar.,Total Body,LLI Wall\nRed Mar.,1e-5,2e-7,3e-8\n"
    table = read_s_value_table(file(text), nuclide="Lu-177", rename={"LLI Wall": "colon"})
    assert {v.source for v in table.values} == {"red_marrow", "whole_body", "colon"}
    assert "no mass is known of red_marrow" in table.notes[1]


def test_a_list_keeps_its_parts(file):
    table = read_s_value_table(file(LIST), nuclide="Lu-177")
    own = table.get(source="kidneys", target="kidneys")
    assert own.electron_gy_per_bq_s == approx(7.6e-14)
    assert own.photon_gy_per_bq_s == approx(1.6e-15)
    assert own.relative_sd == 0.01
    assert table.get(source="liver", target="kidneys").relative_sd == 0.0
    assert table.target_mass_kg == {"kidneys": 0.31}
    assert table.notes == ()


@pytest.mark.parametrize(
    ("old", "new", "message", "field"),
    [
        ("s_mGy_per_MBq_s", "s", "s_mGy_per_MBq_s is missing", "s_mGy_per_MBq_s"),
        ("photon", "gamma", "photon is missing", "photon"),
        ("7.6e-5", "6.6e-5", "do not add up", "electron, photon"),
        ("7.76e-5", "-7.76e-5", "negative", "s_mGy_per_MBq_s"),
        ("7.76e-5", "many", "line 2 needs a number", "s_mGy_per_MBq_s"),
        ("7.76e-5", "", "no S value", "s_mGy_per_MBq_s"),
        ("liver,kidneys", "kidneys,kidneys", "repeated", None),
        ("liver,kidneys", ",kidneys", "unnamed", None),
        ("1.2e-7,,310", "1.2e-7,,300", "same in every row", "target_mass_g"),
        ("0.01,310", "0.01,0", "must be positive", "target_mass_g"),
    ],
)
def test_broken_lists(file, old, new, message, field):
    assert old in LIST
    path = file(LIST.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_s_value_table(path, nuclide="Lu-177")
    assert caught.value.source == str(path)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("target\nkidneys\n", "no column names a source"),
        ("t,liver\nkidneys,1e-7,2e-7\n", "more cells"),
        ("t;liver\nkidneys;1,2e-7\n", "needs a number"),
        ("t,liver\nkidneys,1e-7\nKidneys,1e-7\n", "repeated"),
    ],
)
def test_broken_matrices(file, text, message):
    with pytest.raises(InputError, match=message):
        read_s_value_table(file(text), nuclide="Lu-177")


def test_workbooks_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputError, match="MIRDcalc") as caught:
        read_s_value_table(tmp_path / "MIRDcalc.xlsm", nuclide="Lu-177")
    assert "save the sheet" in caught.value.remedy
    with pytest.raises(InputError, match="file not found"):
        read_s_value_table(tmp_path / "none.csv", nuclide="Lu-177")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_s_value_table(tmp_path / "bytes.csv", nuclide="Lu-177")


# ICRP 133: records as described in the supplement: target A10, '<-', source A10, n E10.0, Ecut E10.0 (alpha F5.0),
# Icut I3; header I4, I4, 14 blanks, n F10.5; 315 characters for 28 energies, 270 for the 24 of alpha particles

ENERGIES_MEV = [0.0, 0.001, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]  # fmt: skip
TARGETS, SOURCES = ("R-marrow", "Kidneys"), ("UB-cont", "T-bone-S", "Kidneys")


def fraction(target, source, energy):
    """A made-up fraction that is zero below 15 keV except for self-irradiation."""
    if target == source:
        return 3.226 / (1.0 + energy)
    return 0.0 if energy < 0.015 else 0.01 * energy / (1.0 + energy) * (1 + SOURCES.index(source))


def saf_text(energies=ENERGIES_MEV, *, cut_width=10, title="Photons"):
    lines = ["ICRP reference adult male", "SAF (1/kg)", title]
    lines.append(
        f"{len(TARGETS):4d}{len(SOURCES):4d}{'':14}" + "".join(f"{e:10.5f}" for e in energies) + "   Ecutoff Icut"
    )
    lines.append("-" * 60)
    for source in SOURCES:
        for target in TARGETS:
            values = [fraction(target, source, e) for e in energies]
            cut = next((i for i, v in enumerate(values) if v > 0.0), -1)
            record = f"{target:10}<-{source:10}" + "".join(f"{v:10.3E}" for v in values)
            lines.append(record + f"{energies[cut] if cut >= 0 else 0.0:{cut_width}.3f}{cut + 1:3d}")
    return "\r\n".join(lines) + "\r\n"


def test_records_have_the_published_length():
    assert len(saf_text().split("\r\n")[5]) == 315
    assert len(saf_text(ENERGIES_MEV[4:], cut_width=5).split("\r\n")[5]) == 270


def test_icrp133_fractions(file):
    path = file(saf_text(), "rcp-am_photon_2016-08-12.SAF")
    table = read_icrp133_saf(path, target_mass_kg={"kidneys": 0.31})
    assert table.radiation is Radiation.PHOTON
    assert table.sources == ("urinary_bladder_contents", "trabecular_bone_surface", "kidneys")
    assert table.targets == ("red_marrow", "kidneys")
    assert table.energies_kev == approx([1e3 * e for e in ENERGIES_MEV[1:]])
    found = table.interpolate(source="trabecular_bone_surface", target="red_marrow", energy_kev=200.0)
    assert float(found) == approx(fraction("R-marrow", "T-bone-S", 0.2), rel=5e-4)
    assert table.get(source="kidneys", target="red_marrow")[0] == 0.0
    assert "ICRP Publication 133" in table.source_note
    assert read_icrp133_saf(path, rename={"R-marrow": "marrow"}).targets == ("marrow", "kidneys")


def test_icrp133_alpha_and_electron_files(file):
    alpha = read_icrp133_saf(file(saf_text(ENERGIES_MEV[4:], cut_width=5, title="Alphas"), "rcp-af_alpha_2016.SAF"))
    assert alpha.radiation is Radiation.ALPHA
    assert alpha.energies_kev.size == 24
    electron = read_icrp133_saf(file(saf_text(title="Electrons"), "any.SAF"))
    assert electron.radiation is Radiation.ELECTRON
    with pytest.raises(InputError, match="cannot tell the radiation"):
        read_icrp133_saf(file(saf_text(title="Rays"), "any.SAF"))
    with pytest.raises(InputError, match="neutron"):
        read_icrp133_saf(file(saf_text(), "rcp-am_neutron_2016-08-12.SAF"))


def test_icrp133_files_to_s_values(file):
    photon = read_icrp133_saf(file(saf_text(), "rcp-am_photon.SAF"))
    electron = read_icrp133_saf(file(saf_text(), "rcp-am_electron.SAF"))
    table = s_values_from_saf(
        photon, electron, emissions=lu177(), name="icrp133", target_mass_kg={"kidneys": 0.31, "red_marrow": 1.17}
    )
    own = table.get(source="kidneys", target="kidneys")
    expected = float(electron.interpolate(source="kidneys", target="kidneys", energy_kev=147.92))
    assert own.electron_gy_per_bq_s == approx(147.92 * KEV_J * expected, rel=1e-12)
    assert own.photon_gy_per_bq_s > 0.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("   2   3", " two   3", "line 4"),
        ("   2   3", "   2   4", "number of pairs"),
        ("   0.00500", "   0.00050", "rising energies"),
        ("Kidneys   <-UB-cont ", "R-marrow  <-UB-cont ", "repeats red_marrow"),
        ("Kidneys   <-UB-cont ", "Kidneys   ->UB-cont ", "line 7"),
        (" 3.223E+00", " 3.22 E+00", "line 11 does not hold 28"),
        (" 3.223E+00", "-3.223E+00", "negative"),
    ],
)
def test_broken_icrp133_files(file, old, new, message):
    text = saf_text()
    assert old in text
    with pytest.raises(InputError, match=message):
        read_icrp133_saf(file(text.replace(old, new, 1), "rcp-am_photon.SAF"))


INDEX = """ICRP reference adults
Target organs and their masses
 3 targets
Name           Male    Female
R-marrow      1.170     0.900
Kidneys       0.422     0.360
Uterus        0.000     0.080
"""


def test_icrp133_target_masses(file, tmp_path):
    male = read_icrp133_target_masses(file(INDEX, "torgans.NDX"), sex=Sex.MALE)
    assert male == {"red_marrow": 1.17, "kidneys": 0.422}
    female = read_icrp133_target_masses(file(INDEX, "torgans.NDX"), sex=Sex.FEMALE)
    assert female["uterus"] == 0.08
    grams = INDEX.replace("1.170", "1170.").replace("0.422", "422.0")
    assert read_icrp133_target_masses(file(grams, "g.NDX"), sex=Sex.MALE) == approx(male)
    for broken in (INDEX.replace(" 3 targets", " 4 targets"), INDEX.replace("0.422", "none"), "nothing\n"):
        with pytest.raises(InputError):
            read_icrp133_target_masses(file(broken, "b.NDX"), sex=Sex.MALE)
    with pytest.raises(InputError, match="publisher"):
        read_icrp133_target_masses(tmp_path / "none.NDX", sex=Sex.MALE)


# our own files


def own_fractions(organs=3, energies=5, seed=1):
    rng = np.random.default_rng(seed)
    names = [f"organ, {i}" for i in range(organs)]
    pairs = [(source, target) for source in names for target in names]
    return SpecificAbsorbedFractions(
        radiation=Radiation.ELECTRON,
        energies_kev=np.geomspace(5.0, 4000.0, energies),
        saf_per_kg={pair: 10.0 ** rng.uniform(-6, 1, energies) for pair in pairs},
        relative_sd={pair: rng.uniform(0.0, 0.1, energies) for pair in pairs[1:]},
        target_mass_kg=dict.fromkeys(names, 0.1 + 0.2),
        source_note="made up, 10 % „rough“",
        notes=("a doubt",),
    )


def test_absorbed_fractions_survive_their_file(tmp_path):
    table = own_fractions()
    write_saf(table, tmp_path / "saf.csv.gz")
    back = read_saf(tmp_path / "saf.csv.gz")
    assert back.radiation is table.radiation
    assert np.array_equal(back.energies_kev, table.energies_kev)
    assert list(back.saf_per_kg) == list(table.saf_per_kg)
    assert list(back.relative_sd) == list(table.relative_sd)
    for pair in table.saf_per_kg:
        assert back.saf_per_kg[pair] == approx(table.saf_per_kg[pair], rel=5.1e-5)
        assert back.stacked_sd([pair]) == approx(table.stacked_sd([pair]), rel=0.051)
    assert (dict(back.target_mass_kg), back.source_note, back.notes) == (
        dict(table.target_mass_kg),
        table.source_note,
        table.notes,
    )


def test_files_are_the_same_bytes_each_time_and_read_as_text():
    table = own_fractions()
    data = saf_bytes(table)
    assert data == saf_bytes(own_fractions())
    assert data != saf_bytes(own_fractions(seed=2))
    assert data[4:10] == b"\x00\x00\x00\x00\x02\xff"  # no time; no machine
    assert "organ, 0" in gzip.decompress(data).decode()


def test_a_full_set_of_tables_is_small():
    """30 sources, 30 targets, 20 energies; two radiations and two sexes stay below 1 MB."""
    assert 4 * len(saf_bytes(own_fractions(organs=30, energies=20))) < 1_000_000


def s_values():
    return SValueTable(
        name="own/male",
        nuclide="Lu-177",
        values=(
            SValue(
                source="liver",
                target="kidneys",
                electron_gy_per_bq_s=0.0,
                photon_gy_per_bq_s=1.2e-16,
                relative_sd=0.012,
            ),
            SValue(source="liver", target="liver", electron_gy_per_bq_s=1.3e-14, photon_gy_per_bq_s=4.5e-16),
        ),
        target_mass_kg={"kidneys": 0.31, "liver": 1.8},
        source_note="made up",
        notes=("one", "two"),
    )


def test_s_values_survive_their_file(tmp_path):
    write_s_values(s_values(), tmp_path / "s.csv.gz")
    assert read_s_values(tmp_path / "s.csv.gz") == s_values()
    assert s_value_bytes(s_values()) == (tmp_path / "s.csv.gz").read_bytes()


def test_files_of_another_kind_or_damaged(tmp_path):
    write_s_values(s_values(), tmp_path / "s.csv.gz")
    with pytest.raises(InputError, match="another kind"):
        read_saf(tmp_path / "s.csv.gz")
    data = saf_bytes(own_fractions())
    text = gzip.decompress(data).decode()
    damaged = {
        "cut": data[: len(data) // 2],
        "plain": text.encode(),
        "number": gzip.compress(re.sub(r"saf_per_kg,[^,]+", "saf_per_kg,x", text, count=1).encode()),
        "quantity": gzip.compress(text.replace("relative_sd", "spread", 1).encode()),
        "about": gzip.compress(text.replace('"radiation"', '"rays"').encode()),
        "empty": gzip.compress(b""),
    }
    for name, content in damaged.items():
        path = tmp_path / f"{name}.csv.gz"
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged") as caught:
            read_saf(path)
        assert caught.value.source == str(path)
    short = gzip.decompress(s_value_bytes(s_values())).decode().replace(",relative_sd", "")
    (tmp_path / "short.csv.gz").write_bytes(gzip.compress(short.encode()))
    with pytest.raises(InputError, match="damaged"):
        read_s_values(tmp_path / "short.csv.gz")
    with pytest.raises(InputError, match="file not found"):
        read_saf(tmp_path / "none.csv.gz")


def test_the_how_to_page_runs(tmp_path, monkeypatch):
    """Every Python block of the page, in order, in one folder."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/how-to/phantoms-and-tables.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) >= 4
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "phantoms-and-tables.md", "exec"), scope)
