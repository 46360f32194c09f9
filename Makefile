# make help          what there is
#
# One virtual environment, named after what is in it: constraints.txt and the Python that made it. Change either and the
# next call builds a new one; the old one may be deleted. A second call costs nothing.

PYTHON ?= python3
SHELL := /bin/bash

VENV := .venv-$(shell $(PYTHON) -c "import hashlib, platform; print(hashlib.sha256(open('constraints.txt', 'rb').read() + platform.python_version().encode()).hexdigest()[:12])")
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Linux without a screen draws on a virtual one.
HAS_SCREEN := $(if $(filter Linux,$(shell uname -s)),$(DISPLAY)$(WAYLAND_DISPLAY),yes)
SCREEN := $(if $(HAS_SCREEN),,xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX +render")

.DEFAULT_GOAL := help
.PHONY: help demo test bench train-smoke soak lint audit shots environment system-libraries

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 24

demo: environment ## open the bundled case in napari, with the dock
ifeq ($(HAS_SCREEN),)
	@mkdir -p artifacts
	@echo "There is no screen here: the demo runs on a virtual one (Xvfb), and what it shows goes to artifacts/demo.png."
	$(SCREEN) $(BIN)/ct-grounding demo --screenshot artifacts/demo.png
else
	$(BIN)/ct-grounding demo
endif

test: environment ## run every test
	$(SCREEN) $(BIN)/python -m pytest -q

bench: environment ## measure speed and memory, print a table (options in ARGS="--quick", see docs/benchmarks.md)
	$(SCREEN) $(BIN)/python -m tests.benchmarks $(ARGS)

train-smoke: environment ## phantoms as data sets -> features -> fit -> export -> dock, killed and begun again; some minutes
	PYTHONPATH=. OMP_NUM_THREADS=1 $(BIN)/python -m train.smoke --out artifacts/train-smoke
	CT_GROUNDING_TRAIN_SMOKE=$(CURDIR)/artifacts/train-smoke $(SCREEN) $(BIN)/python -m pytest -q tests/widgets/test_own_weights.py

soak: environment ## an hour of opening, grounding, jumping and closing beside a bare napari; write artifacts/soak.png
	$(SCREEN) $(BIN)/python -m tests.soak

audit: environment ## hold the pinned packages against the public advisories (asks the network)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt pip-audit
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r constraints.txt

lint: environment ## ruff, mypy and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

shots: environment ## make every picture of docs and README, and its film, from the running program (some in ARGS="radiologist film")
	$(SCREEN) $(BIN)/python -m tests.shots $(ARGS)

environment: system-libraries $(READY)

system-libraries:
	@PYTHON="$(PYTHON)" NEEDS_SCREEN="$(if $(HAS_SCREEN),,yes)" bash tools/system_libraries.sh

$(READY): constraints.txt pyproject.toml | system-libraries
	@$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else f'Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. Name another: make PYTHON=python3.12 ...')"
	@echo "Installing into $(VENV); this takes some minutes the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@
