# Every target makes the environment it needs: `make demo` and `make test` work on a fresh machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?=
PYTEST ?=

.PHONY: help demo test test-oracle bench lint wheel clean

help:
	@echo "make demo         train a U-Net on handwritten digit scenes and write runs/demo/report.html"
	@echo "make test         run the tests"
	@echo "make test-oracle  compare with PyTorch (installs it)"
	@echo "make bench        time ops and training steps, beside PyTorch"
	@echo "make lint         check style and types"
	@echo "make wheel        build the wheel, install it in an empty environment, use it there"
	@echo "make clean        remove the environment and everything built"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "glassgrad needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# one stamp per set of extras; a changed pyproject.toml installs again
$(VENV)/.installed-run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed-run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,plot]'
	@touch $@

$(VENV)/.installed-peers: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,plot,peers]'
	@touch $@

demo: $(VENV)/.installed-run
	$(BIN)/python -m segmentation train digits --model unet --out runs/demo --overwrite $(DEMO)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses=2 $(PYTEST)

test-oracle: $(VENV)/.installed-peers
	$(BIN)/python -m pytest --override-ini='addopts=-q --strict-markers' tests/oracle --numprocesses=2 $(PYTEST)

bench: $(VENV)/.installed-peers
	$(BIN)/python -m benchmarks

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: | $(BIN)/python
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	$(PYTHON) -m venv --clear build/empty
	build/empty/bin/python -m pip install --quiet --disable-pip-version-check dist/glassgrad-*.whl
	cd build/empty && bin/python -m segmentation train digits --scenes 16 --epochs 1 --base 4 --out run --quiet --overwrite
	cd build/empty && bin/python -c "import autograd, nn, optim, segmentation; print('wheel works:', autograd.__file__)"

clean:
	rm -rf $(VENV) build dist *.egg-info
