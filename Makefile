# `make demo` and `make test` do all the set-up; a second run installs nothing. `make bench` compares with peers.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The tests of pages need Chromium. It is installed where it is missing and the machine allows; else they are skipped.
BROWSER = (test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-noto-cjk >/dev/null) || \
	echo "Chromium is missing and could not be installed: the tests of pages will be skipped."

.PHONY: demo test bench bench-curve bundled docs clean

demo: .venv/installed
	$(BIN)/python examples/demo.py

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

bench: .venv/installed-bench
	$(BIN)/python benchmarks/peers.py

# Test accuracy against minutes of training, ours and the peers': hours; what was measured before is kept.
bench-curve: .venv/installed-bench
	$(BIN)/python benchmarks/curve.py

# The encoder and the model in the box, from the text under GATEWISE_DATA/imdb: nine hours on two cores. First the forward
# direction, then the backward one beside it, then both together; four models, each of which may teach the next, and last
# the one in the box, with the recipe of before 2026-11-26. A line that ended well is not run again.
SAMPLES := src/gatewise/samples
PRETRAIN := $(BIN)/gatewise pretrain imdb --epochs 8 --batch-tokens 8192 --learning-rate 3e-3 --overwrite
TRAIN := $(BIN)/gatewise train imdb --recipe standard --epochs 2 --batch-texts 64 --dropout 0.5 --student-texts 0 --overwrite
FORWARD := $(TRAIN) --pretrained build/forward --max-tokens 400
BOTH := $(TRAIN) --companion-buckets 2097152 --storage int8
CHINESE := build/chinese
PRETRAIN_ZH := $(BIN)/gatewise pretrain $(CHINESE)/texts.csv --hidden-size 384 --embedding-dim 256 --bidirectional --epochs 8 \
	--minutes 80 --learning-rate 3e-3 --sampled-words 1024 --storage int8 --overwrite
bundled: .venv/installed
	test -d build/begun || $(PRETRAIN) --minutes 60 --storage int8 --out build/begun
	test -d build/forward || $(PRETRAIN) --from build/begun --minutes 72 --storage int8 --out build/forward
	test -d build/both || $(PRETRAIN) --from build/forward --bidirectional --minutes 62 --out build/both
	test -d build/joint || $(PRETRAIN) --from build/both --minutes 84 --out build/joint
	test -d build/first || $(FORWARD) --storage int8 --out build/first
	test -d build/second || $(FORWARD) --teachers build/first --student-epochs 3 --minutes 0 --storage int8 --out build/second
	test -d build/alone || $(BOTH) --pretrained build/both --max-tokens 400 --student-epochs 0 --minutes 0 --out build/alone
	test -d build/third || $(BOTH) --pretrained build/both --max-tokens 400 --teachers build/second,build/alone --minutes 0 \
		--out build/third
	test -d build/half-hour || $(BOTH) --pretrained build/joint --out build/half-hour
	$(BOTH) --pretrained build/joint --teachers build/third,build/half-hour,build/second --student-epochs 3 --minutes 0 \
		--out $(SAMPLES)/sentiment-en
	$(BIN)/python -c "from gatewise.runtime import folder; \
		folder.save_encoder(folder.load_encoder('build/joint'), '$(SAMPLES)/reviews-en', storage='int8', overwrite=True)"
	test -d $(CHINESE) || PYTHONPATH=benchmarks $(BIN)/python benchmarks/make_reviews_zh.py $(CHINESE)
	test -d build/reviews-zh || $(PRETRAIN_ZH) --threads 1 --out build/reviews-zh
	cp -r build/reviews-zh/. $(SAMPLES)/reviews-zh
	$(BIN)/gatewise train $(CHINESE)/opinions --threads 1 --storage int8 --companion-buckets 524288 --overwrite \
		--out $(SAMPLES)/sentiment-zh
	$(BIN)/gatewise tag train wikigold --pretrained reviews-en --threads 1 --storage int8 --overwrite --out $(SAMPLES)/entities-en
	rm -f $(SAMPLES)/*/metrics.jsonl $(SAMPLES)/*/report.html
	$(BIN)/gatewise faithfulness $(SAMPLES)/sentiment-en reviews --keep
	$(BIN)/gatewise faithfulness $(SAMPLES)/sentiment-zh $(CHINESE)/opinions --texts 300 --keep

docs: .venv/installed-dev
	$(BIN)/sphinx-build -W --keep-going -b html docs build/docs

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gatewise needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[train]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(INSTALL) --editable '.[dev]'
	@command -v chromium >/dev/null || $(BROWSER)
	@touch $@

.venv/installed-bench: .venv/installed
	$(INSTALL) --editable '.[bench]'
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
