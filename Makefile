# Every line hands over to Python, which knows what may be set: make study CORPUS=esc50 ROOT=folder PRESET=laptop FOLD=1
PYTHON = python3
.PHONY: help setup study record report explorer test lab bench
.NOTPARALLEL:

help:    # what there is (the default)
	@exec "$(PYTHON)" -m lib.environment help
setup:   # make .venv and install what requirements.txt names
	@exec "$(PYTHON)" -m lib.environment setup
study:   # run the study; the second time only what has changed
	@exec "$(PYTHON)" -m lib.environment study
record:  # keep a run in figures/record, and write the README's results from there: make record STUDY=planted-quick
	@exec "$(PYTHON)" -m lib.environment record
report:  # a study on one page: make report STUDY=planted-quick
	@exec "$(PYTHON)" -m lib.environment report
explorer: # a study's clips in the browser: make explorer STUDY=planted-quick PORT=8866
	@exec "$(PYTHON)" -m lib.environment explorer
test:    # all tests
	@exec "$(PYTHON)" -m lib.environment test
lab:     # JupyterLab on notebooks/
	@exec "$(PYTHON)" -m lib.environment lab
bench:   # our code against the libraries that one would take instead
	@exec "$(PYTHON)" -m lib.environment bench
