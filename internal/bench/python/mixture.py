"""gmm: objective and gradient of ADBench's Gaussian mixture, D = 64, K = 25, N = 1000."""
import time

import numpy as np

from registry import item, row, wave

D, K, N = 64, 25, 1000
# The entries of l are the strictly lower triangle by columns.
COLUMN, ROW = np.triu_indices(D, 1)


def inputs():
    """alpha (K), mu (K, D), q (K, D): logarithms of the diagonals, l (K, D(D-1)/2), and the points x (N, D)."""
    parameters = [wave(K, 1, 0.9), wave((K, D), 0.5, 0.71) + 0.5, wave((K, D), 0.3, 0.83), wave((K, D * (D - 1) // 2), 0.1, 0.57)]
    return parameters, wave((N, D), 1, 0.63)


def constant():
    """What does not depend on the parameters: of the likelihood, and of the Wishart prior (gamma = 1, m = 0)."""
    from scipy.special import multigammaln
    n = D + 1
    return -N * D / 2 * np.log(2 * np.pi) - K * (n * D / 2 * np.log(2) + multigammaln(n / 2, D))


def objective_seconds(evaluate):
    times = []
    for _ in range(7):
        start = time.perf_counter()
        evaluate()
        times.append(time.perf_counter() - start)
    return sorted(times)[3]


@row("gmm", "jax")
def _(peer, dtype):
    import jax, jax.numpy as jnp
    parameters, x = inputs()
    c = constant()

    def f(alpha, mu, q, l):
        Q = jnp.zeros((K, D, D)).at[:, ROW, COLUMN].set(l) + jax.vmap(jnp.diag)(jnp.exp(q))
        z = jnp.einsum("kij,nkj->nki", Q, x[:, None] - mu)
        main = jax.nn.logsumexp(alpha + q.sum(1) - 0.5 * (z * z).sum(2), axis=1).sum()
        prior = -0.5 * ((jnp.exp(q) ** 2).sum() + (l * l).sum())
        return c + main - N * jax.nn.logsumexp(alpha) + prior
    arguments = [jnp.asarray(p) for p in parameters]
    value, both = jax.jit(f), jax.jit(jax.value_and_grad(f, (0, 1, 2, 3)))
    y, gradients = both(*arguments)
    value(*arguments)
    return item(lambda: jax.block_until_ready(both(*arguments)), [y] + [(g * g).sum() for g in gradients],
                objective=objective_seconds(lambda: value(*arguments).block_until_ready()))


@row("gmm", "torch")
def _(peer, dtype):
    import torch
    parameters, x = inputs()
    x, c = torch.from_numpy(x), float(constant())

    def f(alpha, mu, q, l):
        Q = torch.zeros(K, D, D, dtype=torch.float64)
        Q[:, ROW, COLUMN] = l
        Q = Q + torch.diag_embed(torch.exp(q))
        z = torch.einsum("kij,nkj->nki", Q, x[:, None] - mu)
        main = torch.logsumexp(alpha + q.sum(1) - 0.5 * (z * z).sum(2), 1).sum()
        prior = -0.5 * (torch.exp(q).square().sum() + (l * l).sum())
        return c + main - N * torch.logsumexp(alpha, 0) + prior
    arguments = [torch.from_numpy(p).requires_grad_() for p in parameters]

    def both():
        y = f(*arguments)
        return y, torch.autograd.grad(y, arguments)

    def value():
        with torch.no_grad():
            f(*arguments)
    y, gradients = both()
    return item(both, [y.item()] + [(g * g).sum() for g in gradients], objective=objective_seconds(value))
