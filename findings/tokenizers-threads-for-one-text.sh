#!/usr/bin/env bash
# tokenizers 0.23.3: encode_batch starts a thread for every core, also for a batch of one short text; encode starts none.
#
# What most would guess: a batch of one costs what one text costs, and threads come with the work to be shared.
# What happens: the first encode_batch (or encode_batch_fast) of a process starts the library's pool, a thread a core,
# whatever the batch holds; they stay. encode() of the same text starts no thread.
# Why it matters: a process that answers one question, and a server that forks after it has, should call encode().
#
# Seen on two cores: threads 1 after encode, 3 after encode_batch of one text. Exits 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
cat > "$folder/count.py" <<'PY'
import os
from tokenizers import Tokenizer, models, pre_tokenizers

tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


before = threads()
tokenizer.encode("a b a")
alone = threads()
tokenizer.encode_batch(["a b a"])
batch = threads()
print(f"threads: {before} at first, {alone} after encode, {batch} after encode_batch of one text")
assert alone == before and batch > alone
PY
"$folder/env/bin/python" "$folder/count.py"
