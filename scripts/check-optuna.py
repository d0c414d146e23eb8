"""
Checks Optuna storages both ways with Optuna itself and optuna-dashboard. In CI the same is checked without Python by
schema and round trip (test/study/exchange.test.ts).

    python -m venv venv && venv/bin/pip install optuna optuna-dashboard
    npx tacet export mnist-stdp -o optuna.db
    venv/bin/python scripts/check-optuna.py optuna.db demo.db
    npx tacet import demo.db --name demo && npx tacet show demo

Reads the first file as a study that Tacet wrote: trials, constraints, the best trial, a sampler that goes on from them,
and optuna-dashboard's own API. Makes the second: a study of Optuna's, for Tacet to read.
"""
import json
import subprocess
import sys
import time
import urllib.request

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
exported, made = sys.argv[1:3]
storage = f"sqlite:///{exported}"

(summary,) = optuna.get_all_study_summaries(storage)
study = optuna.load_study(study_name=summary.study_name, storage=storage)
states = {}
for trial in study.trials:
    states[trial.state.name] = states.get(trial.state.name, 0) + 1
print(f"{study.study_name}: {len(study.trials)} trials {states}, best trial {study.best_trial.number} with {study.best_value}")
complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
assert all(t.constraints for t in complete), "constraints are there"
print("constraints of the best:", study.best_trial.constraints)

# A sampler goes on from what is there.
distributions = complete[0].distributions
sampler = optuna.samplers.TPESampler(seed=1)
study.sampler = sampler
asked = study.ask(distributions)
print("TPE proposes, from all that is there:", dict(list(asked.params.items())[:3]), "...")
study.tell(asked, state=optuna.trial.TrialState.FAIL)

dashboard = subprocess.Popen(
    [sys.executable, "-c", "from optuna_dashboard._cli import main; main()", storage, "--port", "8392"],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
try:
    for attempt in range(60):
        try:
            studies = json.load(urllib.request.urlopen("http://127.0.0.1:8392/api/studies"))
            break
        except OSError:
            time.sleep(0.5)
    (entry,) = studies["study_summaries"]
    detail = json.load(urllib.request.urlopen(f"http://127.0.0.1:8392/api/studies/{entry['study_id']}?after=0"))
    trials = detail["trials"]
    print(f"optuna-dashboard shows {entry['study_name']} with {len(trials)} trials")
    with_constraints = [t for t in trials if t.get("constraints")]
    print(f"optuna-dashboard has constraints of {len(with_constraints)} trials")
    assert len(trials) == len(study.trials)
finally:
    dashboard.terminate()

demo = optuna.create_study(storage=f"sqlite:///{made}", study_name="demo", direction="minimize")


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    rate = trial.suggest_float("rate", 1e-3, 1, log=True)
    n = trial.suggest_int("n", 1, 9)
    kind = trial.suggest_categorical("kind", ["a", "b", 3])
    trial.set_constraint("x_positive", -x)
    if n == 9:
        raise ValueError("nine")
    if n == 8:
        raise optuna.TrialPruned()
    return (x - 0.5) ** 2 + rate * n + (0 if kind == "a" else 1)


demo.optimize(objective, n_trials=40, catch=(ValueError,))
print(f"demo: best trial {demo.best_trial.number} with {demo.best_value}")
