"""Writes layers.txt: values and gradients of PyTorch's layers (torch 2.15.0, float64), to which those of this package are compared.

    python layers.py > layers.txt

Element i of parameter or input number k of a case is 0.4·sin(0.7·i + k + 0.1), of integer inputs (7·i + 3) mod the number behind the dtype. The gradients are those of the sum over all outputs j
and their elements i of output·sin(0.3·i + j + 0.2).
"""
import math
import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)


def wave(k, shape):
    n = math.prod(shape)
    return (0.4 * torch.sin(0.7 * torch.arange(n, dtype=torch.float64) + k + 0.1)).reshape(shape)


def case(name, inputs, parameters, f):
    """inputs and parameters are lists of (name, shape), of integers (name, shape, n); f takes them all."""
    print("case", name)
    values = []
    for k, (kind, what) in enumerate([("input", v) for v in inputs] + [("parameter", v) for v in parameters]):
        n, shape = what[0], what[1]
        if len(what) == 3:
            print(kind, n, "int64", what[2], *shape)
            values.append(((7 * torch.arange(math.prod(shape)) + 3) % what[2]).reshape(shape))
        else:
            print(kind, n, "float", 0, *shape)
            values.append(wave(k, shape).requires_grad_())
    out = f(*values)
    out = out if isinstance(out, (tuple, list)) else [out]
    cost = sum((y * torch.sin(0.3 * torch.arange(y.numel()) + j + 0.2).reshape(y.shape)).sum() for j, y in enumerate(out))
    floats = [v for v in values if v.is_floating_point()]
    grads = dict(zip(map(id, floats), torch.autograd.grad(cost, floats, allow_unused=True)))
    show = lambda v: " ".join(repr(x) for x in v.detach().reshape(-1).tolist())
    for y in out:
        print("output", show(y))
    for v, what in zip(values, list(inputs) + list(parameters)):
        if id(v) in grads:
            g = grads[id(v)]
            print("gradient", what[0], show(torch.zeros_like(v) if g is None else g))


def layer(module, names):
    """f of a module whose parameters are the last arguments."""
    def f(*values):
        x, p = values[:len(values) - len(names)], values[len(values) - len(names):]
        return torch.func.functional_call(module, dict(zip(names, p)), x)
    return f


case("linear", [("x", (2, 3, 4))], [("weight", (5, 4)), ("bias", (5,))], F.linear)
case("linear_plain", [("x", (3, 4))], [("weight", (2, 4))], F.linear)
case("conv1", [("x", (2, 4, 9))], [("weight", (6, 2, 3)), ("bias", (6,))], lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2, groups=2))
case("conv2", [("x", (2, 2, 5, 6))], [("weight", (3, 2, 3, 2)), ("bias", (3,))], lambda x, w, b: F.conv2d(x, w, b, padding=(1, 0)))
case("conv3", [("x", (1, 2, 3, 4, 3))], [("weight", (2, 2, 2, 2, 2)), ("bias", (2,))], F.conv3d)
case("conv_transpose2", [("x", (2, 4, 3, 2))], [("weight", (4, 3, 3, 2)), ("bias", (6,))],
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=(1, 0), groups=2))
case("conv_transpose1", [("x", (2, 3, 4))], [("weight", (3, 2, 3)), ("bias", (2,))], F.conv_transpose1d)
case("embedding", [("x", (2, 3), 5)], [("weight", (5, 3))], F.embedding)
case("global_avg_pool", [("x", (2, 3, 4, 2))], [], lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0])
case("global_max_pool", [("x", (2, 3, 4, 2))], [], lambda x: F.adaptive_max_pool2d(x, 1)[:, :, 0, 0])

for name, cls, gates in (("rnn", nn.RNN, 1), ("gru", nn.GRU, 3), ("lstm", nn.LSTM, 4)):
    def names(layers, directions, inputs, hidden, bias=True):
        out = []
        for k in range(layers):
            for d in ["", "_reverse"][:directions]:
                i = inputs if k == 0 else hidden * directions
                out += [(f"weight_ih_l{k}{d}", (gates * hidden, i)), (f"weight_hh_l{k}{d}", (gates * hidden, hidden))]
                if bias:
                    out += [(f"bias_ih_l{k}{d}", (gates * hidden,)), (f"bias_hh_l{k}{d}", (gates * hidden,))]
        return out

    def run(module, p, states):
        f = layer(module, [n for n, _ in p])

        def flat(x, *rest):
            h = rest[:states]
            given = ((h[0] if states == 1 else tuple(h)),) if states else ()
            out = torch.func.functional_call(module, dict(zip([n for n, _ in p], rest[states:])), (x,) + given)
            y, last = out
            return (y,) + (last if isinstance(last, tuple) else (last,))
        return flat
    p = names(1, 1, 3, 2)
    case(name, [("x", (4, 2, 3))], p, run(cls(3, 2), p, 0))
    p = names(1, 1, 3, 2, bias=False)
    case(name + "_plain", [("x", (4, 2, 3))], p, run(cls(3, 2, bias=False), p, 0))
    p = names(2, 2, 3, 2)
    states = [("h", (4, 2, 2)), ("c", (4, 2, 2))][:2 if name == "lstm" else 1]
    case(name + "_deep", [("x", (4, 2, 3))] + states, p, run(cls(3, 2, num_layers=2, bidirectional=True), p, len(states)))
