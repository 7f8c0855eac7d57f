"""Writes accumulate.txt: PyTorch (torch 2.15.0, float64) trains a layer with batch normalisation on batches of four parts whose gradients are accumulated.

    python accumulate.py > accumulate.txt

A line for each of five steps of SGD with momentum: the mean loss, then weight, bias, running mean and running variance of the normalisation, and the weight of the linear layer before it.
"""
import math
import torch

torch.set_default_dtype(torch.float64)
sin = lambda shape, a: torch.tensor([math.sin(a * i + 0.5) for i in range(math.prod(shape))]).reshape(shape)
linear, norm = torch.nn.Linear(5, 3, bias=False), torch.nn.BatchNorm1d(3)
with torch.no_grad():
    linear.weight.copy_(sin((3, 5), 0.7))
parameters = [*linear.parameters(), *norm.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
for step in range(5):
    x, y = sin((12, 5), 1.7 + step), sin((12, 3), 0.9 + step)
    total = 0.0
    optimizer.zero_grad()
    for a, b in zip(x.chunk(4), y.chunk(4)):
        loss = torch.nn.functional.mse_loss(torch.tanh(norm(linear(a))), b) / 4
        loss.backward()
        total += loss.item()
    optimizer.step()
    values = [torch.tensor([total]), norm.weight, norm.bias, norm.running_mean, norm.running_var, linear.weight]
    print(" ".join(repr(v) for t in values for v in t.detach().flatten().tolist()))
