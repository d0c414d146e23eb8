"""A run of one of Optuna's samplers on a constrained problem that whoever starts this evaluates.

The first line on stdin is the request as JSON: bounds, sampler, seed, initial design, evaluations. Then each line on stdout
is a point, and the next line on stdin its value (minimised) and constraints (at most 0), so that both sides search the
very same problem.
"""

import json
import sys
import warnings

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def constraints(trial):
    return trial.user_attrs["constraints"]


def sampler_of(request):
    settings = {"seed": request["seed"], "n_startup_trials": request["initial"], "constraints_func": constraints}
    return {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}[request["sampler"]](**settings)


def main():
    request = json.loads(sys.stdin.readline())
    study = optuna.create_study(direction="minimize", sampler=sampler_of(request))
    for _ in range(request["evaluations"]):
        trial = study.ask()
        point = [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(request["bounds"])]
        print(json.dumps(point), flush=True)
        answer = json.loads(sys.stdin.readline())
        trial.set_user_attr("constraints", answer["constraints"])
        study.tell(trial, answer["f"])


main()
