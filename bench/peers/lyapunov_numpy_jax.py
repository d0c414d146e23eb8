"""Lyapunov spectra of a clocked network in NumPy/SciPy and in JAX on the processor: the same work as bench/lyapunov.ts.

Reads a request from standard input, {"system": "numpy-dense" | "numpy-sparse" | "jax-dense" | "jax-sparse", "neurons": n,
"degree": K, "vectors": k, "steps": n, "interval": n, "seed": n}, and writes one line of JSON: seconds, the largest
exponent and the median of all (per step), and the library's version.

A step is X' = keep * X + leak * (W (gain * X)) with new gains at every step. All in single precision. Each system has what
is good for it: NumPy preallocates and uses its BLAS on all threads (the dense product is the faster one from about 3 % of
connections on), its own qr would be in double precision, so SciPy's takes its place (LAPACK's sgeqrf and sorgqr, half of
the time); SciPy's product with a CSR matrix is the best it has, JAX compiles the interval and the factorization as
one function, which reuses the memory of its vectors, and is warmed up first. "unroll" of the request: steps that JAX compiles
one after another. "clock": "wall" (default) or "processor".
"""

import json
import sys
import time
from functools import partial

import numpy as np

request = json.load(sys.stdin)
n, degree, k = request["neurons"], request["degree"], request["vectors"]
steps, interval = request["steps"], request["interval"]
system = request["system"]
# Processor time tells of the work where other programs run too; for one thread.
clock = time.process_time if request.get("clock") == "processor" else time.perf_counter
draws = np.random.default_rng(request["seed"])

sources = np.stack([draws.choice(n, degree, replace=False) for _ in range(n)]).astype(np.int32)
weights = draws.normal(0, 1.5 / np.sqrt(degree), (n, degree)).astype(np.float32)
leak = np.float32(np.exp(-0.05))
gains = draws.random((steps, n), dtype=np.float32)
start = np.linalg.qr(draws.normal(size=(n, k)))[0].astype(np.float32)


def with_numpy(dense):
    import scipy
    from scipy import sparse
    from scipy.linalg import qr

    if dense:
        w = np.zeros((n, n), np.float32)
        np.put_along_axis(w, sources, weights, axis=1)
        w *= leak
    else:
        rows = np.arange(0, n * degree + 1, degree, dtype=np.int32)
        w = sparse.csr_matrix((weights.ravel() * leak, sources.ravel(), rows), shape=(n, n))
    x, product = start.copy(), np.empty_like(start)
    jacobian = np.empty_like(w) if dense else None
    sums = np.zeros(k)
    began = clock()
    for step in range(steps):
        if dense:
            np.multiply(w, gains[step], out=jacobian)
            jacobian.flat[:: n + 1] += leak
            np.matmul(jacobian, x, out=product)
            x, product = product, x
        else:
            np.multiply(x, gains[step][:, None], out=product)
            product = w @ product
            x *= leak
            x += product
        if (step + 1) % interval == 0:
            x, r = qr(x, mode="economic", overwrite_a=True, check_finite=False)
            x = np.ascontiguousarray(x)
            sums += np.log(np.abs(np.diag(r)))
    return clock() - began, sums, f"NumPy {np.__version__}, SciPy {scipy.__version__}"


def with_jax(dense):
    import jax
    import jax.numpy as jnp

    if dense:
        full = np.zeros((n, n), np.float32)
        np.put_along_axis(full, sources, weights, axis=1)
        w = jnp.asarray(full * leak)
        apply = lambda x: w @ x
    else:
        from jax.experimental import sparse as jsparse

        index = np.stack([np.repeat(np.arange(n), degree), sources.ravel()], axis=1)
        w = jsparse.BCOO((jnp.asarray(weights.ravel() * leak), jnp.asarray(index)), shape=(n, n))
        apply = lambda x: w @ x

    def one_step(x, gain):
        return leak * x + apply(gain[:, None] * x), None

    @partial(jax.jit, donate_argnums=0)
    def one_interval(x, some):
        x, _ = jax.lax.scan(one_step, x, some, unroll=request.get("unroll", 1))
        q, r = jnp.linalg.qr(x)
        return q, jnp.log(jnp.abs(jnp.diagonal(r)))

    blocks = jnp.asarray(gains.reshape(steps // interval, interval, n))
    jax.block_until_ready(one_interval(jnp.array(start), blocks[0]))
    x = jnp.array(start)
    sums = np.zeros(k)
    began = clock()
    for block in blocks:
        x, logs = one_interval(x, block)
        sums += np.asarray(logs)
    jax.block_until_ready(x)
    return clock() - began, sums, f"JAX {jax.__version__}"


def roof():
    """Floating point operations a second of NumPy's own product of two matrices of n x n."""
    a = draws.random((1000, 1000), dtype=np.float32)
    b = a.copy()
    np.matmul(a, a, out=b)
    began = clock()
    for _ in range(10):
        np.matmul(a, a, out=b)
    return 10 * 2e9 / (clock() - began)


library, kind = system.split("-")
seconds, sums, version = (with_numpy if library == "numpy" else with_jax)(kind == "dense")
answer = {"system": system, "version": version, "seconds": seconds, "largest": sums.max() / steps, "median": np.median(sums) / steps}
if library == "numpy":
    answer["roof"] = roof()
print(json.dumps(answer))
