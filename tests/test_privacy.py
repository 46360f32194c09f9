"""What SECURITY.md promises: no network unasked, nothing of the patient in logs, no code out of data files."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "napari_ct_grounding"
DEMO = PACKAGE / "sample_data" / "demo_chest.nii.gz"
SENTENCE = "a quetzalcoatlus in the left lower lobe, aortic arch"

#: Reports every look at the network by any library, before a single byte is sent.
WATCH = """
import logging, sys
looks = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        looks.append(event)
        raise ConnectionError("this test allows no network")
sys.addaudithook(hook)
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
"""


def run_watched(program: str, tmp_path: Path, **environment: str) -> tuple[dict, str]:
    """Run a program under the watch; returns the JSON that it printed last and its stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCH + program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "NAPARI_CONFIG": str(tmp_path / "napari.yaml"),
            "CT_GROUNDING_CACHE": str(tmp_path / "cache"),
            **environment,
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1]), done.stderr


def patient_folder(tmp_path: Path) -> Path:
    """The demo case under a path that names somebody."""
    folder = tmp_path / "Doe_Jane_19600101"
    folder.mkdir()
    scan = folder / "thorax.nii.gz"
    scan.write_bytes(DEMO.read_bytes())
    return scan


def test_a_sentence_is_grounded_without_a_look_at_the_network_and_leaves_nothing_in_the_logs(tmp_path: Path) -> None:
    scan = patient_folder(tmp_path)
    answer, stderr = run_watched(
        f"""
import json
from napari_ct_grounding import GroundingSession, read_volume
session = GroundingSession.from_pretrained("bundled")
session.encode(read_volume({str(scan)!r}))
result, = session.ground([{SENTENCE!r}])
session.score_diseases()
print(json.dumps({{"looks": looks, "slice": result.slice_index}}))
""",
        tmp_path,
    )
    assert answer["looks"] == []
    assert answer["slice"] >= 0
    assert "quetzalcoatlus" not in stderr
    assert "Doe_Jane" not in stderr


def test_unknown_released_weights_are_not_fetched_without_consent(tmp_path: Path) -> None:
    answer, _ = run_watched(
        """
import json
from napari_ct_grounding import GroundingSession
try:
    GroundingSession.from_pretrained("radfinder")
except Exception as error:
    print(json.dumps({"looks": looks, "error": type(error).__name__}))
""",
        tmp_path,
        HF_HOME=str(tmp_path / "hub"),
        HF_HUB_CACHE=str(tmp_path / "hub" / "cache"),
    )
    assert answer == {"looks": [], "error": "LicenceNeededError"}


@pytest.mark.gui
def test_the_dock_grounds_the_sample_without_a_look_at_the_network(tmp_path: Path) -> None:
    scan = patient_folder(tmp_path)
    answer, stderr = run_watched(
        f"""
import json, time, napari
from qtpy.QtWidgets import QApplication
from napari_ct_grounding.widgets.dock import GroundingDock
viewer = napari.Viewer(show=False)
dock = GroundingDock(viewer)
viewer.window.add_dock_widget(dock)
viewer.open({str(scan)!r}, plugin="napari-ct-grounding")
until = time.monotonic() + 120
QApplication.processEvents()
dock.sentence_panel.submit({SENTENCE!r})
while time.monotonic() < until and not (dock.controller.answers and dock.controller.answers.results):
    QApplication.processEvents()
print(json.dumps({{"looks": looks, "answers": len(dock.controller.answers.results)}}), flush=True)
viewer.close()
""",
        tmp_path,
    )
    assert answer == {"looks": [], "answers": 1}
    assert "quetzalcoatlus" not in stderr
    assert "Doe_Jane" not in stderr


FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "os.system",
    "os.popen",
    "pickle.load",
    "pickle.loads",
    "torch.load",
    "yaml.load",
    "marshal.loads",
    "joblib.load",
    "shelve.open",
}


def test_nothing_in_the_package_runs_code_that_came_with_data() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                is_unpickling = any(
                    word.arg in ("allow_pickle", "trust_remote_code") and ast.unparse(word.value) != "False"
                    for word in node.keywords
                )
                if name in FORBIDDEN_CALLS or is_unpickling:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                found += [
                    f"{path.relative_to(ROOT)}:{node.lineno} imports {n}" for n in names if n in ("pickle", "dill")
                ]
    assert found == []
