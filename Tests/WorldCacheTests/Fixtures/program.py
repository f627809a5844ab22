"""A policy that misbehaves on request: `program.py MODE`. Sound up to call 2, where the mode shows."""

import json
import os
import sys
import time

mode = sys.argv[1]
hello = {"protocol": 1, "site": "output"}


def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def note_number():
    with open(sys.argv[2], "w") as file:
        file.write(str(os.getpid()))


def sleep():
    note_number()
    # Longer than any test; whoever started this is to end it.
    time.sleep(1000)


if mode == "silent":
    sleep()
if mode == "early-exit":
    sys.stderr.write("no model here\n")
    sys.exit(7)
if mode == "no-json":
    write("hello there\n")
if mode == "endless":
    while True:
        write("x" * 4096)
if mode == "binary":
    sys.stdout.buffer.write(b"\xff\xfe\n")
    sys.stdout.flush()
if mode == "groups":
    hello["groups"] = {"by": "curvature", "quantiles": [0.9]}
if mode == "changing":
    hello["name"] = str(os.getpid())
if mode == "separate":
    hello["coupling"] = "separate"
early = '{"position": 0, "decision": "compute"}\n' if mode == "babble" else ""
write(json.dumps(hello) + "\n" + early)

begin = {}
for line in sys.stdin:
    message = json.loads(line)
    if "begin" in message:
        begin = message["begin"]
        continue
    call = message["decide"]
    position = call["position"]
    answer = {"position": position, "decision": "compute"}
    if mode == "echo":
        # What it is told, for the test to look at.
        with open(sys.argv[2], "a") as file:
            file.write(json.dumps({"begin": begin, "decide": call}) + "\n")
    if mode == "separate":
        answer["decision"] = "predict" if call["index"] % (2 + begin["branch"]) else "compute"
        if answer["decision"] == "predict":
            answer["weights"] = {str(call["computed"][-1]): 1}
    if position == 0 and mode == "first":
        answer = {"position": 0, "decision": "predict", "weights": {"0": 1}}
    if position == 3 and mode == "line":
        # 2 f(2) - f(1): the straight line through the last two computed calls.
        answer = {"position": 3, "decision": "predict", "weights": {"2": 2, "1": -1}, "signal": 0.25, "threshold": 0.5}
    if position == 3 and mode == "groups":
        answer = {"position": 3, "decision": "predict", "groups": [{"2": 2, "1": -1}, {"2": 1}]}
    if position == 2:
        if mode == "crash":
            raise ZeroDivisionError("the policy broke")
        if mode == "sleep":
            sleep()
        if mode == "deaf":
            # Closes its output and goes on.
            note_number()
            os.close(1)
            time.sleep(1000)
        if mode == "killed":
            os.kill(os.getpid(), 9)
        if mode == "wrong":
            write(sys.argv[2] + "\n")
            continue
        if mode == "twice":
            write('{"position": 2, "decision": "compute"}\n{"position": 3, "decision": "compute"}\n')
            continue
        if mode == "long":
            write('{"position": 2, "decision": "compute", "note": "' + "x" * (1 << 21))
            continue
    write(json.dumps(answer) + "\n")
