"""Numbers as files have them: CSV text, and plain values for JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV file's text; None and NaN are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if v is None or v != v else v for v in row] for row in rows)
    return text.getvalue()


def plain(value: Any) -> Any:
    """Values that ``json.dumps`` takes; NaN becomes None."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and value != value:
        return None
    return value.item() if isinstance(value, np.generic) else value


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{c: "\\" + c for c in "&%$#_{}"},
}


def latex_text(text: str) -> str:
    """Text as LaTeX prints it, whatever characters it holds."""
    return "".join(_LATEX.get(c, c) for c in " ".join(text.split()))


def latex_table(header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str) -> str:
    """A table for LaTeX's package booktabs; the first column is words, the others are numbers."""

    def cell(value: Any) -> str:
        if value is None or value != value:
            return "--"
        if isinstance(value, float | np.floating):
            return f"${value:.4g}$"
        return latex_text(str(value))

    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex_text(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(latex_text(name) for name in header) + r" \\",
        r"\midrule",
        *(" & ".join(map(cell, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"
