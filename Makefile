# Everything sets itself up: a virtual environment in .venv, versions pinned by constraints.txt.
# PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu" gets the CPU build of torch
# where the default index has only the CUDA one.

PYTHON ?= python3
PIP_ARGS ?=
STAMP := .venv/.ready

.PHONY: demo test venv lint clean

demo: $(STAMP)
	.venv/bin/triaged demo

test: $(STAMP) lint
	.venv/bin/python -m pytest

lint: $(STAMP)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip
	.venv/bin/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt torch torchvision
	.venv/bin/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

clean:
	rm -rf .venv build dist *.egg-info
