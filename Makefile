# Every line hands over to Python, which checks what is set: make study CORPUS=esc50 ROOT=folder PRESET=laptop FOLD=1
export PYTHON = python3
.PHONY: help setup data study record report explorer embed bundle test lab bench faults
.NOTPARALLEL:

# An error is one line of the command's own. Under -q a recipe that is marked + runs all the same, and
# make adds no "*** Error 1" of its own where it ends with 1. (-n, -q and -t on the command line keep their meaning.)
ifeq (,$(strip $(foreach flag,n q t,$(findstring $(flag),$(firstword -$(MAKEFLAGS))))))
MAKEFLAGS += -q
MARK = +
endif
# Ctrl-C is held back, where the system's env can do so, while Python starts, which would answer with a traceback.
RUN = $(MARK)@command -v "$$PYTHON" >/dev/null || { echo "make: there is no $$PYTHON: name one of 3.11 to 3.13, PYTHON=..." >&2; exit 1; }; \
	exec $$(env --block-signal=INT echo env --block-signal=INT 2>/dev/null) "$$PYTHON" -m lib.cli.environment

help:    # what there is (the default)
	$(RUN) help
setup:   # make .venv and install what requirements.txt names
	$(RUN) setup
data:    # download, check and unpack a corpus: make data CORPUS=fsd50k ROOT=folder
	$(RUN) data
study:   # run the study; the second time only what has changed
	$(RUN) study
record:  # keep a run in figures/record, and write the README's results from there: make record STUDY=planted-quick
	$(RUN) record
report:  # a study on one page: make report STUDY=planted-quick
	$(RUN) report
explorer: # a study's clips in the browser: make explorer STUDY=planted-quick PORT=8866
	$(RUN) explorer
embed:   # all sounds of a folder through a study: make embed STUDY=planted-quick ROOT=folder OUT=file.parquet
	$(RUN) embed
bundle:  # a study's model as one folder that needs no corpus: make bundle STUDY=planted-quick
	$(RUN) bundle
test:    # all tests
	$(RUN) test
lab:     # JupyterLab on copies of notebooks/
	$(RUN) lab
bench:   # our code against the libraries that one would take instead
	$(RUN) bench
faults:  # kills, full disks and damaged files over a tiny study: make faults SEED=0 N=50
	$(RUN) faults
.DEFAULT:
	$(RUN) '$@'
