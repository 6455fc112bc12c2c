"""The parts of a game day: its curves, its page in a browser, its clock, and a router that does not answer."""

import json
import shutil
import subprocess
from datetime import timedelta
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from html_page import Page

from monitoring.gameday import render
from monitoring.plots.gameday import as_png
from rarecall.project import load
from rarecall.simulator.simulate import Payments, simulate
from tasks.gameday.page import write
from tasks.gameday.recall import over_label_time
from tasks.gameday.scenarios import SCENARIOS
from tasks.gameday.stage import settings
from tasks.gameday.stream import Stream
from tasks.gameday.timeline import MARKS, Timeline


@pytest.fixture(scope="module")
def found() -> dict:
    """What a game day might come to: the north's recall falls on day 38, and comes back; one link is broken."""
    timeline = Timeline(lambda _line: None)
    for day, mark in zip((34, 50, 50, 50, 68, 68, 75), MARKS, strict=True):
        timeline.tell(day, f"the {mark} & what is <b>bold</b>", mark=mark)
    timeline.expect("one retrain", "1 flow run", "2 flow runs", held=False)
    timeline.expect("canary", "version 2", "version 2", held=True)
    rng = np.random.default_rng(0)
    rows = 600
    told, region = rng.uniform(27, 82, rows), rng.choice(["north", "south"], rows)
    is_low = (told > 38) & (told < 70) & (region == "north")
    stream = SimpleNamespace(
        frame={"region": SimpleNamespace(to_numpy=lambda: region)},
        labelled=lambda: np.ones(rows, dtype=bool),
        told=told,
        flagged=rng.random(rows) < np.where(is_low, 0.3, 0.95),
    )
    curves = over_label_time(stream, "region", begin=27, end=82)
    known = {"scenario": "new-fraud", "says": "a fraud", "cohort": "region", "value": "north", "objective": 0.7}
    return (
        known
        | {"begins": 27, "ends": 82, "answered": 82_500, "labelled": 70_123, "recall": curves}
        | timeline.as_dict()
    )


def test_the_curve_of_the_cohort_falls_and_comes_back(found):
    of = {one["day"]: one["recall"] for one in found["recall"]["north"]}
    assert (of[38] > 0.9, of[45] < 0.5) == (True, True)
    assert (of[60] < 0.5, of[80] > 0.9) == (True, True)
    assert min(one["recall"] for one in found["recall"]["south"]) > 0.7


def test_the_page_says_what_failed_and_escapes_what_it_is_told(found):
    page = Page(html := render(found))
    assert "The chain did not hold: 1 of 2 expectations failed." in page.text
    assert "✗ one retrain 1 flow run 2 flow runs" in page.text
    assert "<b>bold</b>" not in html
    drawn = " ".join(page.texts)
    for word in ("the trouble begins", "alarm", "retrain", "promotion", "objective 0.7", "north"):
        assert word in drawn
    assert "None" not in page.text


def test_the_same_found_gives_the_same_bytes(found, tmp_path):
    written = write(found, tmp_path)
    assert (tmp_path / "new-fraud.png").read_bytes() == as_png(found)
    assert (tmp_path / "new-fraud.html").read_text() == render(found)
    assert json.loads((tmp_path / "new-fraud.json").read_text())["held"] is False
    assert written["page"] == str(tmp_path / "new-fraud.html")


def test_a_browser_draws_the_page_without_a_request(found, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not on this machine")
    write(found, tmp_path)
    asked = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
             "--blink-settings=preferredColorScheme=1", "--window-size=1100,1000",
             f"--screenshot={tmp_path / 'seen.png'}", (tmp_path / "new-fraud.html").as_uri()]  # fmt: skip
    subprocess.run(asked, capture_output=True, check=True, timeout=120)
    from matplotlib.image import imread

    seen = (imread(tmp_path / "seen.png")[:, :, :3] * 255).round().astype(int)
    is_red = (seen == [194, 59, 50]).all(axis=2)
    assert is_red[250:700, 90:900].sum() > 1000, "the curve of the cohort in trouble"
    assert seen[2, 2].tolist() == [244, 246, 247]


def test_a_day_of_the_project_file_is_as_long_as_one_of_the_stream(tmp_path):
    (tmp_path / "rarecall.yaml").write_text(json.dumps(settings(1.5, {})))
    project = load(tmp_path, {})
    assert project.watch.settle == timedelta(seconds=14 * 1.5)
    assert project.watch.horizon == timedelta(seconds=365 * 1.5)
    assert project.label.delay == timedelta(days=7)
    for one in SCENARIOS.values():
        (tmp_path / "rarecall.yaml").write_text(json.dumps(settings(1.5, one.settings)))
        load(tmp_path, {})
        Payments(**one.stream)


def test_rows_that_nobody_answers_are_counted_and_a_label_that_nobody_takes_ends_the_day(monkeypatch):
    monkeypatch.setattr("tasks.gameday.stream._PATIENCE", 0.1)
    stream = Stream(simulate(Payments(rows=400, days=4, fraud_share=0.1)), "http://127.0.0.1:9")
    stream.ask(0)
    assert (stream.unanswered, stream.asked.any()) == (int((stream.paid < 1).sum()), False)
    stream.asked[:10] = True
    with pytest.raises(httpx.ReadTimeout, match="no label was taken"):
        stream.tell(40)
    stream.close()
