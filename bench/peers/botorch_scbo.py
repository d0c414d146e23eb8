"""The same problems for BoTorch: its tutorial's SCBO, run side by side with Tacet's by `bench/optimizer.ts`.

    python bench/peers/botorch_scbo.py --problem spring --seed 0 --out results/      # one run
    python bench/peers/botorch_scbo.py --points file.json                            # agreement of the definitions

The algorithm is the tutorial's, written on BoTorch's public classes: scrambled Sobol initial design, a
single-task Gaussian process for the objective and for each constraint (Matern-5/2 with a length scale per
dimension in [0.005, 4], noise in [1e-8, 1e-3], outcomes standardized), one trust region (initial side 0.8,
smallest 2^-7, largest 1.6, success tolerance 10, failure tolerance ceil(max(4/q, d/q))), min(5000,
max(2000, 200 d)) Sobol candidates with a perturbation mask of probability min(1, 20/d), and constrained
Thompson sampling without replacement. Where the tutorial stops (the trust region has collapsed) the run
restarts as the SCBO paper does, with a fresh design and fresh models, until the budget is spent.

Problems are minimised there and here; BoTorch is given the negated objective. The definitions are those of
`bench/problems.ts`; `--points` evaluates given points so that the two can be compared.
"""

import argparse
import json
import math
import pathlib
import time
import warnings

import torch

torch.set_default_dtype(torch.double)

# Name: (evaluations, initial design, batch).
BUDGETS = {
    "ackley10": (200, 10, 4),
    "spring": (90, 10, 4),
    "pressureVessel": (120, 10, 4),
    "weldedBeam": (120, 10, 4),
    "speedReducer": (300, 10, 4),
    "keane30": (900, 100, 50),
    "silence": (120, 10, 4),
}


def clamp(values):
    return [max(-100.0, min(100.0, value)) for value in values]


def ackley10(x, noise):
    d = len(x)
    mean_square = sum(v * v for v in x) / d
    mean_cosine = sum(math.cos(2 * math.pi * v) for v in x) / d
    f = -20 * math.exp(-0.2 * math.sqrt(mean_square)) - math.exp(mean_cosine) + 20 + math.e
    return f, [sum(x), math.sqrt(sum(v * v for v in x)) - 5]


def spring(x, noise):
    d, D, n = x
    f = (n + 2) * D * d * d
    shear = D * d**3 - d**4
    return f, clamp(
        [
            1 - D**3 * n / (71785 * d**4),
            (4 * D * D - d * D) / (12566 * (shear if shear != 0 else 1e-12)) + 1 / (5108 * d * d) - 1,
            1 - 140.45 * d / (D * D * n),
            (D + d) / 1.5 - 1,
        ]
    )


def round_half_up(value):
    return math.floor(value + 0.5)


def pressure_vessel(x, noise):
    shell = round_half_up(x[0] / 0.0625) * 0.0625
    head = round_half_up(x[1] / 0.0625) * 0.0625
    r, length = x[2], x[3]
    f = 0.6224 * shell * r * length + 1.7781 * head * r * r + 3.1661 * shell**2 * length + 19.84 * shell**2 * r
    return f, [
        0.0193 * r - shell,
        0.00954 * r - head,
        1296000 - math.pi * r * r * length - 4 / 3 * math.pi * r**3,
        length - 240,
    ]


def welded_beam(x, noise):
    h, l, t, b = x
    f = 1.10471 * h * h * l + 0.04811 * t * b * (14 + l)
    primary = 6000 / (math.sqrt(2) * h * l)
    moment = 6000 * (14 + 0.5 * l) * math.sqrt(0.25 * (l * l + (h + t) ** 2))
    secondary = moment / (2 * 0.707 * h * l * (l * l / 12 + 0.25 * (h + t) ** 2))
    tau = math.sqrt(
        primary**2 + secondary**2 + l * primary * secondary / math.sqrt(0.25 * (l * l + (h + t) ** 2))
    )
    return f, [
        tau - 13600,
        504000 / (t * t * b) - 30000,
        h - b,
        6000 - 64746.022 * (1 - 0.0282346 * t) * t * b**3,
        2.1952 / (t**3 * b) - 0.25,
    ]


