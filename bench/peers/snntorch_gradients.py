"""Loss and gradients of one small recurrent network by snnTorch, for test/golden/snntorch-recurrent.json.

    python bench/peers/snntorch_gradients.py > test/golden/snntorch-recurrent.json

Needs snntorch and torch from PyPI. Weights and inputs are formulas that the test repeats.
"""

import json
import math
import sys

import snntorch
import torch
from snntorch import surrogate

INPUTS, HIDDEN, CLASSES, STEPS, SAMPLES = 12, 16, 4, 20, 3
BETA, SLOPE = 0.9, 5.0

torch.set_default_dtype(torch.float64)


def wave(rows, columns, scale, shift):
    return torch.tensor(
        [[scale * math.sin(1.7 * r + 0.9 * c + 0.31 * r * c + shift) for c in range(columns)] for r in range(rows)]
    )


w1 = wave(INPUTS, HIDDEN, 0.9, 0.2).requires_grad_()
rec = wave(HIDDEN, HIDDEN, 0.4, 1.1).requires_grad_()
w2 = wave(HIDDEN, CLASSES, 0.7, 2.3).requires_grad_()
spikes = torch.tensor(
    [[[1.0 if (7 * b + 5 * t + 3 * i + t * i) % 6 == 0 else 0.0 for i in range(INPUTS)] for b in range(SAMPLES)] for t in range(STEPS)]
)
labels = torch.tensor([b % CLASSES for b in range(SAMPLES)])
grad = surrogate.fast_sigmoid(slope=SLOPE)
lif1 = snntorch.Leaky(beta=BETA, spike_grad=grad, reset_mechanism="subtract")
lif2 = snntorch.Leaky(beta=BETA, spike_grad=grad, reset_mechanism="subtract")
mem1, mem2 = torch.zeros(SAMPLES, HIDDEN), torch.zeros(SAMPLES, CLASSES)
s1 = torch.zeros(SAMPLES, HIDDEN)

counts, hidden = torch.zeros(SAMPLES, CLASSES), 0.0
for t in range(STEPS):
    s1, mem1 = lif1(spikes[t] @ w1 + s1 @ rec, mem1)
    s1 = s1.double()
    s2, mem2 = lif2(s1 @ w2, mem2)
    s2 = s2.double()
    counts = counts + s2
    hidden += s1.sum().item()
loss = torch.nn.functional.cross_entropy(counts, labels)
loss.backward()
json.dump(
    {
        "snntorch": snntorch.__version__,
        "torch": torch.__version__.split("+")[0],
        "loss": loss.item(),
        "hiddenSpikes": hidden,
        "outputSpikes": counts.sum().item(),
        "gradients": {
            "0.weight": w1.grad.flatten().tolist(),
            "0.recurrent": rec.grad.flatten().tolist(),
            "1.weight": w2.grad.flatten().tolist(),
        },
    },
    sys.stdout,
)