p = [("weight_ih_l0", (2, 3)), ("weight_hh_l0", (2, 2)), ("bias_ih_l0", (2,)), ("bias_hh_l0", (2,))]
case("rnn_relu", [("x", (4, 2, 3))], p, lambda x, *p: torch.func.functional_call(nn.RNN(3, 2, nonlinearity="relu"), dict(zip([n for n in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")], p)), (x,)))

P = [("in_proj_weight", (12, 4)), ("in_proj_bias", (12,)), ("out_proj/weight", (4, 4)), ("out_proj/bias", (4,))]


def attention(q, k, v, p, bias=True, **kw):
    m = nn.MultiheadAttention(4, 2, batch_first=True, bias=bias)
    return torch.func.functional_call(m, dict(zip([n.replace("/", ".") for n, _ in P if bias or "bias" not in n], p)), (q, k, v), dict(need_weights=False, **kw))[0]


case("attention", [("x", (2, 3, 4))], P, lambda x, *p: attention(x, x, x, p))
case("attention_causal", [("x", (2, 3, 4))], P, lambda x, *p: attention(x, x, x, p, attn_mask=torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)))
case("attention_cross", [("x", (2, 3, 4)), ("k", (2, 5, 4)), ("v", (2, 5, 4))], P, lambda x, k, v, *p: attention(x, k, v, p))
case("attention_plain", [("x", (2, 3, 4))], [P[0], P[2]], lambda x, *p: attention(x, x, x, p, bias=False))

case("layer_norm", [("x", (2, 3, 4))], [("weight", (3, 4)), ("bias", (3, 4))], lambda x, w, b: F.layer_norm(x, (3, 4), w, b))
case("rms_norm", [("x", (2, 3, 4))], [("weight", (4,))], lambda x, w: F.rms_norm(x, (4,), w, eps=1e-5))


def batch_norm(x, w, b, mean, var):
    m, v = mean.detach().clone(), (var.detach() + 1)
    return F.batch_norm(x, m, v, w, b, training=True), m, v


case("batch_norm_training", [("x", (3, 2, 4))], [("weight", (2,)), ("bias", (2,)), ("running_mean", (2,)), ("running_var", (2,))], batch_norm)
case("batch_norm", [("x", (3, 2, 4))], [("weight", (2,)), ("bias", (2,)), ("running_mean", (2,)), ("running_var", (2,))],
     lambda x, w, b, m, v: F.batch_norm(x, m.detach(), v.detach() + 1, w, b))
case("group_norm", [("x", (2, 4, 3))], [("weight", (4,)), ("bias", (4,))], lambda x, w, b: F.group_norm(x, 2, w, b))
case("instance_norm", [("x", (2, 3, 4, 2))], [], lambda x: F.instance_norm(x))

case("classification", [("x", (4, 3)), ("y", (4,), 3)], [], lambda x, y: F.cross_entropy(x, y))
case("classification_smooth", [("x", (4, 3)), ("y", (4,), 3)], [], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1))
case("l1", [("x", (4, 3)), ("y", (4, 3))], [], lambda x, y: F.l1_loss(x, y))
case("kl_divergence", [("x", (4, 3)), ("y", (4, 3))], [], lambda x, y: F.kl_div(F.log_softmax(x, 1), F.softmax(y, 1), reduction="batchmean"))
case("gaussian_kl", [("x", (4, 3)), ("y", (4, 3))], [],
     lambda m, l: torch.distributions.kl_divergence(torch.distributions.Normal(m, torch.exp(l / 2)), torch.distributions.Normal(0., 1.)).sum(1).mean())
case("gaussian_nll", [("x", (4, 3)), ("m", (4, 3)), ("v", (4, 3))], [], lambda x, m, v: F.gaussian_nll_loss(m, x, v + 1, full=True))
case("hinge", [("x", (4, 3)), ("y", (4, 3))], [], lambda x, y: torch.clamp(1 - x * torch.sign(y), min=0).mean())
case("cosine", [("x", (4, 3)), ("y", (4, 3))], [], lambda x, y: F.cosine_similarity(x, y, 1, 1e-8))
case("triplet", [("x", (4, 3)), ("y", (4, 3)), ("z", (4, 3))], [], lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=0.7, eps=0))


def rotary(x):
    n, d = x.shape[-2:]
    z = torch.complex(x[..., : d // 2], x[..., d // 2:])
    turn = torch.exp(1j * torch.arange(3, 3 + n)[:, None] * 100. ** (-torch.arange(d // 2) * 2 / d))
    z = z * turn
    return torch.cat([z.real, z.imag], -1)


case("rotary", [("x", (2, 3, 4))], [], rotary)
