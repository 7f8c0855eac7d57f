"""Models in float32: loss, gradients and a step of gradient descent with rate 0.01. The checksum is the loss of steps 1, 2 and 3."""
import numpy as np

from registry import F32, item, row, wave

RATE = 0.01
LABELS = np.arange(64) % 10


def w(shape, scale, freq):
    return wave(shape, scale, freq, dtype=F32)


def zeros(n):
    return np.zeros(n, F32)


def ones(n):
    return np.ones(n, F32)


# mlp: 784-128-10, relu, mean cross entropy, batch 64.
MLP = [w((784, 128), 0.05, 0.31), zeros(128), w((128, 10), 0.1, 0.53), zeros(10)]
MLP_INPUT = w((64, 784), 1, 0.17)


def mlp_torch():
    import torch
    import torch.nn.functional as F
    x, labels = torch.from_numpy(MLP_INPUT), torch.from_numpy(LABELS)
    return lambda w1, b1, w2, b2: F.cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)


def cross_entropy_jax(logits):
    import jax, jax.numpy as jnp
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.asarray(LABELS)[:, None], 1))


def mlp_jax():
    import jax, jax.numpy as jnp
    x = jnp.asarray(MLP_INPUT)
    return lambda w1, b1, w2, b2: cross_entropy_jax(jax.nn.relu(x @ w1 + b1) @ w2 + b2)


# lenet: 1x28x28, batch 64: 5x5 to 6 channels with padding 2, tanh, average pooling by 2,
# 5x5 to 16 channels, tanh, average pooling by 2, then 400-120-84-10 with tanh.
LENET = [w((6, 1, 5, 5), 0.2, 0.31), zeros(6), w((16, 6, 5, 5), 0.1, 0.37), zeros(16),
         w((400, 120), 0.06, 0.41), zeros(120), w((120, 84), 0.1, 0.43), zeros(84), w((84, 10), 0.1, 0.47), zeros(10)]
LENET_INPUT = w((64, 1, 28, 28), 1, 0.13)


def lenet_torch():
    import torch
    import torch.nn.functional as F
    x, labels = torch.from_numpy(LENET_INPUT), torch.from_numpy(LABELS)

    def loss(k1, c1, k2, c2, w1, b1, w2, b2, w3, b3):
        h = F.avg_pool2d(torch.tanh(F.conv2d(x, k1, c1, padding=2)), 2)
        h = F.avg_pool2d(torch.tanh(F.conv2d(h, k2, c2)), 2).reshape(64, 400)
        h = torch.tanh(torch.tanh(h @ w1 + b1) @ w2 + b2)
        return F.cross_entropy(h @ w3 + b3, labels)
    return loss


