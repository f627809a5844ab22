#!/usr/bin/env python3
"""Reads a wctrace trace with h5py and prints what is in it, one line per tap.

    read_trace.py TRACE.h5 [TAP CALL]     needs h5py, hdf5plugin and numpy

With a tap and a call it prints that tensor instead, one row per line.
"""
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers the zstd filter)
import numpy as np

STATES = ["absent", "fresh", "predicted", "derived"]


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def condition(group):
    value = group["numbers"][:] if "numbers" in group else text(group.attrs["text"])
    return text(group.attrs["name"]), value


def undo(file, name, header):
    """The features of a tap that is stored as differences between calls."""
    bits, states = file["taps"][name][:], file["states"][name][:]
    calls = [file["calls"][column][:] for column in ("chunk", "branch", "expert")]
    number = bits.dtype.type
    top, ones = number(1 << (8 * bits.itemsize - 1)), number(2 ** (8 * bits.itemsize) - 1)
    ordered = lambda x: x ^ np.where(x & top, ones, top)
    fresh, last_chunk = {}, None
    for i, (chunk, *stream) in enumerate(zip(*calls)):
        if chunk != last_chunk:
            fresh, last_chunk = {}, chunk
        last, count = fresh.get(tuple(stream), (None, 0))
        if states[i] and count % header["key_interval"]:
            step = (bits[i] >> number(1)) ^ (bits[i] & number(1)) * ones
            place = ordered(bits[last]) + step
            bits[i] = place ^ np.where(place & top, top, ones)
        if states[i] == 1:
            fresh[tuple(stream)] = (i, count + 1)
    if header["dtype"] == "bfloat16":
        values = (bits.astype(np.uint32) << 16).view(np.float32)
    else:
        values = bits.view(header["dtype"])
    values[states == 0] = np.nan
    return values


def read(path):
    with h5py.File(path, "r") as file:
        header = {key: text(value) if isinstance(value, bytes) else value for key, value in file.attrs.items()}
        if header.get("format") != "wctrace" or header["version"] not in (1, 2) or header.get("complete") != 1:
            raise SystemExit(f"{path}: not a finished wctrace trace of version 1 or 2")
        taps = {name: tap[:] for name, tap in file["taps"].items()}
        if header.get("coding") == "step-delta":
            taps = {name: undo(file, name, header) for name in taps}
        return {
            "header": header,
            "conditions": [condition(file["conditions"][str(i)]) for i in range(len(file.get("conditions", ())))],
            "bounds": {name: column[:] for name, column in file.get("bounds", {}).items()},
            "calls": {name: column[:] for name, column in file["calls"].items()},
            "taps": taps,
            "layout": {name: text(tap.attrs["layout"]) for name, tap in file["taps"].items()},
            "states": {name: column[:] for name, column in file["states"].items()},
            "stretches": {name: column[:] for name, column in file["stretches"].items()},
            "final": file["final"][:] if "final" in file else None,
        }


def main(path, tap=None, call=None):
    trace = read(path)
    if tap is not None:
        if trace["states"][tap][int(call)] == 0:
            raise SystemExit(f"{tap} of call {call} is absent")
        np.savetxt(sys.stdout, trace["taps"][tap][int(call)].astype(np.float64), fmt="%.9g")
        return
    print(", ".join(f"{key}={value}" for key, value in trace["header"].items()))
    for name, features in trace["taps"].items():
        states, counts = trace["states"][name], np.bincount(trace["states"][name], minlength=4)
        norm = np.sqrt(np.mean(np.square(features[states != 0].astype(np.float64))))
        said = " ".join(f"{count} {state}" for state, count in zip(STATES, counts) if count)
        print(f"{name}: {features.shape} {features.dtype}, layout {trace['layout'][name]}, {said}, rms {norm:.6g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
