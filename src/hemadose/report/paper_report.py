"""A judged publication as one page: HTML with its figures inside, Markdown, rows for a table."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from hemadose.outcome.papers import Finding, Judgement, Line

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#1f2933;margin:2em auto;max-width:1150px;padding:0 1em}
h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}table{border-collapse:collapse;width:100%;font-size:12.5px}
th,td{text-align:left;vertical-align:top;padding:.3em .5em;border-bottom:1px solid #dfe4ea}th{background:#f3f5f8}
.v{white-space:nowrap;font-weight:600}.reproduced{color:#2b7a3d}.error{color:#b42318}.differs{color:#d9730d}
.other{color:#66727f}figure{margin:1.2em 0}img{max-width:100%}figcaption,.small{color:#66727f;font-size:12px}
"""
_CLASSES = {Finding.REPRODUCED: "reproduced", Finding.ERROR: "error", Finding.DIFFERS: "differs"}
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ paper.id }}</title><style>{{ style }}</style></head><body>
<h1>{{ paper.title }}</h1><p>{{ paper.citation }} ({{ paper.licence }})</p>
<p>{% for name, n in counts %}<b>{{ n }}</b> {{ name }}{% if not loop.last %}, {% endif %}{% endfor %}.</p>
<p class="small">Research use. "printed" is the paper's number, unless the basis says otherwise; a number is reproduced
if it rounds to the printed digits.</p>
{% if wrong %}<h2>Errors and differences</h2><ul>{% for l in wrong %}<li><b>{{ l.row }}</b> {{ l.claim.what }}: printed
{{ l.claim.printed }} {{ l.claim.unit }}, recomputed {{ l.recomputed }}. {{ l.note }}.</li>{% endfor %}</ul>{% endif %}
{% for f in figures %}<figure><img alt="{{ f.caption }}" src="{{ f.uri }}"><figcaption>{{ f.caption }}</figcaption>
</figure>{% endfor %}
<h2>All claims</h2><table><tr><th>Row</th><th>Claim</th><th>Basis</th><th>Printed</th><th>Recomputed</th><th>Unit</th>
<th>Verdict</th><th>Note</th></tr>
{% for l in lines %}<tr><td>{{ l.row }}</td><td>{{ l.claim.what }}</td>
<td>{{ l.claim.basis.value if l.claim.quantity else "" }}</td><td>{{ l.claim.printed }}</td><td>{{ l.recomputed }}</td>
<td>{{ l.claim.unit }}</td><td class="v {{ classes.get(l.finding, "other") }}">{{ l.finding.value }}</td>
<td>{{ l.note }}{% if l.claim.where %} <code>{{ l.claim.where }}</code>{% endif %}</td></tr>
{% endfor %}</table>
{% if paper.notes %}<h2>Notes</h2><ul>{% for n in paper.notes %}<li>{{ n }}</li>{% endfor %}</ul>{% endif %}
</body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFigure:
    """A figure of a judged publication.

    Attributes
    ----------
    name, caption : str
        File stem, and what is seen.
    svg : bytes
        The drawing.
    """

    name: str
    caption: str
    svg: bytes


def wrong_lines(judgement: Judgement) -> tuple[Line, ...]:
    """Give the claims that are wrong or differ, errors first."""
    return tuple(
        line for finding in (Finding.ERROR, Finding.DIFFERS) for line in judgement.lines if line.finding is finding
    )


def paper_html(judgement: Judgement, figures: Sequence[PaperFigure] = ()) -> str:
    """Write a judged publication as one self-contained page.

    Parameters
    ----------
    judgement : Judgement
        All claims.
    figures : sequence of PaperFigure
        Shown above the table.

    Returns
    -------
    str
        Everything escaped; no script, no request.
    """
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_PAGE).render(
        paper=judgement.paper,
        style=_STYLE,
        counts=[(f.value, judgement.count(f)) for f in Finding if judgement.count(f)],
        wrong=wrong_lines(judgement),
        lines=judgement.lines,
        classes=_CLASSES,
        figures=[
            {"caption": f.caption, "uri": "data:image/svg+xml;base64," + base64.b64encode(f.svg).decode("ascii")}
            for f in figures
        ],
    )


def paper_markdown(judgement: Judgement) -> str:
    """Write a judged publication as a Markdown table."""
    paper = judgement.paper
    head = [f"# {paper.title}", "", f"{paper.citation}", ""]
    head += [f"* {f.value}: {judgement.count(f)}" for f in Finding if judgement.count(f)]
    table = [
        "",
        "| row | claim | basis | printed | recomputed | unit | verdict | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in paper_rows(judgement):
        keys = ("row", "claim", "basis", "printed", "recomputed", "unit", "verdict")
        note = " ".join(part for part in (row["note"], f"`{row['where']}`" if row["where"] else "") if part)
        table.append("| " + " | ".join(_cell(text) for text in (*(row[k] for k in keys), note)) + " |")
    return "\n".join([*head, *table, "", *(f"* {note}" for note in paper.notes), ""])


def paper_rows(judgement: Judgement) -> list[dict[str, str]]:
    """Give one row of text per claim, for a table or CSV."""
    return [
        {
            "row": line.row,
            "subject": line.subject,
            "claim": line.claim.what,
            "basis": line.claim.basis.value if line.claim.quantity else "",
            "printed": line.claim.printed,
            "recomputed": line.recomputed,
            "unit": line.claim.unit,
            "verdict": line.finding.value,
            "where": line.claim.where,
            "note": line.note,
            "values": " ".join(f"{value:.8g}" for value in line.values),
        }
        for line in judgement.lines
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
