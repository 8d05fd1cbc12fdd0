"""python -m drey_export."""

import json

import pytest

from drey_export.__main__ import main
from test_model import contents

MODEL = """
import numpyro
import numpyro.distributions as dist

def schools(J, sigma, y):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    with numpyro.plate("school", J):
        numpyro.sample("obs", dist.Normal(mu, sigma), obs=y)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "written.py").write_text(MODEL)
    (tmp_path / "data.json").write_text(json.dumps({"J": 2, "sigma": [1, 2.5], "y": [0, 1]}))
    return tmp_path


def test_command(folder, capsys):
    assert main(["written:schools", "--data", "data.json", "-o", "s.drey", "--name", "two"]) == 0
    manifest, _ = contents(folder / "s.drey")
    assert manifest["model"] == "two" and [c["name"] for c in manifest["columns"]] == ["sigma", "y"]
    assert "drey run s.drey" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["written"], "want module:function"),
        (["written:nothing"], "no function nothing"),
        (["unwritten:schools"], "unwritten"),
        (["written:schools", "--data", "nowhere.json"], "nowhere.json"),
        (["written:schools"], "does not run"),
    ],
)
def test_refused(folder, capsys, arguments, message):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
