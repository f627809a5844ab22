#!/usr/bin/env python3
"""An EasyCache-like policy for `wctrace replay --policy "program:command=python3 examples/easycache.py"`.

Needs nothing but Python's standard library. The protocol is in docs/external-policy.md: one line of JSON from
here first, then one for each line that asks about a call.
"""

import json
import sys


def say(message):
    print(json.dumps(message), flush=True)


def main():
    # What is cached and looked at, and what can be set: program:command=…,threshold=0.1
    say({
        "protocol": 1,
        "name": "EasyCache-like",
        "site": "gain",
        "coupling": "lead",
        "parameters": {"threshold": 0.05, "warmup": 3},
        "signals": {
            "moved": {
                "change": "latent",
                "from": "previous",
                "over": {"size": "output"},
                "rate": {"of": "output", "to": "latent"},
            }
        },
    })
    settings, total = {}, 0.0
    for line in sys.stdin:
        message = json.loads(line)
        if "begin" in message:
            settings, total = message["begin"]["parameters"], 0.0
            continue
        call = message["decide"]
        moved = call["signals"]["moved"]
        answer = {"position": call["position"], "decision": "compute"}
        if call["index"] < settings["warmup"] or call["last"] or moved is None:
            total = 0.0
        else:
            total += moved
            answer.update(signal=total, threshold=settings["threshold"])
            if total < settings["threshold"]:
                answer["decision"] = "predict"
                # Repeat the newest computed value.
                answer["weights"] = {str(call["computed"][-1]): 1}
            else:
                total = 0.0
        say(answer)


if __name__ == "__main__":
    main()
