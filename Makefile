# make demo: from nothing to a report.   make test: the tests, in the same environment.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

.PHONY: demo test lint lock clean

demo: $(VENV)/runtime
	$(RUN) train.py experiment=phantom

test: $(VENV)/test
	$(RUN) -m pytest

lint: $(VENV)/test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

$(VENV)/runtime: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/test: requirements-test.lock $(VENV)/runtime
	$(RUN) -m pip install --quiet --require-hashes -r requirements-test.lock
	touch $@

# Needs uv. The locks name versions and hashes, and no address of any index.
COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --quiet
lock:
	$(COMPILE) --extra build -o requirements.lock
	$(COMPILE) --extra build --extra test -c requirements.lock -o requirements-test.lock

clean:
	rm -rf $(VENV)
