"""Great Expectations' Data Docs of one check, as one page that needs nothing else.

Its own pages load styles, scripts and a logo from six other hosts, and name the logo by the time. Here these references
are taken out, a small style is put in, and the same verdict gives the same bytes, so that the page lies beside it.
"""

import re
from typing import Any

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from expectations.verdict import Verdict

PAGE = "data_docs.html"

_ELSEWHERE = re.compile(
    r"<script\b[^>]*\bsrc=[\"']https?:[^>]*>\s*</script>|<(?:link|img)\b[^>]*\b(?:href|src)=[\"']https?:[^>]*>|"
    r"url\(\s*[\"']?https?:[^)]*\)",
    re.IGNORECASE | re.DOTALL,
)
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.fa-check-circle::before { content: "held"; color: #1a7f37; }
.fa-times::before, .fa-exclamation-triangle::before { content: "failed"; color: #b42318; }
.modal, .navbar, .footer, footer, #ge-cta-footer { display: none; }
</style>
"""


def page(verdict: Verdict, name: str, version: str) -> str:
    """Return the Data Docs of a verdict as HTML.

    Parameters
    ----------
    verdict : Verdict
    name : str
        The suite's.
    version : str
        What was judged: it stands where Great Expectations puts the name of a run.
    """
    held = sum(result.success for result in verdict.results)
    asked = len(verdict.results)
    whole = ExpectationSuiteValidationResult(
        success=held == asked,
        results=[_plain(result) for result in verdict.results],
        suite_name=name,
        suite_parameters={},
        statistics={
            "evaluated_expectations": asked,
            "successful_expectations": held,
            "unsuccessful_expectations": asked - held,
            "success_percent": 100 * held / asked if asked else None,
        },
        # A time of its own would make two pages of one verdict differ; the version says which rows these are.
        meta={
            "great_expectations_version": gx.__version__,
            "run_id": {"run_name": version, "run_time": "2000-01-01T00:00:00+00:00"},
            "batch_spec": {},
            "batch_markers": {},
            "active_batch_definition": {},
        },
    )
    html = DefaultJinjaPageView().render(ValidationResultsPageRenderer(run_info_at_end=True).render(whole))
    # The checks answer yes or no without a count, of which the renderer makes this.
    html = html.replace("unknown % not null", "--")
    return _ELSEWHERE.sub("", html).replace("</head>", f"{_STYLE}</head>", 1)


def _plain(result: ExpectationValidationResult) -> ExpectationValidationResult:
    """Return a result whose observed value is Python's own, which the renderer wants."""
    answer: dict[str, Any] = dict(result.result)
    if hasattr(observed := answer.get("observed_value"), "item"):
        answer["observed_value"] = observed.item()
    return ExpectationValidationResult(
        success=result.success,
        expectation_config=result.expectation_config,
        result=answer,
        exception_info=result.exception_info,
    )
