# SPDX-License-Identifier: Apache-2.0
"""Checks of the training code on random data: python check.py [options of train.py, such as --no-compile]."""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from data import COND_FLIP, TARGET_FLIP, flip
from model import Config, WorldModel
from train import learning_rate

HERE = Path(__file__).parent


def tokens(image):
    """image [F, 32, 48, C] -> [F * 96, 16 * C], patches in (py, px, c) order, written out with loops."""
    rows = []
    for frame in image:
        for r in range(8):
            for c in range(12):
                rows.append([v for py in range(4) for px in range(4) for v in frame[4 * r + py, 4 * c + px]])
    return torch.tensor(np.array(rows, dtype="f4"))


def raymap(yaw, position):
    """[F * 96, 6]: rays of cameras turned by yaw [F] (x right, y down, z forward) at position [F, 3]."""
    rows = []
    for angle, origin in zip(yaw, position):
        for r in range(8):
            for c in range(12):
                x, y = (4 * c + 2 - 24) / 30, (4 * r + 2 - 16) / 30
                d = np.array([x * np.cos(angle) + np.sin(angle), y, np.cos(angle) - x * np.sin(angle)])
                rows.append([*(d / np.linalg.norm(d)), *(np.array(origin) / 0.5)])
    return torch.tensor(np.array(rows, dtype="f4"))


def check_flip():
    rng = np.random.default_rng(0)
    images = [rng.uniform(-1, 1, (4, 32, 48, c)) for c in (3, 1, 3, 1, 1, 3, 1, 1)]    # target 2, context frames 2 x 3
    yaw, position = rng.normal(size=4), rng.normal(size=(4, 3))
    mirror = np.array([-1, 1, 1])

    def window(images, yaw, position):
        rays, t = raymap(yaw, position), [tokens(image) for image in images]
        return torch.cat(t[:2] + [rays], -1)[None], torch.cat(t[2:] + [rays], -1)[None]

    target, cond = window(images, yaw, position)
    action = torch.tensor(rng.normal(size=(1, 4, 3)), dtype=torch.float32)
    t, c, a = flip(target, cond, action)
    want_t, want_c = window([image[:, :, ::-1] for image in images], -yaw, position * mirror)
    assert torch.allclose(t, want_t, atol=1e-6) and torch.allclose(c, want_c, atol=1e-6)
    assert torch.equal(a, action * torch.tensor([1.0, -1.0, -1.0]))
    assert all(torch.equal(x, y) for x, y in zip(flip(t, c, a), (target, cond, action)))
    assert all(torch.equal(order.sort().values, torch.arange(len(order))) for order, _ in (TARGET_FLIP, COND_FLIP))
    print("flip: equal to mirrored images and cameras; twice is the identity")


def check_schedule():
    args = type("Args", (), dict(lr=1.0, steps=1000, decay_steps=100))
    rates = [learning_rate(s, args) for s in (0, 299, 899, 950, 999)]
    assert np.allclose(rates, [1 / 300, 1, 1, 0.5, 0.01]), rates
    print("schedule: right")


def check_start():
    """A new model's clean estimate is its base, and unconditional calls do not see the conditioning."""
    model, g = WorldModel(), torch.Generator().manual_seed(0)
    x, cond, action = (torch.randn(2, *s, generator=g) for s in ((384, 70), (384, 166), (4, 3)))
    flag, sigma = torch.tensor([True, False]), torch.tensor([0.5, 0.5])
    clean = model.clean(x, cond, action, sigma, flag)
    assert torch.equal(clean[0, :, :64], cond[0, :, :64]) and torch.equal(clean[0, :, 64:], cond[0, :, 160:])
    assert not clean[1].any()
    print("start: the base")


def run(script, *args):
    subprocess.run([sys.executable, HERE / script, *map(str, args)], check=True, stderr=subprocess.DEVNULL)


def check_resume_and_export(folder):
    rng = np.random.default_rng(0)
    for part, n in (("windows-000", 6), ("windows-001", 6)):
        (folder / part).mkdir()
        for name, shape, dtype in (("target", (384, 70), "f2"), ("cond", (384, 166), "f2"), ("action", (4, 3), "f4")):
            np.save(folder / part / f"{name}.npy", rng.uniform(-1, 1, (n, *shape)).astype(dtype))
    common = ["--data", folder, "--batch", 2, "--lr", 0.1, *sys.argv[1:]]
    run("train.py", *common, "--out", folder / "whole", "--steps", 8, "--decay-steps", 4)
    run("train.py", *common, "--out", folder / "parts", "--steps", 4)
    run("train.py", *common, "--out", folder / "parts", "--steps", 8, "--decay-steps", 4, "--resume")
    a, b = (torch.load(folder / name / "checkpoint.pt") for name in ("whole", "parts"))
    assert a["step"] == b["step"] == 8
    for kind in ("model", "ema"):
        assert all(torch.equal(a[kind][name], b[kind][name]) for name in a[kind]), kind
    print("resume: the same weights and average, bit for bit")

    weights, results = folder / "w.safetensors", folder / "r.safetensors"
    run("export.py", "--checkpoint", folder / "whole/checkpoint.pt", "--out", weights, "--reference", results, "--data", folder)
    model = WorldModel()
    model.load_state_dict(load_file(weights))
    assert all(torch.equal(p, a["ema"][name]) for name, p in model.state_dict().items())
    with safe_open(weights, "pt") as file:
        assert file.metadata()["steps_trained"] == "8" and file.metadata()["config"] == Config().name
    r, case = load_file(results), "conditional.0.7/"
    with torch.no_grad():
        v = model(r[case + "x_t"][None], r["cond"][None], r["action"][None], r[case + "sigma"], torch.tensor([True]))
    assert torch.allclose(v[0], r[case + "output"], atol=1e-4)
    print("export: loads back, and the reference agrees")


if __name__ == "__main__":
    check_flip()
    check_schedule()
    check_start()
    with tempfile.TemporaryDirectory() as folder:
        check_resume_and_export(Path(folder))
