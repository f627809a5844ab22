"""The peer of ReplayBenchmark.swift: WorldCache replayed in NumPy, one thread, on features in memory.

    replay_peer.py CALLS TOKENS CHANNELS

Lines on standard input: `versions`, `replay`. Answers: a text, or one JSON line with the schedule, the mean error of the
predicted calls and the seconds it took, by the clock and of the processor. The features are made up by the formula of MadeUpRollout.swift, so that both
sides replay the same rollout; they are in memory before the first answer.
"""
import ctypes
import glob
import json
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np


def features(calls, tokens, channels):
    """Float32 (calls, tokens, channels): offset + slope + sine, from a linear congruential generator."""
    count = tokens * channels
    state = np.arange(5 * count, dtype=np.uint64) + np.uint64(1)
    with np.errstate(over="ignore"):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        state ^= state >> np.uint64(33)
        state *= np.uint64(0xFF51AFD7ED558CCD)
        state ^= state >> np.uint64(33)
    unit = ((state >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)).reshape(5, tokens, channels)
    a, b, c, w, p = unit[0] - 0.5, unit[1] - 0.5, 0.3 * unit[2], 0.05 + 0.3 * unit[3], 6 * unit[4]
    return np.stack([a + b * np.float32(t / calls) + c * np.sin(w * np.float32(t) + p) for t in range(calls)])


def worldcache(f, p_stable=0.3, p_chaotic=0.6, n_max=6, eta=1.0, warmup=5):
    """Decisions and relative error of every predicted call (arXiv 2603.06331, drift averaged over all tokens)."""
    calls = len(f)
    anchors, schedule, errors = [], [], []
    drift, kappa = 0.0, None
    norm = lambda x: np.sqrt(np.einsum("nd,nd->n", x, x))
    for s in range(calls):
        k = s - anchors[0] if anchors else 0
        if s < warmup or s == calls - 1 or kappa is None or drift >= eta or k > n_max:
            schedule.append(s)
            anchors = [s] + anchors[:2]
            drift = 0.0
            if len(anchors) == 3:
                i, j, l = anchors
                v0 = (f[i] - f[j]) / (i - j)
                v1 = (f[j] - f[l]) / (j - l)
                speed = norm(v0)
                kappa = norm((v0 - v1) / (i - j)) / (speed * speed + 1e-8)
                low, high = np.quantile(kappa, [p_stable, p_chaotic])
                chaotic = kappa >= high
                linear = ~chaotic & (kappa >= low)
                before = f[i][chaotic]
            continue
        x = min(k / n_max, 1)
        alpha = 3 * x * x - 2 * x ** 3
        i = anchors[0]
        prediction = f[i].copy()
        prediction[linear] += k * v0[linear]
        damped = f[i][chaotic] + k * ((1 - alpha) * v0[chaotic] + alpha * v1[chaotic])
        prediction[chaotic] = damped
        drift += float(np.sum(kappa[chaotic] * norm(damped - before)) / len(kappa))
        before = damped
        error = prediction - f[s]
        errors.append(float(np.sqrt(np.vdot(error, error) / np.vdot(f[s], f[s]))))
    return schedule, errors


def kernel():
    """The processor that NumPy's OpenBLAS runs for, or a question mark where that cannot be asked."""
    for path in glob.glob(os.path.join(os.path.dirname(np.__file__), "..", "numpy.libs", "lib*openblas*.so")):
        ask = getattr(ctypes.CDLL(path), "scipy_openblas_get_corename64_", None)
        if ask:
            ask.restype = ctypes.c_char_p
            return ask().decode()
    return "?"


def main():
    f = features(*map(int, sys.argv[1:4]))
    for line in sys.stdin:
        if line.strip() == "versions":
            print(f"NumPy {np.__version__}, OpenBLAS kernel {kernel()}", flush=True)
            continue
        start, used = time.perf_counter(), time.process_time()
        schedule, errors = worldcache(f)
        answer = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - used}
        print(json.dumps({"schedule": schedule, "mean_error": sum(errors) / len(errors), **answer}), flush=True)


main()
