#!/usr/bin/env bash
# floret 0.10.5 (fastText's code): asked for k labels of a list of texts, it gives the best label's probability k times.
#
# What most would guess: model.predict([text], k=2) gives each label its own probability, so that they sum to 1 at most.
# What happens: the labels differ, the probabilities are the first one's, repeated: 0.99 and 0.99 of two labels. The same
# text asked for through model.f.predict has the right ones (0.99 and 0.01). A text that is no list raises a ValueError
# with NumPy 2, so that the list is the way that remains.
# Why it matters: log-loss and calibration from such answers are those of a system that was never run; of the best label
# alone (k=1) all is right, so that accuracy does not show it.
#
# Seen: "list: sum 2.00, alone: sum 1.00". Exits 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check floret==0.10.5 numpy==2.4.6
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from pathlib import Path

import floret

lines = [("1", "good film here"), ("0", "bad plot here")] * 250
Path("train.txt").write_text("".join(f"__label__{label} {text}\n" for label, text in lines))
model = floret.train_supervised("train.txt", epoch=25, lr=0.5, seed=1, thread=1, verbose=0)
labels, shares = model.predict(["good film here"], k=2)
alone = model.f.predict("good film here\n", 2, 0.0, "strict")
print(f"list: sum {sum(shares[0]):.2f}, alone: sum {sum(share for share, _ in alone):.2f}")
assert len(set(labels[0])) == 2 and shares[0][0] == shares[0][1] > 0.9
assert abs(sum(share for share, _ in alone) - 1) < 0.01
try:
    model.predict("good film here", k=2)
except ValueError as error:
    assert "copy" in str(error), error
else:
    raise SystemExit("a text that is no list is answered by now")
PY
