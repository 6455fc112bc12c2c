"""Write the three Grafana dashboards: `python infra/grafana/generate.py`; what is written needs no library.

`docs/dashboards.md` says of every panel what it answers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).parent
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
ME = 'project="$project"'
WHOLE = 'cohort="all", value="all"'


class Panel(NamedTuple):
    """A panel: its title, what it answers, its queries with their legends, its unit and its kind."""

    title: str
    says: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "percentunit"
    kind: str = "lines"


def counts(name: str, window: str, cell: str = WHOLE) -> str:
    """Return one of the gauges of label time; servers of one log tell the same, so the largest is it."""
    return f'max by (cohort, value) (rarecall_slo_{name}{{{ME}, {cell}, window="{window}"}})'


def recall(window: str, cell: str = WHOLE) -> str:
    """Return the share of the positives that was flagged."""
    return f"1 - {counts('missed', window, cell)} / ({counts('positives', window, cell)} > 0)"


def precision(window: str, cell: str = WHOLE) -> str:
    """Return the share of the flagged that was positive."""
    return f"1 - {counts('false_alarms', window, cell)} / ({counts('flagged', window, cell)} > 0)"


def f1(window: str) -> str:
    """Return the harmonic mean of both."""
    hits = f"({counts('positives', window)} - {counts('missed', window)})"
    return f"2 * {hits} / ({counts('positives', window)} + {counts('flagged', window)} > 0)"


def model(part: str, more: str = "") -> str:
    """Return what a record says of the champion and of the last retrain's model."""
    return f"max by (model{''.join(', ' + one for one in more.split())}) (rarecall_model_{part}{{{ME}}})"


def quantile(share: str, by: str, buckets: str) -> str:
    """Return a quantile of one of the server's histograms."""
    return f"histogram_quantile({share}, sum by ({by}) (rate(rarecall_serving_{buckets})))"


def by_cohort(counted: str) -> str:
    """Return how many rows of the champion's a second, by cohort value."""
    return f'sum by (cohort, value) (rate(rarecall_serving_cohort_{counted}_total{{{ME}, arm="champion"}}[1h]))'


EXECUTIVE: dict[str, list[Panel]] = {
    "Now": [
        Panel("Recall of 7 days", "Of the positives whose label came, the share that was flagged.",
              ((recall("7d"), ""),), kind="figure"),
        Panel("Recall budget left", "Of four weeks; below 0 the promise is broken.",
              ((f"rarecall:slo_recall_budget_left:ratio{{{ME}, {WHOLE}}}", ""),), kind="figure"),
        Panel("Availability budget left", "Of four weeks.",
              ((f"rarecall:slo_availability_budget_left:ratio{{{ME}}}", ""),), kind="figure"),
        Panel("Retrains that came to their end", "Of those that began within 28 days.",
              ((f'1 - sum(rarecall_runs{{{ME}, outcome="unfinished"}}) / (sum(rarecall_runs{{{ME}}}) > 0)', ""),),
              kind="figure"),
    ],
    "Trends": [
        Panel("Recall and F1", "Over the last 7 days of labels, beside the objective.",
              ((recall("7d"), "recall"), (f1("7d"), "F1"),
               (f'max(rarecall_slo_objective{{{ME}, slo="recall"}})', "objective"))),
        Panel("Budget burn", "1 uses up exactly what is allowed.",
              ((f'rarecall:slo_recall_burn:ratio{{{ME}, {WHOLE}, window="7d"}}', "recall, 7 days"),
               (f"rarecall:slo_availability_burn:ratio1d{{{ME}}}", "availability, a day"),
               (f"rarecall:slo_latency_burn:ratio1d{{{ME}}}", "latency, a day")), unit="none"),
        Panel("Retrains by outcome", "Of the last 28 days.",
              ((f"max by (outcome) (rarecall_runs{{{ME}}})", "{{outcome}}"),), unit="none", kind="bars"),
        Panel("Business cost", "Of the answers whose label came; needs training.threshold.costs.",
              ((f"max by (window) (rarecall_business_cost{{{ME}}})", "{{window}}"),), unit="none"),
    ],
}  # fmt: skip

ON_CALL: dict[str, list[Panel]] = {
    "Now": [
        Panel("What fires", "Alerts of this project.",
              ((f'count by (alertname, severity) (ALERTS{{{ME}, alertname=~"Rarecall.*", alertstate="firing"}})',
                "{{alertname}} {{severity}}"),), unit="none", kind="figure"),
        Panel("Champion", "The version that serves.",
              ((f'max(rarecall_serving_model_version{{{ME}, arm="champion"}})', ""),), unit="none", kind="figure"),
        Panel("Train-test gap", "Of the champion and of the last retrain's model.",
              ((f'max by (model) (rarecall_model_sli{{{ME}, sli="train_test_gap"}})', "{{model}}"),), kind="figure"),
        Panel("Last retrain", "Since it began.",
              ((f"time() - max(rarecall_last_run_timestamp_seconds{{{ME}}})", ""),), unit="s", kind="figure"),
    ],
    "The rare class": [
        Panel("Recall, 24 h of labels", "By cohort value; few positives make it jump.",
              ((recall("1d", 'cohort!=""'), "{{cohort}} {{value}}"),)),
        Panel("Precision, 24 h of labels", "By cohort value.",
              ((precision("1d", 'cohort!=""'), "{{cohort}} {{value}}"),)),
        Panel("Drifted columns", "From training to holdout, at the retrain.",
              ((model("drifted_columns"), "{{model}}"),), unit="none"),
        Panel("Synthetic share", "Of the training rows.", ((model("synthetic_share"), "{{model}}"),)),
    ],
    "The server": [
        Panel("Requests", "By status.",
              ((f"sum by (status) (rate(rarecall_serving_requests_total{{{ME}}}[5m]))", "{{status}}"),), unit="reqps"),
        Panel("Latency of 99 of 100", "Of predictions.",
              ((quantile("0.99", "le", f'latency_seconds_bucket{{{ME}, route="predict"}}[5m]'), ""),), unit="s"),
        Panel("Canary", "Its share of the entities.", ((f"max(rarecall_serving_canary_share{{{ME}}})", "share"),)),
        Panel("Age of the newest label", "A source that is late makes every recall old.",
              ((f"max(rarecall_slo_label_age_seconds{{{ME}}})", ""),), unit="s"),
    ],
}  # fmt: skip

