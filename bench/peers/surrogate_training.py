"""The work of bench/training.ts on snnTorch, Norse and SpikingJelly: one JSON line a library and task.

    python bench/peers/surrogate_training.py recurrent|dense|conv [n] [repetitions] [threads]

recurrent: 700-256-20, T = 100, batch 64, input spikes with the given density (0.03), recurrent hidden LIF, leaky readout,
cross-entropy of the mean potential; forward and backward, no update.
dense: the snn-library-benchmarks' task: Linear(n, n) and LIF, batch 16, T = 500, randn input, loss = sum of spikes.
Needs torch, snntorch, norse, spikingjelly from PyPI.
"""

import json
import statistics
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import torch

torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else 2)
T, B, INPUTS, HIDDEN, CLASSES, DENSITY = 100, 64, 700, 256, 20, 0.03
task = sys.argv[1]
n = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
repetitions = int(sys.argv[3]) if len(sys.argv) > 3 else 5


def measure(name, step, **more):
    step()
    times, processor = [], time.process_time()
    for _ in range(repetitions):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    processor = (time.process_time() - processor) / repetitions
    samples = 16 if task == "dense" else B
    median = statistics.median(times)
    print(
        json.dumps(
            {"library": name, "task": task, "n": n, "seconds": median, "least": min(times), "most": max(times),
             "samplesPerSecond": samples / median, "processorSeconds": processor, **more}
        ),
        flush=True,
    )


def guarded(function):
    try:
        function()
    except Exception as error:  # one library that fails must not hide the others
        print(json.dumps({"library": function.__name__, "task": task, "error": str(error)[:300]}), flush=True)


if task == "conv":
    # The products of bench/training/sparse-conv.ts for a batch, with no neurons between: what a dense computation costs.
    torch.manual_seed(1)
    frames, images = 64, 4
    functional = torch.nn.functional
    x = (torch.rand(frames * images, 1, 28, 28) < 0.06).float()
    first = torch.randn(19, 1, 4, 4, requires_grad=True)
    second = torch.randn(9, 19, 9, 9, requires_grad=True)
    last = torch.randn(10, 9 * 15 * 15, requires_grad=True)

    def step():
        y = 4 * functional.avg_pool2d(functional.conv2d(x, first), 2, 1)
        y = 4 * functional.avg_pool2d(functional.conv2d(y, second), 2, 1)
        functional.linear(y.flatten(1), last).sum().backward()

    B = images
    guarded(lambda: measure("torch, dense convolutions", step))

if task == "recurrent":
    torch.manual_seed(1)
    x = (torch.rand(T, B, INPUTS) < DENSITY).float()
    labels = torch.randint(0, CLASSES, (B,))
    loss_of = torch.nn.functional.cross_entropy

    def layers():
        return (
            torch.nn.Linear(INPUTS, HIDDEN, bias=False),
            torch.nn.Linear(HIDDEN, HIDDEN, bias=False),
            torch.nn.Linear(HIDDEN, CLASSES, bias=False),
        )

    def snntorch_():
        import snntorch
        from snntorch import surrogate

        first, recurrent, last = layers()
        lif = snntorch.Leaky(beta=0.9, spike_grad=surrogate.fast_sigmoid(slope=10))
        readout = snntorch.Leaky(beta=0.95, reset_mechanism="none", threshold=1e9)

        def step():
            spikes, mem, out = torch.zeros(B, HIDDEN), torch.zeros(B, HIDDEN), torch.zeros(B, CLASSES)
            # All steps at once for what does not depend on time.
            driven, total = first(x), 0.0
            for t in range(T):
                spikes, mem = lif(driven[t] + recurrent(spikes), mem)
                _, out = readout(last(spikes), out)
                total = total + out
            loss_of(total / T, labels).backward()

        measure("snntorch", step)

    def norse_():
        import norse.torch as norse
        from norse.torch.functional.lif_box import LIFBoxParameters, lif_box_feed_forward_step
        from norse.torch.functional.leaky_integrator import LIParameters

        first, recurrent, last = layers()
        from norse.torch.functional.lif_box import LIFBoxFeedForwardState

        p = LIFBoxParameters(tau_mem_inv=torch.tensor(100.0), v_th=torch.tensor(1.0), method="super", alpha=torch.tensor(10.0))

        def step():
            state = LIFBoxFeedForwardState(v=torch.zeros(B, HIDDEN))
            spikes, out, total = torch.zeros(B, HIDDEN), torch.zeros(B, CLASSES), 0.0
            driven = first(x)
            for t in range(T):
                spikes, state = lif_box_feed_forward_step(10 * (driven[t] + recurrent(spikes)), state, p)
                out = 0.95 * out + last(spikes)
                total = total + out
            loss_of(total / T, labels).backward()

        measure("norse", step)

    def spikingjelly_():
        from spikingjelly.activation_based import functional, neuron, surrogate

        first, recurrent, last = layers()
        lif = neuron.LIFNode(tau=10.0, decay_input=False, v_reset=None, surrogate_function=surrogate.ATan(), detach_reset=True)

        def step():
            functional.reset_net(lif)
            spikes, out, total = torch.zeros(B, HIDDEN), torch.zeros(B, CLASSES), 0.0
            driven = first(x)
            for t in range(T):
                spikes = lif(driven[t] + recurrent(spikes))
                out = 0.95 * out + last(spikes)
                total = total + out
            loss_of(total / T, labels).backward()

        measure("spikingjelly", step)

elif task == "dense":
    T, B = 500, 16
    torch.manual_seed(1)
    x = torch.randn(T, B, n)

    def snntorch_():
        import snntorch

        linear = torch.nn.Linear(n, n)
        lif = snntorch.Leaky(beta=0.95)

        def step():
            mem, total = torch.zeros(B, n), 0.0
            driven = linear(x)
            for t in range(T):
                spikes, mem = lif(driven[t], mem)
                total = total + spikes.sum()
            total.backward()

        measure("snntorch", step)

    def norse_():
        from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters, lif_box_feed_forward_step

        linear = torch.nn.Linear(n, n)
        p = LIFBoxParameters(tau_mem_inv=torch.tensor(100.0), v_th=torch.tensor(1.0), method="super", alpha=torch.tensor(100.0))

        def step():
            state, total = LIFBoxFeedForwardState(v=torch.zeros(B, n)), 0.0
            driven = linear(x)
            for t in range(T):
                spikes, state = lif_box_feed_forward_step(driven[t], state, p)
                total = total + spikes.sum()
            total.backward()

        measure("norse", step)

    def spikingjelly_():
        from spikingjelly.activation_based import functional, neuron, surrogate

        linear = torch.nn.Linear(n, n)
        lif = neuron.LIFNode(tau=5.0, surrogate_function=surrogate.ATan(), step_mode="m")

        def step():
            functional.reset_net(lif)
            lif(linear(x)).sum().backward()

        measure("spikingjelly", step)

    def linear_alone():
        linear = torch.nn.Linear(n, n)
        measure("linear alone", lambda: linear(x).sum().backward())

    guarded(linear_alone)

if task != "conv":
    for function in (snntorch_, norse_, spikingjelly_):
        guarded(function)
