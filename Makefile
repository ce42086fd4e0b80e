# `make explore` runs the example sweep, `make test` every check. Each sets itself up in .venv first, with exactly
# the versions of constraints.txt, and does so again only when these or pyproject.toml have changed.

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CORE := $(VENV)/.installed-core
DEV := $(VENV)/.installed-dev

LOCK := build/lock

define check_python
@command -v $(PYTHON) >/dev/null || { \
    echo "$(PYTHON) was not found: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
@$(PYTHON) -c 'import sys; found = "%d.%d" % sys.version_info[:2]; sys.exit(0 if sys.version_info >= (3, 11) else \
    "Python 3.11 or newer is needed, and $(PYTHON) is " + found + "; name another: make PYTHON=python3.12")'
endef

.PHONY: explore test coverage docs notebooks robust audit lock clean

explore: $(CORE)
	$(BIN)/dse explore sweeps/quickstart.toml

test: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup

# The tests once more, with the lines and branches that none of them reaches.
coverage: $(DEV)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --cov --cov-report=term

# What is written from the package itself: tables of all that is recorded, and the gallery.
docs: $(DEV)
	$(BIN)/python scripts/reference.py
	$(BIN)/python scripts/gallery.py

notebooks: $(DEV)
	$(BIN)/python scripts/notebooks.py

# What the tests try a few times, many times: hours of it. FUZZ inputs a parser, KILLS kills a kind of run.
FUZZ ?= 100000
KILLS ?= 60

robust: $(DEV)
	$(INSTALL) -c constraints.txt -e '.[fuzz]'
	for target in $$($(BIN)/python -m tests.fuzz.long_run --list); do \
	    $(BIN)/python -m tests.fuzz.long_run $$target --inputs $(FUZZ) || exit 1; done
	DSE_KILL_ROUNDS=$(KILLS) $(BIN)/python -m pytest -q tests/jobs/test_kills.py
	$(BIN)/python tests/jobs/many_runs.py
	$(BIN)/python tests/jobs/many_designs.py --threads 1
	$(BIN)/python tests/search/many_trials.py
	$(BIN)/python -m tests.networks.grids_and_points
	$(BIN)/python -m pytest -q -n $(WORKERS) --shuffle 1
	$(BIN)/python -m tests.mutations

audit: $(DEV)
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	build/audit/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt

$(CORE): pyproject.toml constraints.txt
	$(check_python)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -c constraints.txt -e .
	@touch $@

# What the tests need includes all that the program needs: one installation serves both.
$(DEV): pyproject.toml constraints.txt
	$(check_python)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -c constraints.txt -e '.[dev]'
	@touch $(CORE) $@

# The newest versions that fit together, all extras included.
lock:
	$(check_python)
	rm -rf $(LOCK)
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet --disable-pip-version-check '.[dev,fuzz]'
	{ echo "# Exact versions of every dependency, extras included. Written by: make lock"; \
	  $(LOCK)/bin/python -m pip freeze --exclude dse | grep -E '^[A-Za-z0-9._-]+==' | sort -f; } > $(LOCK)/constraints.txt
	mv $(LOCK)/constraints.txt constraints.txt
	rm -rf $(LOCK)

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find dse tests -name __pycache__ -type d -prune -exec rm -rf {} +
