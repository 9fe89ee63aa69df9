"""Run by a Python that has alea: python alea_jobs.py MODEL.yaml DATA POINTS.json RESULTS.json.

Points are dictionaries of values by alea's names; results are ln L at each. Files are read from the model's
folder. Not a test: pytest must be able to import it where there is no alea.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any


def main(model: Path, data: Path, points: Path, results: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    import yaml
    from alea.models import BlueiceExtendedModel
    from inference_interface import toydata_from_file

    os.chdir(tempfile.mkdtemp())  # blueice leaves a cache where it runs
    config: dict[str, Any] = yaml.safe_load(model.read_text(encoding="utf-8"))
    made = BlueiceExtendedModel(**config, template_path=str(model.parent))
    made.data = toydata_from_file(data)[0][0]
    found = [float(made.ll(**point)) for point in json.loads(points.read_text(encoding="utf-8"))]
    results.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
