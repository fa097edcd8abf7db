#!/usr/bin/env bash
# seqeval 1.2.2: mode="strict" without a scheme is the default mode, and parts of speech lose their first letter.
#
# What most would guess: mode="strict" is strict; a scheme only says which prefixes to expect.
# What happens: f1_score(gold, predicted, mode="strict") calls B-X answered as I-X after O right (1.00), as the default does; only
# with scheme=IOB2 beside it is that wrong (0.00). Tags without prefix are taken for prefix and type: NOUN is part of an entity of
# type "OUN", and neighbours of one tag become one entity, so that one wrong tag of three gives F1 0.00 and not 2/3.
# Why it matters: a table that names the mode alone may compare a repaired score with a strict one.
#
# Seen: "default 1.0, strict 1.0, strict with IOB2 0.0", "OUN", "one of three wrong: 0.0". Exits 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check seqeval==1.2.2 numpy==2.4.6 scikit-learn==1.9.0
"$folder/env/bin/python" -W ignore - <<'PY'
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2

gold, predicted = [["O", "B-PER", "O"]], [["O", "I-PER", "O"]]
scores = [
    float(f1_score(gold, predicted)), float(f1_score(gold, predicted, mode="strict")),
    float(f1_score(gold, predicted, mode="strict", scheme=IOB2)),
]
nouns = [["NOUN", "NOUN", "NOUN"]]
kinds = {kind for kind, *_ in get_entities(nouns[0])}
wrong = float(f1_score(nouns, [["NOUN", "NOUN", "VERB"]]))
print("default {}, strict {}, strict with IOB2 {}".format(*scores), kinds, "one of three wrong:", wrong)
assert scores == [1.0, 1.0, 0.0] and kinds == {"OUN"} and wrong == 0.0
PY
