# A fresh machine needs python3 and make; every target first makes the environment it runs in.
# make train INI=configs/flowers.ini     make test ARGS="tests/config -x" JOBS=0     make bench BAR=T1
PYTHON ?= python3
INI ?= configs/mnist.ini
# Processes that the tests are shared among, file by file; 0: the one process, for a debugger.
JOBS ?= 2
BIN := .venv/bin
STAMP := .venv/.installed
BENCHMARKS = $(wildcard $(if $(BAR),benchmarks/$(BAR).py benchmarks/$(BAR)_*.py,benchmarks/[!_]*.py))

.PHONY: train serve test test-slow check bench docs

train: $(STAMP)
	@$(BIN)/python main.py train --config=$(INI)

serve: $(STAMP)
	@$(BIN)/python main.py serve --config=$(INI)

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: $(STAMP)
	@$(BIN)/python -m pytest -m slow --timeout=1800 $(ARGS)

check: $(STAMP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

docs: $(STAMP)
	@$(BIN)/mkdocs build --strict --quiet
	@echo "build/docs/index.html"

# Every script runs, also after one that misses its bar; one miss fails the whole.
bench: $(STAMP)
	@$(if $(BENCHMARKS),,$(error no benchmark is named '$(BAR)'; there are: $(notdir $(basename $(wildcard benchmarks/[!_]*.py)))))
	@status=0; for script in $(BENCHMARKS); do $(BIN)/python $$script || status=1; done; exit $$status

# Made again whenever a dependency changed; touched last, so that a broken install is repeated.
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into .venv: once, some minutes"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	@touch $@
