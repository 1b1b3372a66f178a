"""Names and kinds of the drugs of a regimen: one name each, so that no line escapes the checks of its drug."""

from __future__ import annotations

KINDS = ("chemotherapy", "immunosuppression", "supportive")
ATG_NAMES = ("atg", "antithymocyte_globulin", "thymoglobulin", "grafalon")
GENERIC = {
    "cy": "cyclophosphamide", "cyc": "cyclophosphamide", "cyclo": "cyclophosphamide", "endoxan": "cyclophosphamide",
    "cytoxan": "cyclophosphamide", "ptcy": "cyclophosphamide", "flu": "fludarabine", "fludara": "fludarabine",
    "fludarabine_phosphate": "fludarabine", "mmf": "mycophenolate_mofetil", "mycophenolate": "mycophenolate_mofetil",
    "cni": "calcineurin_inhibitor", "ciclosporin": "calcineurin_inhibitor", "cyclosporine": "calcineurin_inhibitor",
    "tacrolimus": "calcineurin_inhibitor",
}  # fmt: skip
"""Names under which a drug would escape its checks, and the one it must be written by."""
