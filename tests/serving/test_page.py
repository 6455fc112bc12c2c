"""The status page says what serves and how it does, in a browser that is cut off from everything else."""

import asyncio
import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from served import copied, features, project_in, running

from monitoring.predictions import Log, Prediction, url
from serving.app import create_app
from tasks.promote import promote
from tasks.serve import server_of
from tasks.start_canary import start_canary

SCRIPT = "<script>document.title = 'broken into'</script>"


@pytest.fixture(scope="module")
def project(tmp_path_factory, template):
    made = copied(template, tmp_path_factory.mktemp("page"))
    promote(made, "1", who="ann", why=f"the first {SCRIPT}", force=True)
    start_canary(made, "2", who="ann", why="a first look", force=True)
    regions = {"north": (60, 59), "south": (60, 20), "<b>east": (5, 5)}
    rows = [
        Prediction(f"{region}{n}", datetime.now(UTC), "e", "champion", 1, "d", 0.9, n < hits, {"region": region})
        for region, (positives, hits) in regions.items()
        for n in range(positives)
    ]
    with Log(url(made)) as log:
        asyncio.run(log.write(rows))
        asyncio.run(log.label([(one.id, 1, None) for one in rows]))
    return made


@pytest.fixture(scope="module")
def served(project):
    server = server_of(project)
    with running(create_app(server), server) as at:
        at.post("/predict", {"entity": 17, "features": features(region="atlantis")})
        yield at


@pytest.fixture(scope="module")
def text(served):
    return re.sub(r"<[^>]+>|\s+", " ", served.get("/").text)


def test_it_says_what_serves(text):
    assert "Version 1 serves" in text
    assert "Version 2 is tried on 1.00% of the entities" in text
    assert "compiled; at most" in text


def test_it_judges_each_cohort_by_its_interval(served):
    told = {}
    for row in re.findall(r"<tr><td>(?:all|region).*?</tr>", served.get("/").text, re.DOTALL):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        told.setdefault(cells[0], [re.sub(r"<[^>]+>", "", one).strip() for one in cells[2:]])
    assert told["region north"] == ["0.98", "0.91 to 0.997", "60", "good"]
    assert told["region south"] == ["0.33", "0.23 to 0.46", "60", "bad"]
    assert told["region &lt;b&gt;east"][2:] == ["5", "not enough evidence"]
    assert told["all"][0] == "0.67"


def test_what_comes_from_people_and_requests_is_no_markup(served):
    page = served.get("/").text
    assert SCRIPT not in page
    assert "<b>east" not in page
    assert "the first &lt;script&gt;" in page


def test_it_asks_nobody_for_anything(served):
    page = served.get("/").text
    assert "<script" not in page.lower()
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    assert "url(" not in page


def test_the_metrics_tell_the_same_recall(served):
    told = served.get("/metrics").text
    assert 'rarecall_serving_recall{cohort="region",value="south",version="1"} 0.3333' in told
    assert 'rarecall_slo_missed{cohort="region",value="south",window="7d"} 40.0' in told
    assert 'rarecall_figures_up{part="home"} 1.0' in told


def test_a_browser_shows_it_with_its_style_and_runs_nothing(served, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not on this machine")
    picture = tmp_path / "page.png"
    run = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    run += [f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    asked = [*run, "--enable-logging=stderr", f"--screenshot={picture}", "--window-size=1100,1500", served.url]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120)
    assert "Content Security Policy" not in done.stderr
    assert "Refused to" not in done.stderr
    from matplotlib.image import imread

    pixels = imread(picture)
    corner = (pixels[2, 2, :3] * 255).round().astype(int).tolist()
    assert corner in ([244, 246, 247], [14, 18, 23])  # the style's page, light or dark, and not a browser's own white
    dumped = subprocess.run([*run, "--dump-dom", served.url], capture_output=True, text=True, check=True, timeout=120)
    assert "<title>payments · Version 1 serves</title>" in dumped.stdout


def test_the_page_of_an_empty_home_says_what_to_do(tmp_path):
    server = server_of(project_in(tmp_path))
    with running(create_app(server), server) as at:
        page = at.get("/").text
    assert "Not ready: no champion" in page
    assert "rarecall promote" in page
    assert "No alias has moved yet." in page
    assert not (tmp_path / "ledger.db").exists()
