# The two commands of the README, and lint. Each sets up what it needs in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-results

.PHONY: demo test lint clean

demo: $(VENV)/.installed
	$(BIN)/arenas tournament rrps-v0 --out $(DEMO) --episodes 2 --agents \
	  rrps/greenberg rrps/iocainebot rrps/phasenbott rrps/markov5 rrps/russrocker4 rrps/biopic \
	  rrps/copybot rrps/rotatebot rrps/rockbot rrps/r226bot rrps/flatbot3 rrps/randbot \
	  rrps/beat-last rrps/frequency rrps/cycle
	$(BIN)/arenas match rrps-v0 --agents rrps/greenberg rrps/iocainebot --seed 7 \
	  --record $(DEMO)/greenberg-iocainebot.replay
	$(BIN)/arenas replay $(DEMO)/greenberg-iocainebot.replay --verify
	@echo
	@echo "Standings, payoffs, ratings, and matches to watch: open $(DEMO)/report.html in a browser"
	@echo "Every episode:  $(DEMO)/"
	@echo "The replay, step by step:  $(BIN)/arenas replay $(DEMO)/greenberg-iocainebot.replay --text"

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Arenas needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test,dev]'
	@touch $@

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .hypothesis build *.egg-info $(DEMO)
