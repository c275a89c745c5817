# One command for each need, the same on your machine and in CI. `make help` lists them.

PYTHON  ?= python3
COURSE  ?= my-course#   the working copy that `make lab` opens; git ignores my-course/
LAB_ARGS    ?=#         options for JupyterLab, for example LAB_ARGS="--no-browser --port=8890"
PYTEST_ARGS ?=#         options for pytest, for example PYTEST_ARGS="-k tlb -x"

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/faultlab-stamp

.DEFAULT_GOAL := help
.PHONY: help setup lab test lint bench verify notebooks lite slides pictures constraints clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv, install the pinned versions, compile; nothing if all is up to date

# The stamp is as old as the last successful setup. A .venv whose pip doesn't run (half made, moved, or of a Python
# that is gone) is made again. Build requirements are pinned too, hence no build isolation. The extra `count` takes a
# compiler, and setup works without one.
$(STAMP): pyproject.toml constraints.txt setup.py $(wildcard pyemu/hw/*.pyx pyemu/hw/core/*)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "faultlab needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0] + ". Name another: make setup PYTHON=python3.12")'
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools cython
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[test,lint]'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation pycachesim 2> /dev/null || echo "pycachesim can't be compiled here: the test that compares TLB counts with it will be skipped."
	@$(BIN)/python -c 'import pyemu; print("faultlab is installed,", "compiled." if pyemu.COMPILED else "uncompiled: all works, long traces slowly. See `$(BIN)/faultlab doctor`.")'
	@touch $@

lab: setup ## open JupyterLab on your working copy of the course
	$(BIN)/faultlab lab $(COURSE) $(LAB_ARGS)

# Two at a time; a file stays together, since its tests share what is slow to make (a wheel, a JupyterLab).
test: setup ## run the tests, lessons included
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: setup ## check style and types
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup ## measure the hardware model, effects, the explorer, grading, and how long it takes to begin
	$(BIN)/python -m tests.bench.bench_tlb --variants --growth build/growth.svg --json build/bench_tlb.json
	$(BIN)/python -m tests.bench.bench_bulk
	$(BIN)/python tests/bench/bench_effects.py
	$(BIN)/python -m tests.bench.bench_kernel
	$(BIN)/python -m tests.bench.bench_explore --plot build/explore.svg
	$(BIN)/python -m tests.bench.bench_grade --json build/bench_grade.json
	$(BIN)/python -m tests.bench.bench_start

verify: setup ## run the long checks
	$(BIN)/python -m pytest -m long $(PYTEST_ARGS)

notebooks: setup ## build lessons and exercises from their sources
	$(BIN)/python -m course.material build

lite: setup ## build the course as a static site that runs in a browser (needs npm and the network)
	$(BIN)/python -m course.lite

pictures: setup ## take the pictures of README and guides, from a real browser
	FAULTLAB_PICTURES=1 $(BIN)/python -m pytest -q tests/browser/test_pictures.py

slides: setup ## write the lessons as slides: build/slides (needs npm and the network once)
	$(BIN)/python -m course.slides

# A fresh resolve of what pyproject.toml asks for, in an environment of its own.
constraints: ## pin the newest versions that pyproject.toml allows
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet setuptools cython
	build/constraints/bin/python -m pip install --quiet --no-build-isolation '.[test,count,lint]'
	{ head -n 1 constraints.txt; build/constraints/bin/python -m pip freeze --all --exclude pip --exclude faultlab | sort -f; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove what was built, but neither .venv nor your working copy
	rm -rf build dist *.egg-info $(STAMP) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find pyemu course tests lessons exercises -name '*.so' -delete -o -name '*.pyc' -delete
