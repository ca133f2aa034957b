# The front door. `make run` is all that a user needs (data in ./data or KINTOUN_DATA); README.md says the rest.
.PHONY: build run test lint bench fuzz console clean setup-build setup-test
SECONDS ?= 60
PROGRAM = src/kintoun/kintoun

build: setup-build build/build.ninja
	ninja -C build $(PROGRAM)
run: build
	exec build/src/kintoun/kintoun up
test: setup-test build-asan/build.ninja build-tsan/build.ninja build/build.ninja
	ninja -C build-asan
	ninja -C build $(PROGRAM)
	tools/run-tests build-asan build-tsan build
lint: setup-test build-asan/build.ninja build-clang/build.ninja
	tools/lint
bench: setup-test build/build.ninja
	ninja -C build $(PROGRAM) bench-programs
	.venv/bin/python tests/perf/bench.py
fuzz: setup-test build-fuzz/build.ninja
	tools/run-fuzzers build-fuzz $(SECONDS)
console:
	@echo "The web console comes later."
clean:
	rm -rf build build-asan build-tsan build-clang build-fuzz

setup-build:
	@tools/setup
setup-test:
	@tools/setup test
build/build.ninja:
	meson setup build -Db_lto=true $(if $(CI),-Dwerror=true)
build-asan/build.ninja:
	meson setup build-asan -Dbuildtype=debug -Db_sanitize=address,undefined -Dwerror=true
build-tsan/build.ninja:
	meson setup build-tsan -Dbuildtype=debugoptimized -Db_sanitize=thread
build-clang/build.ninja:
	CC=clang meson setup build-clang -Dbuildtype=debug -Dwerror=true
build-fuzz/build.ninja:
	CC=clang meson setup build-fuzz -Dbuildtype=debugoptimized -Dfuzz=true -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link
