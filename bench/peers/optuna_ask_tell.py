"""Ask and tell of Optuna's samplers on the search space of the recorded experiment: ms a trial.

Reads a request as JSON on stdin, answers as JSON on stdout. The space comes with the request, so that both sides search
the same one.
"""

import json
import math
import sys
import time
import warnings

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def suggest(trial, space):
    values = {}
    for name, parameter in space.items():
        kind = parameter["type"]
        if kind == "categorical":
            values[name] = trial.suggest_categorical(name, parameter["choices"])
        elif kind == "integer":
            values[name] = trial.suggest_int(name, parameter["low"], parameter["high"])
        else:
            log = "log" in parameter.get("scale", "")
            values[name] = trial.suggest_float(name, parameter["low"], parameter["high"], log=log)
    return values


def numbers(values):
    return [abs(v) if isinstance(v, (int, float)) else 1 for v in values.values()]


def objective(values):
    return -((sum(math.log1p(v) for v in numbers(values)) - 50) ** 2)


def constraints(trial):
    a, b = (list(trial.user_attrs["numbers"]) + [0, 0])[:2]
    return [math.log1p(a) - 2, math.log1p(b) - 2]


def sampler_of(name, before):
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=1, constraints_func=constraints, n_startup_trials=before)
    if name == "gp":
        return optuna.samplers.GPSampler(seed=1, constraints_func=constraints, n_startup_trials=before)
    return optuna.samplers.RandomSampler(seed=1)


def main():
    request = json.load(sys.stdin)
    space, before, count = request["space"], request["before"], request["count"]
    study = optuna.create_study(direction="maximize", sampler=sampler_of(request["sampler"], before))

    def run(trials):
        for _ in range(trials):
            trial = study.ask()
            values = suggest(trial, space)
            trial.set_user_attr("numbers", numbers(values))
            study.tell(trial, objective(values))

    run(before)
    began = time.perf_counter()
    run(count)
    milliseconds = 1000 * (time.perf_counter() - began) / count
    print(json.dumps({"optuna": optuna.__version__, "milliseconds": milliseconds}))


main()