def speed_reducer(x, noise):
    x1, x2, x3, x4, x5, x6, x7 = x
    f = (
        0.7854 * x1 * x2**2 * (3.3333 * x3**2 + 14.9334 * x3 - 43.0934)
        - 1.508 * x1 * (x6**2 + x7**2)
        + 7.4777 * (x6**3 + x7**3)
        + 0.7854 * (x4 * x6**2 + x5 * x7**2)
    )
    return f, [
        27 / (x1 * x2**2 * x3) - 1,
        397.5 / (x1 * x2**2 * x3**2) - 1,
        1.93 * x4**3 / (x2 * x3 * x6**4) - 1,
        1.93 * x5**3 / (x2 * x3 * x7**4) - 1,
        math.sqrt((745 * x4 / (x2 * x3)) ** 2 + 16.9e6) / (0.1 * x6**3) - 1100,
        math.sqrt((745 * x5 / (x2 * x3)) ** 2 + 157.5e6) / (0.1 * x7**3) - 850,
        x2 * x3 - 40,
        5 - x1 / x2,
        x1 / x2 - 12,
        (1.5 * x6 + 1.9) / x4 - 1,
        (1.1 * x7 + 1.9) / x5 - 1,
    ]


def keane30(x, noise):
    weighted = sum((i + 1) * v * v for i, v in enumerate(x))
    cosines = [math.cos(v) for v in x]
    f = -abs((sum(c**4 for c in cosines) - 2 * math.prod(c * c for c in cosines)) / math.sqrt(max(weighted, 1e-12)))
    return f, [0.75 - math.prod(x), sum(x) - 7.5 * len(x)]


SILENCE_CENTRE = [0.3, 0.7, 0.45, 0.6]
SILENCE_BEST = [0.42, 0.62, 0.5, 0.5, 0.25, 0.8, 0.5, 0.4]


def silence(x, noise):
    """A network is alive inside a ball; outside it the accuracy is chance and the constraint jumps."""
    alive = sum((x[i] - SILENCE_CENTRE[i]) ** 2 for i in range(4)) < 0.3**2
    error = sum((v - best) ** 2 for v, best in zip(x, SILENCE_BEST)) / len(x)
    accuracy = 0.95 - 2 * error if alive else 0.1
    return -(accuracy + 0.005 * noise()), [(-0.1 if alive else 0.9) + 0.02 * noise()]


PROBLEMS = {
    "ackley10": (ackley10, [(-5, 10)] * 10),
    "spring": (spring, [(0.05, 2), (0.25, 1.3), (2, 15)]),
    "pressureVessel": (pressure_vessel, [(0, 10), (0, 10), (10, 50), (150, 200)]),
    "weldedBeam": (welded_beam, [(0.125, 10), (0.1, 10), (0.1, 10), (0.1, 10)]),
    "speedReducer": (
        speed_reducer,
        [(2.6, 3.6), (0.7, 0.8), (17, 28), (7.3, 8.3), (7.8, 8.3), (2.9, 3.9), (5, 5.5)],
    ),
    "keane30": (keane30, [(0, 10)] * 30),
    "silence": (silence, [(0, 1)] * 8),
}


class Region:
    """The trust region's side and counters, by the tutorial's rules."""

    def __init__(self, dimension, batch):
        self.length = 0.8
        self.successes = 0
        self.failures = 0
        self.failure_tolerance = math.ceil(max(4 / batch, dimension / batch))
        self.value = -math.inf
        self.constraints = None

    def tell(self, y, c):
        feasible = (c <= 0).all(dim=-1)
        if feasible.any():
            best = torch.where(feasible, y, -torch.inf).argmax()
        else:
            best = c.clamp(min=0).sum(dim=-1).argmin()
        value, constraints = y[best].item(), c[best]
        if self.constraints is None:
            success = True
        elif feasible.any():
            violated = bool((self.constraints > 0).any())
            success = violated or value > self.value + 1e-3 * abs(self.value)
        else:
            success = constraints.clamp(min=0).sum() < self.constraints.clamp(min=0).sum()
        if success:
            self.value, self.constraints = value, constraints
            self.successes, self.failures = self.successes + 1, 0
        else:
            self.successes, self.failures = 0, self.failures + 1
        if self.successes == 10:
            self.length, self.successes = min(2 * self.length, 1.6), 0
        elif self.failures == self.failure_tolerance:
            self.length, self.failures = self.length / 2, 0
        return self.length < 0.5**7


def fit(x, y, train=True):
    from botorch.exceptions import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms.outcome import Standardize
    from gpytorch.constraints import Interval
    from gpytorch.kernels import MaternKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood

    kernel = ScaleKernel(
        MaternKernel(nu=2.5, ard_num_dims=x.shape[-1], lengthscale_constraint=Interval(0.005, 4.0))
    )
    model = SingleTaskGP(
        x,
        y,
        covar_module=kernel,
        likelihood=GaussianLikelihood(noise_constraint=Interval(1e-8, 1e-3)),
        outcome_transform=Standardize(m=1),
    )
    if not train:
        return model.eval()
    try:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    except ModelFittingError:
        # The tutorial would end here; the run goes on with the starting hyperparameters of a fresh model.
        return fit(x, y, train=False)
    return model


