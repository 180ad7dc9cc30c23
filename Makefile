# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON := $(shell for p in python3.12 python3.11 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# What the tests need; EXTRAS=test,oracles adds PyTorch, against which the pretrained encoders are checked.
EXTRAS ?= test
# Tests of one file stay in one process: they share what they train.
WORKERS ?= 2

.PHONY: demo test fast lint format clean

demo: .venv/installed
	$(BIN)/product-matching demo

test: .venv/installed-test
	$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadfile

# While one writes: all but the tests that train, export or serve.
fast: .venv/installed-test
	$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadfile -m "not slow"

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build *.egg-info

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; none was found on PATH." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python setup.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-test: .venv/bin/python setup.cfg
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch .venv/installed $@
