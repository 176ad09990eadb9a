# Every target does its own set-up: it needs git, make and Python 3.11 or newer, nothing else.
#
#   make demo        a made-up register, three lists screened, and the pages its people would see, until Ctrl-C
#   make test        the tests (make test-slow: the long ones)
#   make check       style, types, imports, templates, translations, the document of the API
#   make openapi     the document of the API, into docs/openapi.json
#   make screenshots pictures of every page, into docs/images
#   make bench       the measurements in benchmarks/results.md
#   make lock        new versions of the dependencies, with hashes
#   make clean       away with what was built

VENV := .venv
BIN := $(VENV)/bin
# The first that runs and is new enough; a name on the PATH may be a shim of a version that is not installed.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

.PHONY: demo test test-slow browser check bench screenshots translations openapi lock clean
.DEFAULT_GOAL := test

demo: $(RUNTIME)
	$(BIN)/consentmgr demo

test: $(DEV) browser
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(DEV) browser
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# The journeys run in a browser: one of this machine, or else one that is fetched now.
browser: $(DEV)
	@$(BIN)/python -m tests.chromium

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	$(BIN)/python -m tests.checks.templates
	$(BIN)/python -m tests.checks.translations
	$(BIN)/python -m tests.checks.openapi

screenshots: $(DEV) browser
	PYTHONPATH=. $(BIN)/python docs/images/take_pages.py

bench: $(DEV)
	$(BIN)/python -m benchmarks

# The machine form of the catalogues, kept beside their text.
translations: $(DEV)
	$(BIN)/python -m tests.checks.translations --compile

# The document of the API as it is published; what would break a client is refused (docs/api.md).
openapi: $(DEV)
	$(BIN)/python -m tests.checks.openapi --write

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements/build.txt requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/build.txt
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@

# Run with the oldest Python that is supported, whose needs cover those of the newer ones.
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-config --upgrade
lock: $(DEV)
	$(LOCK) -o requirements/runtime.txt pyproject.toml
	$(LOCK) -o requirements/dev.txt --extra dev -c requirements/runtime.txt pyproject.toml
	$(LOCK) -o requirements/build.txt --build-deps-for editable --only-build-deps -c requirements/dev.txt pyproject.toml

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find consentmgr tests benchmarks migrations -name __pycache__ -type d -prune -exec rm -rf {} +
