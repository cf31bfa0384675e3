"""What processes and Dask workers gain, and what they cost: ``python -m tests.benchmarks.bench_backends``.

The suite `fast` is put to a method that computes for a given time and to one that answers at once, in this
process, in workers and on a local Dask cluster. The first shows the speed-up, starting the workers
included; the second, less the time of a run of one case, shows the overhead of a case. The template that
workers are forked from is kept between runs, so only the first run starts it.
"""

import argparse
import os
import time
from dataclasses import dataclass

import scrubkit
from scrubkit.bench.suites import load_suite
from scrubkit.harness.run import validate


@dataclass
class Busy:
    """Keeps one core busy for a number of milliseconds, then answers."""

    milliseconds: float
    name: str = "busy"
    threshold: float = 0.5

    def score(self, model, hypothesis, *, task, generator, budget):
        until = time.thread_time() + self.milliseconds / 1e3
        while time.thread_time() < until:
            pass
        return scrubkit.Answer(score=0.0)


def measure(suite, milliseconds: float, **options) -> float:
    """Return the seconds that one run takes."""
    began = time.perf_counter()
    report = validate(Busy(milliseconds), suite, **options)
    assert report.asked, "no question was asked"
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--milliseconds", type=float, default=100.0, help="work of one case")
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    suite = load_suite("fast")
    questions = validate(Busy(0), suite).asked
    print(f"{questions} questions, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    places = {
        "this process": {"in_process": True},
        "one worker": {},
        f"workers, {args.workers}": {"jobs": args.workers},
        f"dask, {args.workers}": {"jobs": args.workers, "dask": "local"},
    }
    single = suite.model_copy(update={"cases": suite.cases[:1]})
    serial = 0.0
    for place, options in places.items():
        # The least of several runs has the least to do with anything else on the machine.
        work = min(measure(suite, args.milliseconds, **options) for _ in range(args.repeats))
        idle = min(measure(suite, 0, **options) for _ in range(args.repeats))
        start = min(measure(single, 0, **options) for _ in range(args.repeats))
        serial = serial or work
        print(
            f"{place:12}  {args.milliseconds:.0f} ms a case: {work:6.2f} s, speed-up {serial / work:4.2f}; "
            f"start {start:5.2f} s; overhead {1e3 * (idle - start) / (questions - 1):5.2f} ms a case"
        )


if __name__ == "__main__":
    main()