def lenet_jax():
    import jax, jax.numpy as jnp
    x = jnp.asarray(LENET_INPUT)

    def layer(x, k, c, pad):
        y = jax.lax.conv_general_dilated(x, k, (1, 1), [(pad, pad)] * 2, dimension_numbers=("NCHW", "OIHW", "NCHW"))
        y = jnp.tanh(y + c[:, None, None])
        return jax.lax.reduce_window(y, 0.0, jax.lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4

    def loss(k1, c1, k2, c2, w1, b1, w2, b2, w3, b3):
        h = layer(layer(x, k1, c1, 2), k2, c2, 0).reshape(64, 400)
        h = jnp.tanh(jnp.tanh(h @ w1 + b1) @ w2 + b2)
        return cross_entropy_jax(h @ w3 + b3)
    return loss


# transformer: 4 blocks that normalise first, batch 4, 128 tokens, width 256, 4 heads, inner width 1024
# (gelu by tanh), causal; loss = mean of the squared outputs.
BATCH, TOKENS, WIDTH, HEADS, INNER, BLOCKS = 4, 128, 256, 4, 1024, 4
HEAD = WIDTH // HEADS
TRANSFORMER_INPUT = w((BATCH, TOKENS, WIDTH), 1, 0.19)
TRANSFORMER = []
for i in range(BLOCKS):
    TRANSFORMER += [ones(WIDTH), zeros(WIDTH), w((WIDTH, 3 * WIDTH), 0.05, 0.31 + 0.01 * i), w((WIDTH, WIDTH), 0.05, 0.33 + 0.01 * i),
                    ones(WIDTH), zeros(WIDTH), w((WIDTH, INNER), 0.05, 0.35 + 0.01 * i), zeros(INNER),
                    w((INNER, WIDTH), 0.03, 0.37 + 0.01 * i), zeros(WIDTH)]


def transformer_torch():
    import torch
    import torch.nn.functional as F
    start = torch.from_numpy(TRANSFORMER_INPUT)

    def loss(*parameters):
        x = start
        for i in range(BLOCKS):
            g1, b1, wqkv, wo, g2, b2, w1, c1, w2, c2 = parameters[10 * i:10 * i + 10]
            h = F.layer_norm(x, (WIDTH,), g1, b1)
            q, k, v = (h @ wqkv).reshape(BATCH, TOKENS, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + a.transpose(1, 2).reshape(BATCH, TOKENS, WIDTH) @ wo
            h = F.layer_norm(x, (WIDTH,), g2, b2)
            x = x + F.gelu(h @ w1 + c1, approximate="tanh") @ w2 + c2
        return (x * x).mean()
    return loss


def transformer_jax():
    import jax, jax.numpy as jnp
    start = jnp.asarray(TRANSFORMER_INPUT)
    mask = jnp.tril(jnp.ones((TOKENS, TOKENS), bool))

    def norm(x, g, b):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / jnp.sqrt(variance + 1e-5) * g + b

    def loss(*parameters):
        x = start
        for i in range(BLOCKS):
            g1, b1, wqkv, wo, g2, b2, w1, c1, w2, c2 = parameters[10 * i:10 * i + 10]
            q, k, v = (norm(x, g1, b1) @ wqkv).reshape(BATCH, TOKENS, 3, HEADS, HEAD).transpose(2, 0, 3, 1, 4)
            scores = jnp.where(mask, q @ k.swapaxes(-1, -2) / np.sqrt(HEAD).astype(F32), -jnp.inf)
            a = jax.nn.softmax(scores, -1) @ v
            x = x + a.swapaxes(1, 2).reshape(BATCH, TOKENS, WIDTH) @ wo
            x = x + jax.nn.gelu(norm(x, g2, b2) @ w1 + c1) @ w2 + c2
        return (x * x).mean()
    return loss


def train_torch(parameters, loss, compiled):
    import torch
    parameters = [torch.from_numpy(p.copy()).requires_grad_() for p in parameters]
    if compiled:
        loss = torch.compile(loss)

    def step():
        value = loss(*parameters)
        gradients = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            for p, g in zip(parameters, gradients):
                p.sub_(g, alpha=RATE)
        return value
    return item(step, [step().item() for _ in range(3)])


def train_jax(parameters, loss):
    import functools
    import jax, jax.numpy as jnp

    @functools.partial(jax.jit, donate_argnums=0)
    def step(parameters):
        value, gradients = jax.value_and_grad(lambda p: loss(*p))(parameters)
        return value, [p - RATE * g for p, g in zip(parameters, gradients)]
    state = [[jnp.asarray(p) for p in parameters]]

    def once():
        value, state[0] = step(state[0])
        return value.block_until_ready()
    return item(once, [once() for _ in range(3)])


MODELS = {"mlp": (MLP, mlp_torch, mlp_jax), "lenet": (LENET, lenet_torch, lenet_jax),
          "transformer": (TRANSFORMER, transformer_torch, transformer_jax)}


def train(work, peer):
    parameters, in_torch, in_jax = MODELS[work]
    if peer == "jax":
        return train_jax(parameters, in_jax())
    return train_torch(parameters, in_torch(), peer == "torch.compile")


# lstm, gru: 1000 steps, batch 32, 64 inputs, 128 units, gates and weights as PyTorch has them; mean of the squared outputs, and the norms of its gradients for the input's and the state's weights and biases.
def recurrent_inputs(gates):
    r, h = np.arange(gates * 128)[:, None], np.arange(128)
    x = np.sin(0.01 * np.arange(1000)[:, None, None] + 0.3 * np.arange(32)[None, :, None] + 0.05 * np.arange(64))
    return [v.astype(F32) for v in (0.08 * np.sin(1 + 1.3 * r + 0.7 * np.arange(64)), 0.08 * np.cos(0.5 + 0.9 * r + 1.1 * h), 0.1 * np.sin(r[:, 0]), 0.1 * np.cos(r[:, 0]), x)]


def recurrent_check(value, gradients):
    return [value] + [np.linalg.norm(np.asarray(g, np.float64)) for g in gradients]


def recurrent_torch(work):
    import torch
    *weights, x = (torch.from_numpy(v) for v in recurrent_inputs(4 if work == "lstm" else 3))
    module = (torch.nn.LSTM if work == "lstm" else torch.nn.GRU)(64, 128)
    parameters = [module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0, module.bias_hh_l0]
    with torch.no_grad():
        for p, v in zip(parameters, weights):
            p.copy_(v)

    def evaluate():
        value = module(x)[0].square().mean()
        return value.detach(), torch.autograd.grad(value, parameters)
    return item(evaluate, recurrent_check(*evaluate()))


def recurrent_jax(work):
    import jax, jax.numpy as jnp
    *weights, x = (jnp.asarray(v) for v in recurrent_inputs(4 if work == "lstm" else 3))
    sigmoid, tanh = jax.nn.sigmoid, jnp.tanh

    def loss(weights):
        wx, wh, bx, bh = weights

        def step(carry, gx):
            h, c = carry
            gh = h @ wh.T + bh
            if work == "lstm":
                i, f, g, o = jnp.split(gx + gh, 4, -1)
                c = sigmoid(f) * c + sigmoid(i) * tanh(g)
                h = sigmoid(o) * tanh(c)
            else:
                (xr, xz, xn), (hr, hz, hn) = jnp.split(gx, 3, -1), jnp.split(gh, 3, -1)
                z, n = sigmoid(xz + hz), tanh(xn + sigmoid(xr + hr) * hn)
                h = (1 - z) * n + z * h
            return (h, c), h
        zero = jnp.zeros((32, 128), x.dtype)
        return (jax.lax.scan(step, (zero, zero), x @ wx.T + bx)[1] ** 2).mean()
    f = jax.jit(jax.value_and_grad(loss))
    return item(lambda: jax.block_until_ready(f(weights)), recurrent_check(*f(weights)))


for W in ("lstm", "gru"):
    row(W, "torch", dtypes=(F32,))(lambda peer, dtype, w=W: recurrent_torch(w))
    row(W, "jax", dtypes=(F32,))(lambda peer, dtype, w=W: recurrent_jax(w))


# small: 2-64-64-2, tanh, mean cross entropy, batch 64, a step of Adam with rate 0.001. The checksum is the loss of steps 1, 2 and 3.
SMALL = [w((64, 2), 0.5, 0.31), zeros(64), w((64, 64), 0.1, 0.37), zeros(64), w((2, 64), 0.1, 0.41), zeros(2)]
SMALL_INPUT, SMALL_LABELS = w((64, 2), 1, 0.17), np.arange(64) % 2


def small_torch(compiled):
    import torch
    import torch.nn.functional as F
    x, labels = torch.from_numpy(SMALL_INPUT), torch.from_numpy(SMALL_LABELS)
    parameters = [torch.from_numpy(p.copy()).requires_grad_() for p in SMALL]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def loss(w1, b1, w2, b2, w3, b3):
        return F.cross_entropy(F.linear(torch.tanh(F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2)), w3, b3), labels)
    if compiled:
        loss = torch.compile(loss)

    def step():
        optimizer.zero_grad()
        value = loss(*parameters)
        value.backward()
        optimizer.step()
        return value
    return item(step, [step().item() for _ in range(3)])


def small_jax():
    import functools
    import jax, jax.numpy as jnp
    x, labels = jnp.asarray(SMALL_INPUT), jnp.asarray(SMALL_LABELS)

    def loss(p):
        w1, b1, w2, b2, w3, b3 = p
        logits = jnp.tanh(jnp.tanh(x @ w1.T + b1) @ w2.T + b2) @ w3.T + b3
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state):
        p, m, v, t = state
        value, g = jax.value_and_grad(loss)(p)
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
        rate, root = 1e-3 / (1 - 0.9 ** t), jnp.sqrt(1 - 0.999 ** t)
        p = [a - rate * b / (jnp.sqrt(c) / root + 1e-8) for a, b, c in zip(p, m, v)]
        return value, (p, m, v, t)
    p = [jnp.asarray(v) for v in SMALL]
    state = [(p, [jnp.zeros_like(v) for v in p], [jnp.zeros_like(v) for v in p], jnp.float32(0))]

    def once():
        value, state[0] = step(state[0])
        return value.block_until_ready()
    return item(once, [once() for _ in range(3)])


row("small", "torch", "torch.compile", dtypes=(F32,))(lambda peer, dtype: small_torch(peer == "torch.compile"))
row("small", "jax", dtypes=(F32,))(lambda peer, dtype: small_jax())

for M in MODELS:
    row(M, "torch", "torch.compile", "jax", dtypes=(F32,))(lambda peer, dtype, m=M: train(m, peer))
