"""Run by a Python that has alea: python alea_jobs.py MODEL.yaml DATA POINTS.json RESULTS.json.

Points are dictionaries of values by alea's names; results are ln L at each. Files are read from the model's
folder. Not a test: pytest must be able to import it where there is no alea, for what starts that program.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

JOBS = Path(__file__)
PYTHON = os.environ.get("NUHIST_ALEA_PYTHON") or (sys.executable if find_spec("alea") else None)


def alea(model: Path, points: list[dict[str, float]], folder: Path, data: str = "data.h5") -> list[float]:
    """ln L by the real alea, of a model with its data beside it."""
    assert PYTHON is not None
    (folder / "points.json").write_text(json.dumps(points), encoding="utf-8")
    files = [model, model.with_name(data), folder / "points.json", folder / "found.json"]
    done = subprocess.run(
        [PYTHON, JOBS, *files], capture_output=True, text=True, timeout=300, check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[float] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def main(model: Path, data: Path, points: Path, results: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    import yaml
    from alea.models import BlueiceExtendedModel
    from inference_interface import toydata_from_file

    os.chdir(tempfile.mkdtemp())  # blueice leaves a cache where it runs
    config: dict[str, Any] = yaml.safe_load(model.read_text(encoding="utf-8"))
    made = BlueiceExtendedModel(**config, template_path=str(model.parent))
    pickled = data.suffix == ".pkl"
    made.data = pickle.loads(data.read_bytes()) if pickled else toydata_from_file(data)[0][0]
    found = [float(made.ll(**point)) for point in json.loads(points.read_text(encoding="utf-8"))]
    results.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
