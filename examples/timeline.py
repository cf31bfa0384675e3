"""A timeline: each model along a training run is asked whether it does what the last one does.

Which comes first, the circuit for a + b or the fall of the loss on inputs that were not trained on? Give it
the folder of a run that was trained with --trajectory; without one it trains a network to add mod 31.
"""

import sys
import tempfile

import scrubkit


def trained(folder):
    model = scrubkit.train(
        scrubkit.ModularAddition(31), seed=1, train_fraction=0.8, trajectory=12, out=folder
    )
    scrubkit.save(scrubkit.with_certificate(model), folder, overwrite=True)
    return folder


with tempfile.TemporaryDirectory() as folder:
    place = sys.argv[1] if len(sys.argv) > 1 else trained(folder)
    found = scrubkit.timeline(place, ["sum", "one_operand"], draws=4)

run = found.runs[0]
print("step  training loss  test loss  sum  one_operand")
for step in run.steps:
    claims = "  ".join(f"{step.scores[name].fidelity.value:.2f}" for name in found.hypotheses)
    print(f"{step.step}  {step.train_loss:.2g}  {step.test_loss:.2g}  {claims}")
if run.fall:
    print(f"test loss falls  {run.fall[0]}  {run.fall[1]}")
for name in found.hypotheses:
    print(f"{name} is supported  {run.when(name)}")
