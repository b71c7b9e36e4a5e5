#!/bin/sh
# Runs every published experiment and writes what is generated from the reports: docs/results.md, the first claims of
# five of them in README.md and of retention in docs/retention.md, the figures of docs/figures. Needs the images of
# Omniglot and CIFAR-10 and the spoken digits below INSITU_DATA, and MuJoCo for the heavy arm. A run that was stopped
# goes on where it was; reports and finished seeds are kept in runs/.
set -eu
cd "$(dirname "$0")/.."
insitu() { "${PYTHON:-.venv/bin/python}" -m insitu "$@"; }

mini=karunaratne2022-miniimagenet hermes=runs/karunaratne2022-miniimagenet-hermes
rest="karunaratne2021-omniglot denblanken2025-omniglot vorabbi2023-cifar10-nc vorabbi2023-cifar10-ni
vorabbi2024-latent-replay vorabbi2024-latent-replay-ni vu2025-keywords binary-backbone-on-pcm-memory
ortner2025-omniglot ortner2025-omniglot-devices raghu2020-omniglot ortner2025-arm energy"

insitu run $mini
insitu run $mini --out $hermes --learner.substrate.device pcm-hermes2022 --learner.substrate.pairs 1 \
    --learner.support program
insitu run karunaratne2022-omniglot
for name in $rest retention retention-omniglot; do insitu run $name; done

shown="runs/$mini runs/karunaratne2022-omniglot"
for name in $rest; do shown="$shown runs/$name"; done
insitu report --results docs/results.md $shown $hermes
insitu report --results docs/retention.md runs/retention runs/retention-omniglot  # their tables are long
claimed="karunaratne2022-miniimagenet karunaratne2022-omniglot ortner2025-omniglot ortner2025-arm vorabbi2023-cifar10-nc"
insitu report --results README.md $(for name in $claimed; do echo runs/$name; done)
insitu report --figure docs/figures/miniimagenet.svg runs/$mini
insitu report --figure docs/figures/cwr_bits.svg runs/vorabbi2023-cifar10-nc
insitu report --figure docs/figures/omniglot_steps.svg runs/ortner2025-omniglot
cp runs/ortner2025-arm/arm.gif docs/figures/arm.gif
