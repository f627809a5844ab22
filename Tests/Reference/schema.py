"""Writes the names that the targets of `wctrace convert` know, as the installed packages have them."""

from __future__ import annotations

import dataclasses
import inspect
import json
import pathlib
import re
from importlib.metadata import version


def fields(kind) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def write(path: pathlib.Path) -> None:
    import cache_dit
    import diffusers.hooks as hooks
    from cache_dit.caching.load_configs import load_cache_options_from_dict

    names = [
        "FasterCacheConfig", "FirstBlockCacheConfig", "MagCacheConfig", "PyramidAttentionBroadcastConfig",
        "SeaCacheConfig", "TaylorSeerCacheConfig",
    ]
    written = {
        "diffusers": {
            "version": version("diffusers"),
            "fields": {name: fields(getattr(hooks, name)) for name in names},
        },
        "cache-dit": {
            "version": version("cache-dit"),
            "fields": {
                name: fields(getattr(cache_dit, name))
                for name in (
                    "DBCacheConfig", "TaylorSeerCalibratorConfig", "DMDCalibratorConfig", "FoCaCalibratorConfig",
                )
            },
            # What the loader of configuration files asks for beside the fields.
            "options": sorted(
                set(re.findall(r'kwargs\.get\(\s*"(\w+)"', inspect.getsource(load_cache_options_from_dict)))
            ),
        },
    }
    path.write_text(json.dumps(written, indent=2) + "\n")
