"""The case-report form of a prospective study: a REDCap project, and the map with which its export is read.

Everything is made from the tables that reading and grading use (quantities, CTCAE, kinds of events, comorbidities), so
that a form can never ask for something the program does not understand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hemadose.model.course import Donor
from hemadose.model.followup import EventKind
from hemadose.outcome.comorbidity import ComorbidityIndex
from hemadose.outcome.quantities import Quantities
from hemadose.outcome.toxicity.ctcae import Ctcae

HEADER = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
    "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip
RECORD = "record_id"
BASELINE, LABORATORY, EVENTS = "baseline", "laboratory", "event"
DONORS = {
    Donor.MATCHED_RELATED: "matched related", Donor.MATCHED_UNRELATED: "matched unrelated",
    Donor.MISMATCHED_UNRELATED: "mismatched unrelated", Donor.HAPLOIDENTICAL: "haploidentical",
    Donor.AUTOLOGOUS: "autologous",
}  # fmt: skip
YES_NO = {"1": "yes", "0": "no", "9": "not known"}
AMOUNTS = {
    EventKind.RADIOLIGAND: "GBq", EventKind.IRRADIATION: "Gy", EventKind.CHEMOTHERAPY: "mg/m2",
    EventKind.GRAFT: "10*6/kg", EventKind.BOOST: "10*6/kg", EventKind.LYMPHOCYTES: "10*6/kg",
}  # fmt: skip
"""Unit of the amount that the form asks for, by kind of event."""
FACTS = (
    ("activity_GBq", "Administered activity (GBq)", 0.1, 100.0),
    ("kidneys_Gy_per_GBq", "Kidneys, dose coefficient of the tracer study (Gy/GBq)", 0.01, 20.0),
    ("liver_Gy_per_GBq", "Liver, dose coefficient (Gy/GBq)", 0.01, 20.0),
    ("spleen_Gy_per_GBq", "Spleen, dose coefficient (Gy/GBq)", 0.01, 50.0),
    ("red_marrow_Gy_per_GBq", "Red marrow, dose coefficient (Gy/GBq)", 0.01, 50.0),
    ("prior_lines", "Previous lines of therapy", 0.0, 30.0),
    ("prior_transplantations", "Previous transplantations", 0.0, 5.0),
)
"""Baseline numbers: name of the fact, question, least and greatest value that the form accepts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One question.

    Attributes
    ----------
    name : str
        Variable of REDCap: lower case, at most 26 characters.
    form : str
        Instrument.
    label : str
        Question.
    kind : str
        ``"text"``, ``"radio"``, ``"dropdown"``.
    choices : dict of str to str
        Code and meaning.
    validation : str
        ``"date_ymd"``, ``"datetime_ymd"``, ``"number"``, ``"integer"`` or none.
    low, high : float or None
        Accepted range.
    note, section, branching : str
        As REDCap shows them.
    required : bool
        Must be answered.
    """

    name: str
    form: str
    label: str
    kind: str = "text"
    choices: dict[str, str] = field(default_factory=dict)
    validation: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""
    section: str = ""
    branching: str = ""
    required: bool = False


def case_report_form(quantities: Quantities, criteria: Ctcae, comorbidities: ComorbidityIndex) -> tuple[FormField, ...]:
    """Give the questions of the form.

    Parameters
    ----------
    quantities : Quantities
        Each becomes a field of the laboratory instrument.
    criteria : Ctcae
        Quantities that it grades also ask for the reference limits.
    comorbidities : ComorbidityIndex
        Each becomes a question of baseline.

    Returns
    -------
    tuple of FormField
        The first one is the record.
    """
    return (*_baseline(comorbidities), *_laboratory(quantities, criteria), *_events())


def dictionary_rows(form: Sequence[FormField]) -> list[dict[str, str]]:
    """Give the form as rows of a REDCap data dictionary."""
    rows = []
    for f in form:
        cells = dict.fromkeys(HEADER, "")
        cells |= {
            HEADER[0]: f.name, HEADER[1]: f.form, HEADER[2]: f.section, HEADER[3]: f.kind, HEADER[4]: f.label,
            HEADER[5]: " | ".join(f"{code}, {said}" for code, said in f.choices.items()), HEADER[6]: f.note,
            HEADER[7]: f.validation, HEADER[8]: _bound(f.low), HEADER[9]: _bound(f.high), HEADER[11]: f.branching,
            HEADER[12]: "y" if f.required else "",
        }  # fmt: skip
        rows.append(cells)
    return rows


def export_map(quantities: Quantities, criteria: Ctcae, comorbidities: ComorbidityIndex) -> str:
    """Give the TOML map with which `hemadose.io.redcap` reads an export of this form."""
    lines = [
        "# Which column of the export means what; made with the form, do not edit one without the other.",
        f'record = "{RECORD}"', "", "[patient]", 'day_zero_on = "graft_date"', 'sex = "sex"', 'age_years = "age_years"',
        'diagnosis = "diagnosis"', 'donor = "donor"', 'centre = "centre"', "", "[facts]", 'de_novo = "de_novo"',
    ]  # fmt: skip
    lines += [f'{name} = "{name.lower()}"' for name, *_ in FACTS]
    lines += [f'comorbidity_{item.name} = "{_comorbidity(item.name)}"' for item in comorbidities.items]
    limits = _limited(quantities, criteria)
    for q in quantities.by_name.values():
        lines += ["", "[[measurement]]", f'column = "{q.name}"', f'quantity = "{q.name}"', f'unit = "{q.unit}"']
        lines.append('date = "lab_date"')
        if q.name in limits:
            lines += [f'lower = "{q.name}_lln"', f'upper = "{q.name}_uln"']
    for code, kind in event_codes().items():
        lines += [
            "", "[[event]]", f'kind = "{kind.name.lower()}"', 'date = "event_date"', 'until_date = "event_until"',
            'when = "event_kind"', f'equals = "{code}"', 'term_column = "event_term"', 'grade_column = "event_grade"',
        ]  # fmt: skip
        if kind in AMOUNTS:
            lines += ['amount_column = "event_amount"', f'unit = "{AMOUNTS[kind]}"']
    decoded = {"sex": {"1": "female", "2": "male"}, "donor": _donor_codes(), "de_novo": YES_NO}
    decoded |= {f"comorbidity_{item.name}": YES_NO for item in comorbidities.items}
    for name, codes in decoded.items():
        lines += ["", f"[codes.{name}]", *(f'{code} = "{said}"' for code, said in codes.items())]
    return "\n".join(lines) + "\n"


def event_codes() -> dict[str, EventKind]:
    """Code of each kind of event in the form."""
    return {str(i): kind for i, kind in enumerate(EventKind, start=1)}


def _donor_codes() -> dict[str, str]:
    return {str(i): donor.value for i, donor in enumerate(DONORS, start=1)}


def _comorbidity(name: str) -> str:
    return f"hct_{name}"


def _baseline(comorbidities: ComorbidityIndex) -> list[FormField]:
    def ask(name: str, label: str, **more: object) -> FormField:
        return FormField(name=name, form=BASELINE, label=label, **more)  # type: ignore[arg-type]

    donors = {code: f"{said} ({DONORS[Donor(said)]})" for code, said in _donor_codes().items()}
    found = [
        ask(RECORD, "Record", note="a number of the study, nothing that names the patient"),
        ask("graft_date", "Day 0: infusion of stem cells", validation="date_ymd", required=True),
        ask("sex", "Sex", kind="radio", choices={"1": "female", "2": "male"}, required=True),
        ask("age_years", "Age on day 0 (years)", validation="number", low=0.0, high=120.0, required=True,
            note="no date of birth is asked for"),
        ask("diagnosis", "Diagnosis", note="e.g. AML, MDS, multiple myeloma, DLBCL"),
        ask("de_novo", "De novo disease", kind="radio", choices=YES_NO),
        ask("donor", "Donor", kind="dropdown", choices=donors),
        ask("centre", "Centre"),
    ]  # fmt: skip
    found += [
        ask(name.lower(), label, validation="integer" if name.startswith("prior") else "number", low=low, high=high,
            section="Dosimetry and history" if i == 0 else "")
        for i, (name, label, low, high) in enumerate(FACTS)
    ]  # fmt: skip
    found += [
        ask(_comorbidity(item.name), f"{item.name.replace('_', ' ').capitalize()}: {item.meaning}", kind="radio",
            choices=YES_NO, section="Comorbidity before conditioning (HCT-CI)" if i == 0 else "")
        for i, item in enumerate(comorbidities.items)
    ]  # fmt: skip
    return found


def _limited(quantities: Quantities, criteria: Ctcae) -> set[str]:
    """Quantities whose reference limits a grade may need."""
    return {q for q in quantities.by_name if criteria.terms_of(q)}


def _laboratory(quantities: Quantities, criteria: Ctcae) -> list[FormField]:
    limited = _limited(quantities, criteria)
    found = [
        FormField(name="lab_date", form=LABORATORY, label="Taken on", validation="datetime_ymd", required=True,
                  note="repeating instrument: one for each sample; leave empty what was not measured")
    ]  # fmt: skip
    for q in quantities.by_name.values():
        found.append(
            FormField(name=q.name, form=LABORATORY, label=f"{q.title} ({q.unit})", validation="number", low=q.lowest,
                      high=q.highest)
        )  # fmt: skip
        if q.name in limited:
            found += [
                FormField(name=f"{q.name}_{end}", form=LABORATORY, label=f"{q.title}, {word} limit of the laboratory",
                          validation="number", branching=f'[{q.name}] <> ""')
                for end, word in (("lln", "lower"), ("uln", "upper"))
            ]  # fmt: skip
    return found


def _events() -> list[FormField]:
    codes = event_codes()
    dosed = " or ".join(f"[event_kind] = '{code}'" for code, kind in codes.items() if kind in AMOUNTS)
    units = "; ".join(f"{kind.value}: {unit}" for kind, unit in AMOUNTS.items())

    def ask(name: str, label: str, **more: object) -> FormField:
        return FormField(name=name, form=EVENTS, label=label, **more)  # type: ignore[arg-type]

    return [
        ask("event_kind", "What", kind="dropdown", choices={c: k.value for c, k in codes.items()}, required=True,
            note="repeating instrument: one for each event"),
        ask("event_date", "On", validation="date_ymd", required=True),
        ask("event_until", "Until", validation="date_ymd"),
        ask("event_term", "Which", note="drug, product, CTCAE term, agent, category of response, cause of death"),
        ask("event_grade", "Grade (CTCAE)", kind="dropdown", choices={str(i): str(i) for i in range(6)}),
        ask("event_amount", "Amount", validation="number", low=0.0, note=units, branching=dosed),
    ]  # fmt: skip


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
