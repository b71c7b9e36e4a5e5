# The few words of this project; `make` alone lists them. Everything runs in .venv, made on demand.
PYTHON ?= python3
DEMO ?= run karunaratne2022-miniimagenet
# Processes that share the tests: one per core, four at most, since each holds half a gigabyte of torch. 0 is one.
WORKERS ?= auto

VENV := .venv
# Called by path, so another active environment does not matter.
IN := $(VENV)/bin/python
TEST = $(IN) -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal --durations 20
# The stamp is named after this folder: in a copied or moved checkout, .venv would still import the code of the old one.
STAMP := $(VENV)/.installed-$(shell pwd | cksum | cut -d ' ' -f 1)

# Settings of the caller's shell that would lead the interpreter or pip elsewhere.
unexport PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test coverage package docs mutants soak check format bench portability results clean

help:  ## list these words
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 16
	@echo "  PYTHON=python3.12 picks the interpreter (3.11 or newer) that .venv is made from"

install: $(STAMP)  ## make .venv and install the pinned environment

demo: $(STAMP)  ## the main job: learn 40 new classes in phase-change memory, with a report
	@$(VENV)/bin/insitu $(DEMO)

test: $(STAMP)  ## run the tests in parallel, then name the twenty slowest
	@$(TEST)

coverage: $(STAMP)  ## run the tests and print which share of the lines they reach (a third slower)
	@$(TEST) --cov --cov-report term

package: $(STAMP)  ## build sdist and wheel, and use the wheel in a clean environment
	@.ci/package

docs: $(VENV)/.docs  ## build the documentation into build/site; tutorials are run, warnings are errors
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" NO_MKDOCS_2_WARNING=1 $(IN) -m mkdocs build --quiet

$(VENV)/.docs: $(STAMP)
	@$(IN) -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[docs]'
	@touch $@

mutants: $(STAMP)  ## plant changes into copies of the tree: the tests must notice each (some half an hour)
	@$(IN) tests/mutants

check: $(STAMP)  ## format, lint and types; changes nothing
	@$(IN) -m ruff format --check .
	@$(IN) -m ruff check .
	@$(IN) -m mypy

soak: $(STAMP)  ## what takes minutes: kill a memory's writer 200 times, change every byte of a file in turn
	@$(IN) tests/memory/killing.py 200
	@$(IN) tests/memory/damaging.py
	@$(IN) -m pytest --hypothesis-profile soak tests/service/test_service_noise.py tests/service/test_service_schemathesis.py

format: $(STAMP)  ## format and mend what ruff can
	@$(IN) tests/public_names.py
	@$(IN) -m ruff check --fix-only --exit-zero .
	@$(IN) -m ruff format .

bench: $(STAMP)  ## measure against named rivals below INSITU_RIVALS: one table of ratios (see bench/README.md)
	@$(IN) bench/all.py

portability: $(STAMP)  ## compare rows between instruction sets and numbers of threads (an hour)
	@$(IN) bench/portability.py

results: $(STAMP)  ## run every published experiment, then write results, README table and figures (hours)
	@PYTHON=$(IN) sh bench/results.sh

clean:  ## remove .venv and caches; keep results in runs/
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks src/*.egg-info
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# A whole .venv of a good Python is kept; a missing, broken or too old one is made anew.
GOOD := import sys, pip; sys.exit(sys.version_info < (3, 11))
OLD := import sys; v = sys.version_info; sys.exit(v < (3, 11) and "insitu needs Python 3.11 or newer, and $(PYTHON) \
is %d.%d; say which to use: make PYTHON=python3.12 $(MAKECMDGOALS)" % v[:2])

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "there is no $(PYTHON) here; say which Python (3.11 or newer) to use: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	@$(IN) -c '$(GOOD)' 2>/dev/null || { $(PYTHON) -c '$(OLD)' && $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing the pinned environment into $(VENV) (once; some minutes)"
	@$(IN) -m pip install --quiet --constraint constraints.txt setuptools
	@$(IN) -m pip install --progress-bar on --constraint constraints.txt --no-build-isolation --editable '.[dev,arm]'
	@touch $@
