"""`rarecall retrain`: the main job, a run for each rare class, and what came of it."""

from pathlib import Path
from typing import Any

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare_run

STAGES = 17  # of a retrain, for the bar; the flow itself would take seconds to import
_GATES = ["gate", "needs", "got", "interval", "state"]


def retrain(project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Run the main job: from the table to a registered, tagged model, or to the reason why not."""
    classes = prepare_run(project, home)

    def work() -> dict[str, Any]:
        from flows import server

        wait = server.begin()
        from flows.retrain import retrain as flow

        wait()
        return flow(str(project), home)

    answer(work, _show_run, as_json=as_json, stages=STAGES * classes, pick=_machine_record)


def _machine_record(record: dict[str, Any]) -> dict[str, Any]:
    if "classes" in record:
        return {"classes": {rare: _machine_record(one) for rare, one in record["classes"].items()}}
    names = ["run_id", "project", "snapshot", "dataset_version", "model_name", "model_version", "aliases"]
    decision = {name: record["decision"][name] for name in ("verdict", "said", "reasons")}
    return {
        **{name: record[name] for name in names},
        "decision": decision,
        "approval": record["approval"],
        "sli": record["sli"],
        "stages": record["stages"],
        "seconds": record["seconds"],
        "report": record["report"],
    }


def _show_run(record: dict[str, Any]) -> None:
    if "classes" in record:
        _show_classes(record["classes"])
        return
    gates = [[g["name"], g["needs"], g["value"], _interval(g), g["state"]] for g in record["decision"]["gates"]]
    console.table(f"{record['project']}: {record['decision']['said']}", _GATES, gates)
    for reason in record["decision"]["reasons"]:
        console.people.print(f"• {reason}", highlight=False, soft_wrap=True)
    console.people.print(
        f"trained: {record['arms']['name']}; {record['arms']['reasons'][0]}", highlight=False, soft_wrap=True
    )
    if all(stage["state"] == "cached" for stage in record["stages"]):
        console.people.print("nothing to do: every stage had been run on these inputs", highlight=False)
    names = ", ".join(record["aliases"]) or "no alias"
    console.people.print(
        f"{record['model_name']} version {record['model_version']} ({names}), dataset {record['dataset_version']}\n"
        f"report: {record['report']}",
        soft_wrap=True,
        highlight=False,
    )
    if record["approval"] and record["approval"]["state"] == "asked":
        console.waits(record["approval"])


def _show_classes(records: dict[str, dict[str, Any]]) -> None:
    for rare, record in records.items():
        console.people.rule(f"class {rare}", align="left")
        _show_run(record)
    rows = [
        [rare, one["decision"]["said"], one["model_version"], ", ".join(one["aliases"]) or None, *_rates(one["sli"])]
        for rare, one in records.items()
    ]
    names = ["class", "verdict", "version", "aliases", "positives", "recall", "interval", "precision", "interval"]
    console.table("one class against the rest", names, rows)


def _rates(sli: dict[str, Any]) -> list[Any]:
    rates = [sli["positives"]]
    for name in ("minority_recall", "minority_precision"):
        low, high = sli["intervals"].get(name, (None, None))
        rates += [sli[name], _interval({"low": low, "high": high})]
    return rates


def _interval(gate: dict[str, Any]) -> str:
    return "-" if gate["low"] is None else f"{gate['low']:.3f} to {gate['high']:.3f}"