DEBUG: dict[str, list[Panel]] = {
    "Cohorts": [
        Panel("Recall interval, 7 days", "Its lower end by cohort value.",
              ((f'max by (cohort, value) (rarecall_slo_recall_low{{{ME}, window="7d"}})', "{{cohort}} {{value}}"),)),
        Panel("Upper end, 7 days", "Below the objective it is a breach.",
              ((f'max by (cohort, value) (rarecall_slo_recall_high{{{ME}, window="7d"}})', "{{cohort}} {{value}}"),)),
        Panel("Flagged, by cohort", "Share of the rows that the champion flags.",
              ((f"{by_cohort('flagged')} / {by_cohort('rows')}", "{{cohort}} {{value}}"),)),
        Panel("Positives, 28 days", "What every recall stands on.",
              ((f'max by (cohort, value) (rarecall_slo_positives{{{ME}, window="28d"}})', "{{cohort}} {{value}}"),),
              unit="none", kind="gauge"),
    ],
    "Training rows": [
        Panel("Neighbour distances", "From a rare row to its neighbours, in quartiles.",
              ((model("neighbor_distance", "quantile"), "{{model}} {{quantile}}"),), unit="none"),
        Panel("Label noise", "Share of suspect labels, and its lower end.",
              ((model("label_noise_rate"), "{{model}}"), (model("label_noise_rate_low"), "{{model}}, at least"))),
        Panel("Synthetic rows by region", "By every cohort value, of the last retrain.",
              ((f'max by (cohort, value) (rarecall_model_synthetic_rows{{{ME}, model="last"}})',
                "{{cohort}} {{value}}"),), unit="none", kind="gauge"),
        Panel("Feature shifts", "Of the rare rows, from training to holdout: 0 alike, 1 apart.",
              ((f'max by (feature) (rarecall_model_feature_shift{{{ME}, model="last"}})', "{{feature}}"),),
              unit="none", kind="gauge"),
    ],
    "Answers": [
        Panel("Scores", "Median by arm.",
              ((quantile("0.5", "arm, le", f"score_bucket{{{ME}}}[1h]"), "{{arm}}"),)),
        Panel("Unseen categories", "Values that no training row had.",
              ((f"sum by (feature) (rate(rarecall_serving_unseen_categories_total{{{ME}}}[1h]))", "{{feature}}"),),
              unit="none"),
        Panel("Shadows", "Scored and dropped.",
              ((f"rate(rarecall_serving_shadows_scored{{{ME}}}[5m])", "scored"),
               (f"rate(rarecall_serving_shadows_dropped{{{ME}}}[5m])", "dropped")), unit="none"),
        Panel("What can be read", "0: the figures above are missing.",
              ((f"min by (part) (rarecall_figures_up{{{ME}}})", "{{part}}"),), unit="none"),
    ],
}  # fmt: skip

DASHBOARDS = {"executive": EXECUTIVE, "on-call": ON_CALL, "debug": DEBUG}


def texts() -> Iterator[tuple[Path, str]]:
    """Yield each dashboard's file and what stands in it."""
    for name, rows in DASHBOARDS.items():
        encoder = JSONEncoder(sort_keys=True, indent=1)
        yield FOLDER / f"{name}.json", encoder.encode(_dashboard(name, rows).build()) + "\n"


def _dashboard(name: str, rows: dict[str, list[Panel]]) -> Dashboard:
    builder = (
        Dashboard(f"rarecall: {name}")
        .uid(f"rarecall-{name}")
        .tags(["rarecall"])
        .description("Written by infra/grafana/generate.py; see docs/dashboards.md.")
        .refresh("1m")
        .time("now-7d" if name == "executive" else "now-24h", "now")
        .timezone("browser")
        .with_variable(DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(
            QueryVariable("project")
            .label("project")
            .datasource(SOURCE)
            .query("label_values(rarecall_slo_objective, project)")
        )
    )
    for title, panels in rows.items():
        builder = builder.with_row(Row(title))
        for panel in panels:
            builder = builder.with_panel(_panel(panel))
    return builder


def _panel(one: Panel) -> Any:
    built: Any = {"lines": timeseries.Panel, "bars": timeseries.Panel, "figure": stat.Panel, "gauge": bargauge.Panel}[
        one.kind
    ]()
    built = built.title(one.title).description(one.says).unit(one.unit).datasource(SOURCE).span(6)
    built = built.height(4 if one.kind == "figure" else 8).no_value("no data: see docs/dashboards.md")
    if one.kind in {"lines", "bars"}:
        legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
        built = built.legend(legend.show_legend(True))
        if one.unit == "percentunit":
            built = built.min(0).max(1)
    else:
        built = built.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    for number, (expr, legend) in enumerate(one.queries):
        query = Dataquery().expr(expr).ref_id("ABCDEF"[number]).datasource(SOURCE)
        query = query.legend_format(legend or "__auto")
        built = built.with_target(query.instant() if one.kind in {"figure", "gauge"} else query.range())
    return built


if __name__ == "__main__":
    for file, text in texts():
        file.write_text(text, encoding="utf-8")
