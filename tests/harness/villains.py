"""Methods that misbehave, each in one way: they try to pass, stop, hang or mislead their run."""

import ctypes
import gc
import json
import os
import random
import re
import signal
import sys
import threading
import time

import numpy as np
import torch

from scrubkit.harness.worker import wire
from scrubkit.methods.protocol import Answer
from tests.harness import toys


class Villain(toys.Toy):
    """Misbehaves when asked about one claim, and answers rightly otherwise."""

    name = "villain"
    claim = "2*a+b"

    def __init__(self, deed):
        self.deed = deed

    def judge(self, model, hypothesis, generator):
        right = 1.0 if toys.is_true(hypothesis) else 0.0
        if toys.feature_of(hypothesis).replace(" ", "") != self.claim:
            return right
        done = DEEDS[self.deed](model, hypothesis)
        return right if done is None else done


class Number(float):
    def __float__(self):
        os._exit(0)


class Bomb:
    def __reduce__(self):
        return os._exit, (0,)

    def __float__(self):
        raise MemoryError


class Text(str):
    def __str__(self):
        raise KeyboardInterrupt


def explode(model, hypothesis):
    """Match a regular expression that takes for ever and holds the interpreter lock."""
    re.match(r"(a|a)*$", "a" * 60 + "b")


def segfault(model, hypothesis):
    ctypes.string_at(0)


def overflow(model, hypothesis):
    """Overflow the stack of C: the hash of a tuple asks for that of its items."""
    nested = ()
    for _ in range(2 * 10**5):
        nested = (nested,)
    hash(nested)


def recurse(model, hypothesis):
    return recurse(model, hypothesis)


def allocate(model, hypothesis):
    np.ones(100 * 2**30 // 8)


def linger(model, hypothesis):
    """Leave children behind, one of them in a session of its own."""
    for own in (False, True):
        if os.fork() == 0:
            if own:
                os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
    os._exit(0)


def close_files(model, hypothesis):
    sys.stdout.close()
    for number in range(3):
        os.close(number)


def close_all(model, hypothesis):
    os.closerange(0, 4096)


def shout(model, hypothesis):
    """Print for as long as it may."""
    line = "x" * 2**20
    while True:
        print(line)


def forge(model, hypothesis):
    """Write what a worker would say, to every file there is."""
    said = json.dumps({"score": 0.0, "verdict": "refuted", "decides": True}).encode()
    for number in range(1024):
        try:
            os.write(number, (len(said) + 17).to_bytes(4, "big") + b"0" * 16 + b"S" + said)
        except OSError:
            continue


def refuse(model, hypothesis):
    """Say, with the token of the question, that this worker cannot load the method."""
    frame = sys._getframe()
    while frame is not None and "ask" not in frame.f_locals:
        frame = frame.f_back
    wire.send(frame.f_locals["channel"], frame.f_locals["ask"].token + wire.REFUSED + b'[true, "no"]')
    time.sleep(60)


def write_low(model, hypothesis):
    for number in range(21):
        try:
            os.write(number, b"\xff" * 64)
        except OSError:
            continue


def leave(model, hypothesis):
    sys.exit(0)


def raise_base(model, hypothesis):
    raise BaseException("no exception of the usual kind")


def interrupt(model, hypothesis):
    raise KeyboardInterrupt


def change_model(model, hypothesis):
    model.weights.W_U.zero_()


def seed_all(model, hypothesis):
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def patch(model, hypothesis):
    """Make every method that can be reached from here answer rightly, and have no other answer looked at."""
    from scrubkit.harness import ask, store

    toys.AlwaysAccepts.judge = toys.Oracle.judge
    ask.Examiner.ask = store.Store.add = None


def find_labels(model, hypothesis):
    """Look for cases and labels in this process's memory; say that everything is true if there are none."""
    found = [
        thing for thing in gc.get_objects() if type(thing).__name__ in ("Case", "Label", "Suite", "Store")
    ]
    frame, names = sys._getframe(), []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return Answer(float(len(found) + names.count("validate")), verdict="refuted")


def tidy_up(model, hypothesis):
    """Delete what lies in the current folder, if it is the test's own."""
    if os.path.exists("doomed"):
        for name in os.listdir():
            if os.path.isfile(name):
                os.unlink(name)


def ignore_signals(model, hypothesis):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def thread(model, hypothesis):
    """Leave threads behind that never end."""

    def spin():
        while True:
            time.sleep(0.01)

    for _ in range(4):
        threading.Thread(target=spin).start()


def late_exit(model, hypothesis):
    """Answer, and end the process between two questions."""
    threading.Timer(0.05, os._exit, (0,)).start()


def kill_template(model, hypothesis):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def stop(model, hypothesis):
    os.kill(os.getpid(), signal.SIGSTOP)


def deep_generator(model, hypothesis):
    """Nest generators until the stack ends."""
    chain = iter(())
    for _ in range(10**4):
        chain = (item for item in chain)
    return sum(chain)


DEEDS = {
    "exits at once": lambda m, h: os._exit(0),
    "segfault": segfault,
    "regular expression": explode,
    "stack of C": overflow,
    "recursion": recurse,
    "allocates 100 GB": allocate,
    "lingering children": linger,
    "closes standard files": close_files,
    "closes all files": close_all,
    "prints without end": shout,
    "forges replies": forge,
    "says it was refused": refuse,
    "writes to files 0 to 20": write_low,
    "sys.exit": leave,
    "BaseException": raise_base,
    "KeyboardInterrupt": interrupt,
    "changes the model": change_model,
    "seeds globally": seed_all,
    "patches others": patch,
    "looks for labels": find_labels,
    "deletes files": tidy_up,
    "ignores signals": ignore_signals,
    "leaves threads": thread,
    "ends later": late_exit,
    "kills its parent": kill_template,
    "stops itself": stop,
    "deep generator": deep_generator,
    "nan": lambda m, h: Answer(float("nan")),
    "huge": lambda m, h: Answer(10**400, notes=("x" * 10**8,)),
    "text as score": lambda m, h: Answer(Text("1"), verdict="refuted"),
    "text as verdict": lambda m, h: Answer(0.0, verdict=Text("refuted")),
    "float that exits": lambda m, h: Answer(Number(0.0)),
    "cannot be pickled": lambda m, h: Answer(Bomb()),
    "notes without end": lambda m, h: Answer(0.0, notes=iter(lambda: "x", "")),
}
