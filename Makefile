# Everything here does its own set-up; `make demo` and `make test` are the two to know.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PACKAGES := libhdf5-dev libopenblas-dev libzstd-dev pkg-config
WCTRACE := .build/release/wctrace
TRACE := demo/room.h5
POLICY := worldcache:eta=0.5

.PHONY: demo test crash-test build lint setup

# Record a rollout of the bundled model, replay policies against it, show where the error is.
demo: build
	@mkdir -p demo
	$(WCTRACE) record --output $(TRACE) --force
	@echo; $(WCTRACE) replay $(TRACE) --policy $(POLICY) --policy taylor:interval=4,order=1 --policy interval:every=4 \
	  --growth --tokens 10
	@echo; $(WCTRACE) inspect $(TRACE) --policy $(POLICY)
	@echo; $(WCTRACE) schedule $(TRACE) --policy $(POLICY)

test: setup
	swift test

# The crash tests at full length: 200 kills of the release build, cuts and flips at every byte of a journal,
# 1000 power losses.
crash-test: build
	WCTRACE_KILLS=200 WCTRACE_IMAGES=1000 WCTRACE_TOOL=$$PWD/$(WCTRACE) WCTRACE_CUT_EVERY=1 WCTRACE_FLIP_EVERY=1 \
	  swift test --filter 'KillTests|JournalTests|PowerLossTests'

build: setup
	swift build -c release

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

# Installs the C libraries when they are missing, with sudo unless root.
setup:
	@command -v swift >/dev/null || { echo "Swift 6.2 or later is needed: https://www.swift.org/install" >&2; exit 1; }
	@if ! pkg-config --exists hdf5 openblas libzstd 2>/dev/null; then \
	  root=""; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq $(PACKAGES); \
	fi
