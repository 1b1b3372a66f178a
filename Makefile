# make demo   set everything up and run the main job on a simulated DICOM patient
# make test   set everything up, then lint, types, import rules and tests
# make check  lint, types and import rules only
# make slow   the long tests and the virtual-patient validation

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check slow install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/hemadose simulate demo/study --seed 7
	$(BIN)/hemadose plan demo/study/case.toml --out demo/result
	@echo
	@echo "Report:   demo/result/report.html and demo/result/report.pdf"
	@echo "Calendar: demo/result/calendar.ics"

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -m "not slow" -n auto

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

clean:
	rm -rf demo build dist
