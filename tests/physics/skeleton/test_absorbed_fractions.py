"""Absorbed fractions: limits, energy balance, the engine against straight lines, folding, records."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hemadose.errors import QuantityError, ReferenceDataError
from hemadose.model.emissions import BetaSpectrum, EmissionLine, Emissions, LineKind
from hemadose.physics.matter.electrons import collision_stopping
from hemadose.physics.matter.media import medium
from hemadose.physics.skeleton.absorbed_fractions import SOURCES, TARGETS, MarrowAbsorbedFractions
from hemadose.physics.skeleton.calculation import absorbed_fractions, regions, source_weights, transported
from hemadose.physics.skeleton.edges import transported_edges
from hemadose.physics.skeleton.sites import SITES, microstructure
from hemadose.physics.skeleton.trabecular import Form, spongiosa


def _all_of_it(*_):
    return 1.0


ENERGIES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
SOME = tuple(s for s in SITES if s.name in ("lumbar spine", "femora, proximal", "cranium"))
NODES = np.array([1.0, *ENERGIES])


@pytest.fixture(scope="module")
def table(ray_tracer):
    """Three sites, straight lines, bones without edges."""
    return absorbed_fractions(
        red_marrow_kg=1.17,
        sites=SOME,
        energy_kev=ENERGIES,
        electrons=1500,
        size=96,
        deposit=ray_tracer,
        retain=_all_of_it,
    )


def with_share(retained, table):
    return MarrowAbsorbedFractions(
        **{f: getattr(table, f) for f in MarrowAbsorbedFractions.__dataclass_fields__ if f != "retained"},
        retained=np.full(table.retained.shape, retained),
    )


def made_up(*lines, betas=()):
    return Emissions(nuclide="X-1", half_life_s=1.0, lines=lines, betas=betas, source="made up")


def electron(energy_kev, number=1.0):
    return EmissionLine(kind=LineKind.CONVERSION, energy_kev=energy_kev, yield_per_decay=number)


def test_every_electron_is_accounted_for(table):
    assert np.allclose(table.fraction[:, :3].sum(axis=1), 1.0, atol=1e-9)
    assert np.all(table.fraction[:, 3] <= table.fraction[:, :2].sum(axis=1) + 1e-12)


def test_electrons_without_range(table):
    """phi(RM <- RM) = 1, phi(RM <- bone) = 0, phi(RM <- surface) = half the cellularity."""
    for site in SOME:
        at = {s: table.at(source=s, target="red_marrow", energy_kev=1.0, site=site.name) for s in SOURCES}
        assert at["red_marrow"] == pytest.approx(1.0)
        assert at["bone_volume"] == at["yellow_marrow"] == 0.0
        assert at["bone_surface"] == pytest.approx(0.5 * site.cellularity, rel=0.05)


def test_electrons_that_see_no_structure(table):
    """At 3 MeV energy is shared as mass times stopping power, wherever the electrons start."""
    energy = np.array([1500.0])
    power = np.array(
        [float(collision_stopping(medium(m), energy)[0]) for m in ("red-marrow", "yellow-marrow", "trabecular-bone")]
    )
    for i, site in enumerate(SOME):
        mass = table.target_mass_kg[:3, i]
        share = mass[0] * power[0] / (mass @ power)
        for source in SOURCES:
            found = table.at(source=source, target="red_marrow", energy_kev=3000.0, site=site.name)
            assert found == pytest.approx(share, rel=0.04), (site.name, source)


def test_red_marrow_loses_and_bone_gives_more_with_energy(table):
    own = table.at(source="red_marrow", target="red_marrow", energy_kev=NODES)
    cross = table.at(source="bone_volume", target="red_marrow", energy_kev=NODES)
    assert np.all(np.diff(own) < 0.01)
    assert np.all(np.diff(cross) > -0.01)


def test_reciprocity(table):
    """m_S phi(T <- S) = m_T phi(S <- T) for like stopping powers: red and yellow marrow within 3 %."""
    for energy in (100.0, 1000.0):
        a = table.at(source="red_marrow", target="yellow_marrow", energy_kev=energy) * table.mass_kg("red_marrow")
        b = table.at(source="yellow_marrow", target="red_marrow", energy_kev=energy) * table.mass_kg("yellow_marrow")
        assert a == pytest.approx(b, rel=0.06)


def test_masses_and_weights(table):
    assert table.mass_kg("red_marrow") == pytest.approx(1.17 * sum(s.red_marrow_share for s in SOME))
    lumbar = next(s for s in SOME if s.name == "lumbar spine")
    mass = table.mass_kg("red_marrow", "lumbar spine") + table.mass_kg("yellow_marrow", "lumbar spine") * 1.03 / 0.98
    assert mass == pytest.approx(1.03e-3 * lumbar.marrow_volume_ml(1.17))
    assert table.mass_kg("bone", "lumbar spine") == pytest.approx(1.92e-3 * lumbar.bone_volume_ml(1.17))


def test_mixed_sources_are_averages_over_volume(table):
    found = table.at(source="marrow", target="red_marrow", energy_kev=100.0, site="lumbar spine")
    parts = [
        table.at(source=s, target="red_marrow", energy_kev=100.0, site="lumbar spine")
        for s in ("red_marrow", "yellow_marrow")
    ]
    assert found == pytest.approx(0.7 * parts[0] + 0.3 * parts[1], abs=1e-4)
    whole = table.at(source="spongiosa", target="red_marrow", energy_kev=1.0, site="lumbar spine")
    assert whole == pytest.approx(0.7 * (1.0 - microstructure("lumbar vertebra").bone_volume_fraction), abs=2e-3)


def test_a_line_is_folded_at_its_energy_and_no_photons(table):
    gamma = EmissionLine(kind=LineKind.GAMMA, energy_kev=100.0, yield_per_decay=1.0)
    got = table.fold(made_up(electron(100.0, 0.5), gamma))
    phi = table.at(source="red_marrow", target="red_marrow", energy_kev=100.0)
    assert got.electron_kev == pytest.approx(50.0)
    assert got.absorbed_kev["red_marrow"]["red_marrow"] == pytest.approx(50.0 * phi)
    assert got.s_value_gy_per_bq_s(source="red_marrow", target="red_marrow") == pytest.approx(
        50.0 * phi * 1.602176634e-16 / table.mass_kg("red_marrow")
    )


def test_a_spectrum_is_folded_with_its_energy(table):
    energy = np.array([0.0, 500.0, 1000.0])
    beta = BetaSpectrum(charge=-1, energy_kev=energy, density_per_kev=np.array([0.002, 0.001, 0.0]))
    got = table.fold(made_up(betas=(beta,)))
    assert got.electron_kev == pytest.approx(beta.energy_per_decay_kev)
    total = sum(got.absorbed_kev["red_marrow"][t] for t in TARGETS[:3])
    assert total == pytest.approx(got.electron_kev, rel=2e-3)
    fine = np.linspace(0.5, 1000.0, 20001)
    density = np.interp(fine, energy, beta.density_per_kev)
    wanted = np.trapezoid(
        fine * density * table.at(source="red_marrow", target="red_marrow", energy_kev=fine), fine
    ) / np.trapezoid(fine * density, fine)
    assert got.fraction(source="red_marrow", target="red_marrow") == pytest.approx(wanted, rel=1e-3)


def test_what_is_not_folded_is_said(table):
    alpha = EmissionLine(kind=LineKind.ALPHA, energy_kev=5000.0, yield_per_decay=1.0)
    notes = table.fold(made_up(electron(4000.0), alpha)).notes
    assert any("5000 keV of alpha" in n for n in notes)
    assert any("held constant" in n for n in notes)
    with pytest.raises(QuantityError, match="no electrons"):
        table.fold(made_up(alpha))


def test_edges_take_energy_from_every_target(table):
    half = with_share(0.5, table)
    whole = half.at(source="red_marrow", target="red_marrow", energy_kev=ENERGIES, edges=False)
    assert half.at(source="red_marrow", target="red_marrow", energy_kev=ENERGIES) == pytest.approx(0.5 * whole)
    with pytest.raises(QuantityError, match="more energy"):
        with_share(1.1, table)


def test_records_go_through_json(table):
    again = MarrowAbsorbedFractions.from_records(json.loads(json.dumps(table.to_records())))
    assert again.sites == table.sites
    assert again.notes == table.notes
    assert np.allclose(again.fraction, table.fraction, atol=1e-6)
    assert np.array_equal(again.target_mass_kg, table.target_mass_kg)
    broken = table.to_records()
    del broken["site_weight"]
    with pytest.raises(ReferenceDataError, match="site_weight"):
        MarrowAbsorbedFractions.from_records(broken)
    with pytest.raises(ReferenceDataError, match="other sources"):
        MarrowAbsorbedFractions.from_records(table.to_records() | {"sources": ["liver"]})


def test_marrow_without_fat(ray_tracer):
    """All marrow red: nothing in yellow marrow, and a surface gives half to it at no range."""
    lean = (replace(next(s for s in SITES if s.name == "lumbar spine"), cellularity=1.0),)
    found = absorbed_fractions(
        red_marrow_kg=1.0,
        sites=lean,
        energy_kev=(100.0,),
        electrons=500,
        size=96,
        deposit=ray_tracer,
        retain=_all_of_it,
    )
    assert found.mass_kg("yellow_marrow") == 0.0
    assert np.all(found.fraction[:, 1] == 0.0)
    assert found.at(source="bone_surface", target="red_marrow", energy_kev=1.0) == pytest.approx(0.5, abs=1e-4)
    assert found.at(source="marrow", target="red_marrow", energy_kev=100.0) > 0.7
    assert "yellow_marrow" not in found.fold(made_up(electron(100.0))).absorbed_kev
    with pytest.raises(ReferenceDataError, match="not there"):
        found.at(source="yellow_marrow", target="bone", energy_kev=1.0)
    with pytest.raises(QuantityError, match="shallow"):
        absorbed_fractions(red_marrow_kg=1.0, sites=lean, voxel_mm=0.1, deposit=ray_tracer, retain=_all_of_it)


def test_unknown_names_are_refused(table):
    for wrong in ({"source": "liver"}, {"target": "liver"}, {"site": "tibia"}):
        with pytest.raises(ReferenceDataError):
            table.at(**({"source": "red_marrow", "target": "bone", "energy_kev": 1.0} | wrong))


@pytest.fixture(scope="module")
def lumbar():
    return spongiosa(microstructure("lumbar vertebra"), cellularity=0.7, seed=2, size=96)


@pytest.mark.parametrize(("energy", "tolerance"), [(30.0, 0.06), (100.0, 0.06), (400.0, 0.05), (1000.0, 0.03)])
@pytest.mark.parametrize("source", ["red_marrow", "bone_volume"])
def test_engine_and_straight_lines_agree(lumbar, ray_tracer, energy, tolerance, source):
    """Scattering shortens the way: own dose of straight lines is lower, by at most some per cent of all energy."""
    weights, labels = source_weights(lumbar, source), regions(lumbar)
    engine = transported()(lumbar, weights, labels, energy, 20_000, 1).mean(axis=0)
    straight = ray_tracer(lumbar, weights, labels, energy, 4000, 1).mean(axis=0)
    assert engine.sum() == pytest.approx(1.0, abs=1e-6)
    red = [0, 3]
    assert engine[red].sum() == pytest.approx(straight[red].sum(), abs=tolerance)
    if source == "red_marrow" and energy <= 100.0:
        assert engine[red].sum() > straight[red].sum() - 0.01


def test_plates_and_rods_differ_little(ray_tracer):
    """Equal chords, other shape: the choice of form moves phi(RM <- RM) at 100 keV by less than 5 %."""
    found = []
    for form in Form:
        piece = spongiosa(microstructure("lumbar vertebra"), cellularity=0.7, seed=2, size=96, form=form)
        found.append(
            ray_tracer(piece, source_weights(piece, "red_marrow"), regions(piece), 100.0, 4000, 1)
            .mean(axis=0)[[0, 3]]
            .sum()
        )
    assert found[0] == pytest.approx(found[1], rel=0.05)


def test_thick_bones_keep_more_and_slow_electrons_stay():
    hold = transported_edges()
    cranium, femur = (next(s for s in SITES if s.name == n) for n in ("cranium", "femora, proximal"))
    assert hold(cranium, 30.0, 4000, 1) > 0.99
    thin, thick = hold(cranium, 1000.0, 4000, 1), hold(femur, 1000.0, 4000, 1)
    assert 0.5 < thin < thick < 1.0
