# Everything here does its own set-up; `make demo` and `make test` are the two to know.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PACKAGES := libhdf5-dev libopenblas-dev libsqlite3-dev libzstd-dev pkg-config zlib1g-dev
WCTRACE := .build/release/wctrace
TRACE := demo/room.h5
POLICY := worldcache:eta=0.5

PYTHON := .build/python/bin/python

.PHONY: demo test tuning-guide validation headline grid-test crash-test damage-test bench big-test bench-build build lint setup python ideal-test reference replay-test

# Record a rollout of the bundled model, replay policies against it, show where the error is.
demo: build
	@mkdir -p demo
	$(WCTRACE) record --output $(TRACE) --force
	@echo; $(WCTRACE) replay $(TRACE) --policy $(POLICY) --policy taylor:interval=4,order=1 --policy interval:every=4 \
	  --growth --tokens 10
	@echo; $(WCTRACE) inspect $(TRACE) --policy $(POLICY)
	@echo; $(WCTRACE) schedule $(TRACE) --policy $(POLICY)

test: setup python
	swift test

# Every command of the worked example in docs/tuning.md: records twenty scenes (1.4 GB) unless they are there.
tuning-guide: build
	examples/tuning-guide.sh

# Replay against live runs: 223 settings on 33 held-out scenes (docs/open-and-closed-loop.md); hours, resumable.
validation: build
	examples/validation.sh

# The tables of docs/headline.md: policies tuned, run live and held against fewer steps; forty minutes, resumable.
headline: build
	python3 examples/headline.py demo/headline --wctrace $(WCTRACE)

# Every threshold of every policy against a grid of 10,000 points: the search may miss none of its schedules.
grid-test: setup
	WCTRACE_GRID=10000 swift test -c release -Xswiftc -enable-testing --filter BehaviourSearchTests
# Exact schedule searches against trying every schedule: 500 random instances for each predictor, every objective on each.
ideal-test: setup
	WCTRACE_IDEAL_TABLES=500 swift test -c release -Xswiftc -enable-testing --filter 'IdealTablesTests|DirectSearchTests'
# Writes anew what diffusers and cache-dit decide (Tests/Reference), and loads what convert writes with their loaders.
# Needs Python 3.11 with venv; downloads their packages. Tests need none of it: they read the stored results.
reference: build
	python3 -m venv .build/reference
	.build/reference/bin/python -m pip install -q --disable-pip-version-check -r Tests/Reference/requirements.txt
	.build/reference/bin/python Tests/Reference/hooks.py $(WCTRACE)
	.build/reference/bin/python Tests/Reference/load.py $(WCTRACE)
# Every ordinary policy replayed from distances and, by brute force, from the features: 15 kinds of traces, counts
# printed. `make test` takes a few of the pairs.
replay-test: setup
	WCTRACE_REPLAY_PAIRS=all swift test --filter EveryPolicyReplayTests

# The crash tests at full length: the recorder killed before, within and after every write and refused every write,
# also while finishing; 200 kills of the release build; cuts and flips at every byte of a journal; 1000 power losses.
crash-test: build
	.build/release/TraceDamage faults
	WCTRACE_KILLS=200 WCTRACE_IMAGES=1000 WCTRACE_TOOL=$$PWD/$(WCTRACE) WCTRACE_CUT_EVERY=1 WCTRACE_FLIP_EVERY=1 \
	  swift test --filter 'KillTests|JournalTests|PowerLossTests'

# Every bit of the metadata flipped, cuts and zeros at every 4 KiB, and 5000 crafted mutants of each of four
# files, in processes that may die of them. Nothing may be read silently, crash or hang.
damage-test: build
	.build/release/TraceDamage mutants --crafted 5000

# Speeds beside h5py and a raw file, and of replays beside NumPy, taking turns; the recorder's cost.
bench: bench-build python
	Benchmarks/.build/release/wctrace-bench storage --python $(PYTHON)
	@echo; Benchmarks/.build/release/wctrace-bench recorder
	@echo; Benchmarks/.build/release/wctrace-bench replay --python $(PYTHON)

# A trace of more than 4 GB recorded, verified, read, indexed and replayed; needs 4 GB of disk.
big-test: bench-build
	Benchmarks/.build/release/wctrace-bench big --tool $(WCTRACE)

bench-build: build
	swift build -c release --package-path Benchmarks

build: setup
	swift build -c release

lint:
	swift format lint --strict --recursive Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

# Installs the C libraries when they are missing, with sudo unless root.
setup:
	@command -v swift >/dev/null || { echo "Swift 6.2 or later is needed: https://www.swift.org/install" >&2; exit 1; }
	@if ! pkg-config --exists hdf5 openblas libzstd sqlite3 zlib 2>/dev/null; then \
	  root=""; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq $(PACKAGES); \
	fi

# h5py and hdf5plugin, for the tests that compare with them.
python: .build/python/ready

.build/python/ready: Tests/Python/requirements.txt
	@command -v python3 >/dev/null || { echo "Python 3.11 or later is needed for the comparison with h5py" >&2; exit 1; }
	@if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then \
	  root=""; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq; DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq python3-venv; \
	fi
	@python3 -m venv .build/python
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r Tests/Python/requirements.txt
	@touch $@