def run(problem, seed):
    import gpytorch
    from botorch.generation.sampling import ConstrainedMaxPosteriorSampling
    from botorch.models.model_list_gp_regression import ModelListGP
    from torch.quasirandom import SobolEngine

    function, bounds = PROBLEMS[problem]
    budget, initial, batch = BUDGETS[problem]
    dimension = len(bounds)
    low = torch.tensor([b[0] for b in bounds], dtype=torch.double)
    high = torch.tensor([b[1] for b in bounds], dtype=torch.double)
    torch.manual_seed(seed)
    noise_source = torch.Generator().manual_seed(seed + 10_000)
    trace = []

    def noise():
        return torch.randn(1, generator=noise_source).item()

    def evaluate(points):
        ys, cs = [], []
        for point in points:
            f, c = function((low + (high - low) * point).tolist(), noise)
            trace.append({"f": f, "feasible": all(v <= 0 for v in c)})
            ys.append(-f)
            cs.append(c)
        return torch.tensor(ys), torch.tensor(cs)

    started = time.time()
    asking = []
    restarts = 0
    x = None
    while len(trace) < budget:
        if x is None:
            sobol = SobolEngine(dimension, scramble=True, seed=seed + 1000 * restarts)
            x = sobol.draw(min(initial, budget - len(trace))).to(torch.double)
            y, c = evaluate(x)
            region = Region(dimension, batch)
            if budget <= len(trace):
                break
        began = time.time()
        with gpytorch.settings.max_cholesky_size(float("inf")), torch.no_grad():
            with torch.enable_grad():
                model = fit(x, y.unsqueeze(-1))
                constraint_model = ModelListGP(*[fit(x, c[:, j : j + 1]) for j in range(c.shape[1])])
            feasible = (c <= 0).all(dim=-1)
            if feasible.any():
                centre = x[torch.where(feasible, y, -torch.inf).argmax()]
            else:
                centre = x[c.clamp(min=0).sum(dim=-1).argmin()]
            lower = (centre - region.length / 2).clamp(0, 1)
            upper = (centre + region.length / 2).clamp(0, 1)
            count = min(5000, max(2000, 200 * dimension))
            sobol = SobolEngine(dimension, scramble=True, seed=seed + 7919 * len(trace))
            perturbed = lower + (upper - lower) * sobol.draw(count).to(torch.double)
            mask = torch.rand(count, dimension) <= min(20 / dimension, 1.0)
            empty = torch.where(~mask.any(dim=1))[0]
            mask[empty, torch.randint(0, dimension, (len(empty),))] = True
            candidates = torch.where(mask, perturbed, centre.expand(count, dimension))
            sampling = ConstrainedMaxPosteriorSampling(
                model=model, constraint_model=constraint_model, replacement=False
            )
            fresh = sampling(candidates, num_samples=min(batch, budget - len(trace)))
        asking.append(time.time() - began)
        fresh_y, fresh_c = evaluate(fresh)
        x, y, c = torch.cat([x, fresh]), torch.cat([y, fresh_y]), torch.cat([c, fresh_c])
        if region.tell(fresh_y, fresh_c):
            restarts += 1
            x = None
    return {
        "system": "botorch",
        "problem": problem,
        "seed": seed,
        "batch": batch,
        "initial": initial,
        "restarts": restarts,
        "seconds": time.time() - started,
        "askSeconds": sorted(asking)[len(asking) // 2] if asking else 0,
        "trace": trace,
    }


def versions():
    import botorch
    import gpytorch

    return {"torch": torch.__version__, "botorch": botorch.__version__, "gpytorch": gpytorch.__version__}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", action="append", choices=sorted(PROBLEMS))
    parser.add_argument("--seed", action="append", type=int)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--points", type=pathlib.Path, help="evaluate {problem: [[x, ...], ...]} and print the values")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    if options.points:
        points = json.loads(options.points.read_text())
        values = {}
        for name, rows in points.items():
            results = [PROBLEMS[name][0](row, lambda: 0.0) for row in rows]
            values[name] = [{"f": f, "c": c} for f, c in results]
        print(json.dumps(values))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seed or range(10):
        for problem in options.problem or PROBLEMS:
            target = options.out / f"botorch-{problem}-{seed}.json"
            if target.exists():
                continue
            result = run(problem, seed) | {"versions": versions()}
            target.write_text(json.dumps(result))
            feasible = [point["f"] for point in result["trace"] if point["feasible"]]
            print(problem, seed, min(feasible, default=None), round(result["seconds"], 1), "s", flush=True)


if __name__ == "__main__":
    main()
