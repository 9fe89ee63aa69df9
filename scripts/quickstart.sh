#!/usr/bin/env bash
# The main job, from a fresh checkout: the 90 % limit on the neutrino magnetic moment from LZ's
# first science run. Leaves a virtual environment in .venv and the results in out/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
make_environment .venv '.[plot]'
mkdir -p out
nuhist=.venv/bin/nuhist

$nuhist build lz_ws2022 --hypothesis magnetic-moment -o out/lz_ws2022.json
$nuhist plot spectrum out/lz_ws2022.json -o out/lz_ws2022.png
$nuhist fit out/lz_ws2022.json
echo
$nuhist limit out/lz_ws2022.json
