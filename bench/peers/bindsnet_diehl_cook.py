"""Diehl & Cook's network trained by STDP with BindsNET, timed: the other side of `bench/peers/bindsnet.ts`.

    python bench/peers/bindsnet_diehl_cook.py < request.json

The request has the network's hyperparameters, the number of steps, and spike trains of samples as lists of
(step, input) pairs; the samples are the very same that Tacet gets. Each thread setting runs all samples once after a
warm-up; the answer (JSON on standard output) has milliseconds a sample and excitatory spikes a sample for each.
"""

import json
import sys
import time

import bindsnet
import torch
from bindsnet.learning import PostPre
from bindsnet.network import Network
from bindsnet.network.monitors import Monitor
from bindsnet.network.nodes import DiehlAndCookNodes, Input, LIFNodes
from bindsnet.network.topology import Connection


def build(p, inputs, steps):
    n = p["map_size"]
    network = Network(dt=1.0, batch_size=1)
    network.add_layer(Input(n=inputs, traces=True, tc_trace=20.0), "X")
    network.add_layer(
        DiehlAndCookNodes(
            n=n,
            traces=True,
            rest=p["e_rest"],
            reset=-60.0,
            thresh=p["e_thresh"],
            refrac=p["e_refrac"],
            tc_decay=p["e_tc_decay"],
            tc_trace=20.0,
            theta_plus=p["theta_plus"],
            tc_theta_decay=p["tc_theta_decay"],
        ),
        "Ae",
    )
    network.add_layer(
        LIFNodes(
            n=n,
            traces=False,
            rest=p["i_rest"],
            reset=-45.0,
            thresh=p["i_thresh"],
            refrac=p["i_refrac"],
            tc_decay=p["i_tc_decay"],
            tc_trace=20.0,
        ),
        "Ai",
    )
    network.add_connection(
        Connection(
            source=network.layers["X"],
            target=network.layers["Ae"],
            w=torch.rand(inputs, n),
            update_rule=PostPre,
            nu=(p["nu_pre"], p["nu_post"]),
            wmin=0.0,
            wmax=1.0,
            norm=p["norm"],
        ),
        "X",
        "Ae",
    )
    network.add_connection(
        Connection(
            source=network.layers["Ae"],
            target=network.layers["Ai"],
            w=p["strength_exc"] * torch.diag(torch.ones(n)),
            wmin=0,
            wmax=p["strength_exc"],
        ),
        "Ae",
        "Ai",
    )
    network.add_connection(
        Connection(
            source=network.layers["Ai"],
            target=network.layers["Ae"],
            w=-p["strength_inh"] * (torch.ones(n, n) - torch.diag(torch.ones(n))),
            wmin=-p["strength_inh"],
            wmax=0,
        ),
        "Ai",
        "Ae",
    )
    network.add_monitor(Monitor(network.layers["Ae"], ["s"], time=steps), "Ae")
    return network


def run(network, samples, steps):
    spikes = 0
    for sample in samples:
        network.run(inputs={"X": sample}, time=steps)
        spikes += int(network.monitors["Ae"].get("s").sum())
        network.reset_state_variables()
    return spikes


def main():
    request = json.load(sys.stdin)
    steps, inputs = request["steps"], request["inputs"]
    samples = []
    for pairs in request["samples"]:
        sample = torch.zeros(steps, 1, inputs, dtype=torch.uint8)
        for step, pixel in pairs:
            sample[step, 0, pixel] = 1
        samples.append(sample)
    answers = []
    for threads in request["threads"]:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        network = build(request["parameters"], inputs, steps)
        run(network, samples[: request["warmUp"]], steps)
        started = time.perf_counter()
        spikes = run(network, samples[request["warmUp"] :], steps)
        seconds = time.perf_counter() - started
        count = len(samples) - request["warmUp"]
        answers.append({"threads": threads, "milliseconds": 1000 * seconds / count, "spikes": spikes / count})
    json.dump({"bindsnet": bindsnet.__version__ if hasattr(bindsnet, "__version__") else "", "torch": torch.__version__, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
