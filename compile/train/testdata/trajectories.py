"""Writes trajectories.txt: PyTorch's optimisers (torch 2.15.0, float64) on a quadratic, and its schedules.

    python trajectories.py > trajectories.txt

The quadratic is ½·(p − c)ᵀ·A·(p − c) with A and c below; each line of a case is p behind a step. Lion, which PyTorch does not have, is written out from program 1 of Chen et al. 2023.
"""
import torch

torch.set_default_dtype(torch.float64)
A = torch.tensor([[3., 0.5, -0.2], [0.5, 1., 0.3], [-0.2, 0.3, 0.4]])
C = torch.tensor([0.3, -1.2, 2.])
START = [1.5, -0.7, 0.25]
STEPS = 25
show = lambda v: print(" ".join(repr(x) for x in v.detach().tolist()))


def loss(p):
    return 0.5 * (p - C) @ A @ (p - C)


def case(name, make, before=None, schedule=None, averages=None):
    print("case", name)
    p = torch.tensor(START, requires_grad=True)
    o = make([p])
    s = schedule(o) if schedule else None
    average = averages(p) if averages else None
    for k in range(STEPS):
        o.zero_grad()
        loss(p).backward()
        if before:
            before(p)
        o.step()
        if s:
            s.step()
        show(average(k + 1) if average else p)


O = torch.optim
case("sgd", lambda p: O.SGD(p, lr=0.1))
case("sgd_decay", lambda p: O.SGD(p, lr=0.1, weight_decay=0.05))
case("sgd_momentum", lambda p: O.SGD(p, lr=0.05, momentum=0.9))
case("sgd_dampening", lambda p: O.SGD(p, lr=0.05, momentum=0.9, dampening=0.4, weight_decay=0.01))
case("sgd_nesterov", lambda p: O.SGD(p, lr=0.05, momentum=0.9, nesterov=True))
case("adam", lambda p: O.Adam(p, lr=0.1))
case("adam_options", lambda p: O.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1))
case("adam_amsgrad", lambda p: O.Adam(p, lr=0.3, betas=(0.9, 0.6), amsgrad=True))
case("adamw", lambda p: O.AdamW(p, lr=0.1, weight_decay=0.1))
case("adamw_amsgrad", lambda p: O.AdamW(p, lr=0.3, betas=(0.9, 0.6), weight_decay=0.1, amsgrad=True))
case("rmsprop", lambda p: O.RMSprop(p, lr=0.02))
case("rmsprop_momentum", lambda p: O.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.7, weight_decay=0.1))
case("rmsprop_centered", lambda p: O.RMSprop(p, lr=0.02, centered=True, eps=1e-4))
case("rmsprop_centered_momentum", lambda p: O.RMSprop(p, lr=0.02, centered=True, momentum=0.5))
case("adagrad", lambda p: O.Adagrad(p, lr=0.3))
case("adagrad_options", lambda p: O.Adagrad(p, lr=0.3, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5))


class Lion(O.Optimizer):
    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))
        self.m = torch.zeros(3)

    @torch.no_grad()
    def step(self):
        g = self.param_groups[0]
        p, (b1, b2) = g["params"][0], g["betas"]
        c = b1 * self.m + (1 - b1) * p.grad
        p.mul_(1 - g["lr"] * g["weight_decay"]).sub_(g["lr"] * torch.sign(c))
        self.m = b2 * self.m + (1 - b2) * p.grad


case("lion", lambda p: Lion(p, 0.03))
case("lion_options", lambda p: Lion(p, 0.03, (0.8, 0.9), 0.2))
case("clip_norm", lambda p: O.SGD(p, lr=0.1), lambda p: torch.nn.utils.clip_grad_norm_([p], 0.5))
case("clip_value", lambda p: O.SGD(p, lr=0.1), lambda p: torch.nn.utils.clip_grad_value_([p], 0.3))


def averaging(fn, start=1, every=1):
    def make(p):
        m = torch.nn.ParameterList([p])
        a = torch.optim.swa_utils.AveragedModel(m, multi_avg_fn=fn)

        def average(k):
            if k < start:
                return p
            if (k - start) % every == 0:
                a.update_parameters(m)
            return a.module[0]
        return average
    return make


class EMA:
    def __init__(self, p):
        self.v = p.detach().clone()
        self.p = p
        self.f = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)

    def __call__(self, k):
        self.f([self.v], [self.p.detach()], None)
        return self.v


case("ema", lambda p: O.SGD(p, lr=0.1), averages=EMA)
case("swa", lambda p: O.SGD(p, lr=0.1), averages=averaging(torch.optim.swa_utils.get_swa_multi_avg_fn(), 5, 3))

L = O.lr_scheduler
SCHEDULES = {
    "staircase": lambda o: L.StepLR(o, 4, 0.5),
    "exponential": lambda o: L.ExponentialLR(o, 0.9),
    "linear": lambda o: L.LinearLR(o, 0.2, 1.0, 10),
    "cosine": lambda o: L.CosineAnnealingLR(o, 20, 0.01),
    "warmup": lambda o: L.SequentialLR(o, [L.LinearLR(o, 0.2, 1.0, 4), L.CosineAnnealingLR(o, 15, 0.01)], [5]),
    "one_cycle": lambda o: L.OneCycleLR(o, 0.5, 25),
}
for name, make in SCHEDULES.items():
    # OneCycleLR moves betas or momentum too unless there are none.
    o = O.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    s = L.OneCycleLR(o, 0.5, 25, cycle_momentum=False) if name == "one_cycle" else make(o)
    rates = []
    for k in range(20 if name in ("cosine", "warmup") else 25):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        s.step() if k < 24 else None
    print("schedule", name, *map(repr, rates))
case("scheduled", lambda p: O.Adam(p, lr=0.1), schedule=SCHEDULES["exponential"])
