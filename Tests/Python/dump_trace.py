"""What docs/read_trace.py reads from a trace, as plain numbers that a test can compare bit for bit.

    dump_trace.py TRACE.h5 FOLDER

Writes FOLDER/TAP.raw, little-endian float32 of (calls, rows, channels), and prints each tap with the type that
the file has for Python and its states.
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs"))
import read_trace  # noqa: E402

trace = read_trace.read(sys.argv[1])
for name, features in trace["taps"].items():
    (pathlib.Path(sys.argv[2]) / f"{name}.raw").write_bytes(features.astype("<f4").tobytes())
    print(name, features.dtype, *trace["states"][name])
