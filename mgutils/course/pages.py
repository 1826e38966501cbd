"""An executed notebook as one HTML page that opens without a network. Making and executing notebooks is elsewhere.

nbconvert's own page asks a content network for RequireJS, MathJax and Mermaid. Here the template leaves the scripts
out, figures are embedded, and formulas become MathML, which browsers draw by themselves.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from jinja2 import pass_context
from math_core import LatexError, LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from mgutils.course.templates import write_page
from mgutils.errors import MgError

_TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block input_group -%}
{%- if 'hidden' in cell.metadata.get('tags', []) -%}
<details><summary>Code</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock -%}
"""


def formula(latex: str, *, display: bool) -> str:
    """A LaTeX formula as MathML.

    Parameters
    ----------
    latex : str
        Without its dollar signs.
    display : bool
        On a line of its own.

    Raises
    ------
    MgError
        If the formula cannot be read.
    """
    try:
        return LatexToMathML(fancy_error=False).convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise MgError(f"formula {latex.strip()!r}: {error}. Wanted LaTeX that MathML can show; correct the source of "
                      "the notebook.") from None


class _Renderer(IPythonRenderer):
    """Markdown as nbconvert renders it, but for the formulas."""

    def block_math(self, body: str) -> str:
        return formula(body, display=True)

    def inline_math(self, body: str) -> str:
        return formula(body, display=False)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)


class _OfflineExporter(HTMLExporter):
    """JupyterLab's look without its scripts."""

    @pass_context
    def markdown2html(self, context: dict, source: str) -> str:
        renderer = _Renderer(escape=False, attachments=context.get("cell", {}).get("attachments", {}),
                             embed_images=True, path=context["resources"]["metadata"].get("path", ""),
                             anchor_link_text=self.anchor_link_text)
        return MarkdownWithMath(renderer=renderer).render(source)


def to_html(notebook: Path | str, page: Path | str | None = None) -> Path:
    """Write a notebook as one HTML page with everything inside.

    Parameters
    ----------
    notebook : path
        An ``.ipynb``.
    page : path, optional
        Beside the notebook if not given.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If the page cannot be written.
    MgError
        If a formula cannot be read.
    """
    notebook = Path(notebook)
    page = notebook.with_suffix(".html") if page is None else Path(page)
    write_page(page, notebook_html(notebook))
    return page


def notebook_html(notebook: Path) -> str:
    """A notebook as HTML. Raises as :func:`to_html` does."""
    node = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"name": notebook.stem, "path": str(notebook.parent)}}
    return _OfflineExporter(raw_template=_TEMPLATE).from_notebook_node(node, resources)[0]
