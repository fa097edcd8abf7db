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

# The encoder and the model in the box, from the text under GATEWISE_DATA/imdb: three hours on two cores.
SAMPLES := src/gatewise/samples
bundled: .venv/installed
	$(BIN)/gatewise pretrain imdb --minutes 60 --epochs 8 --storage int8 --out build/reviews-en --overwrite
	$(BIN)/gatewise pretrain imdb --from build/reviews-en --minutes 72 --epochs 8 --storage int8 \
		--out $(SAMPLES)/reviews-en --overwrite
	$(BIN)/gatewise train imdb --recipe standard --max-tokens 400 --storage int8 --out $(SAMPLES)/sentiment-en --overwrite
	rm -f $(SAMPLES)/*/metrics.jsonl $(SAMPLES)/*/report.html

docs: .venv/installed-dev
	$(BIN)/sphinx-build -W --keep-going -b html docs build/docs

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gatewise needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(INSTALL) --editable .
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
