"""The peer of StorageBenchmark.swift: h5py with hdf5plugin, the same filters, level and blocks.

    storage_peer.py RAW STEPS ROWS CHANNELS

Lines on standard input: `versions`, `write PATH`, `read PATH`. Answers: a text, or seconds by the clock and of
the processor.
The numbers are in memory before the first answer; only the work on the file is timed.
"""
import sys
import time

import h5py
import hdf5plugin
import numpy as np

raw, *sizes = sys.argv[1:]
shape = tuple(int(size) for size in sizes)
features = np.fromfile(raw, np.float16).reshape(shape)
step = np.empty(shape[1:], np.float16)


def write(path):
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        dataset = file.create_dataset(
            "features", shape, np.float16, chunks=(1, max(1, 524288 // (2 * shape[2])), shape[2]),
            shuffle=True, fletcher32=True, **hdf5plugin.Zstd(clevel=1))
        for index in range(shape[0]):
            dataset[index] = features[index]


def read(path):
    with h5py.File(path, "r") as file:
        dataset = file["features"]
        for index in range(shape[0]):
            dataset.read_direct(step, np.s_[index])


for line in sys.stdin:
    command, *rest = line.split()
    if command == "versions":
        text = f"h5py {h5py.__version__} (HDF5 {h5py.version.hdf5_version}), hdf5plugin {hdf5plugin.version}"
        print(text, flush=True)
    else:
        start, cpu = time.perf_counter(), time.process_time()
        {"write": write, "read": read}[command](*rest)
        print(time.perf_counter() - start, time.process_time() - cpu, flush=True)
