"""Recorded grades are explained, never changed, and nothing is dropped."""

from __future__ import annotations

from hemadose.model.followup import Event, EventKind, FollowUp
from hemadose.outcome.toxicity.recorded import ClinicalTerm, ClinicalTerms, recorded_event, recorded_events

TERMS = ClinicalTerms(
    version="5.0", source="CTCAE",
    terms=(
        ClinicalTerm(name="Sepsis", group="infection", synonyms=("septic shock",), seen=False,
                     grades={3: "blood culture", 4: "life in danger", 5: "death"}),
    ),
)  # fmt: skip


def event(term, grade=None, *, day=5.0, kind=EventKind.ADVERSE_EVENT, **more):
    return Event(day=day, kind=kind, term=term, grade=grade, **more)


def test_a_grade_is_explained_through_any_spelling():
    found = recorded_event(event(" Septic  SHOCK ", 4), TERMS)
    assert (found.outcome, found.grade, found.criteria) == ("grade 4", 4, ("life in danger",))
    assert found.rule == "CTCAE 5.0 Sepsis, recorded"
    assert any("unverified" in n for n in found.notes)


def test_a_grade_that_ctcae_does_not_have_is_kept_and_doubted():
    """CTCAE has no grade 2 of sepsis: a bacteraemia without symptoms, or a slip."""
    found = recorded_event(event("sepsis", 2), TERMS)
    assert (found.grade, found.criteria) == (2, ())
    assert any("no grade 2" in n for n in found.notes)


def test_no_grade_is_no_decision():
    found = recorded_event(event("sepsis"), TERMS)
    assert (found.outcome, found.missing) == (None, ("grade",))


def test_an_unknown_term_is_reported():
    assert recorded_event(event("itchy nose", 3), TERMS).outcome == "unknown term, grade 3 as recorded"
    bare = recorded_event(event("itchy nose"), TERMS)
    assert (bare.outcome, bare.missing) == ("unknown term", ("grade",))


def test_a_laboratory_term_is_not_unknown():
    found = recorded_event(event("creatinine increased", 2), TERMS, laboratory=("Creatinine increased",))
    assert found.outcome == "grade 2"
    assert any("laboratory term" in n for n in found.notes)


def test_every_event_of_the_window_is_told_once():
    who = FollowUp(
        pseudonym="A",
        events=(
            event("sepsis", 3, day=-30.0),
            event("sepsis", 3, day=-16.0, until_day=-13.0),
            event("x", day=2.0, kind=EventKind.INFECTION),
            event("y", 1, day=200.0),
        ),
    )
    found = recorded_events(who, TERMS, first_day=-14.0, last_day=100.0)
    assert [d.day for d in found] == [-16.0, 2.0]
