"""`pytest --sfn-mock-config`, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).parents[1] / "driver" / "MockConfigFile.json"
TEST = """
def test_slow_scales(sfn):
    run = sfn.run("courier", {}, test_case="ScalesAreSlow")
    run.assert_succeeded(["thank you"])
"""


def test_a_test_starts_executions_in_test_cases(tmp_path: Path) -> None:
    (tmp_path / "test_courier.py").write_text(TEST)
    app = CONFIG.with_name("mocked_app.yaml")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    options = ["--sfn-app", str(app), "--sfn-mock-config", str(CONFIG)]
    ended = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout
