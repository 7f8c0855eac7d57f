"""Exports models with random weights by torch.onnx, with inputs, what PyTorch and onnxruntime compute and the gradients by autograd: python models.py FOLDER THREADS."""
import json
import os
import sys
import time
import warnings

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

folder, threads = sys.argv[1], int(sys.argv[2])
torch.manual_seed(1)
torch.set_num_threads(threads)


class MNIST(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 5, padding=2), nn.Conv2d(8, 16, 5)
        self.fc1, self.fc2 = nn.Linear(400, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        return F.log_softmax(self.fc2(torch.relu(self.fc1(x.flatten(1)))), -1)


class Block(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
        self.conv2, self.bn2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
        self.down = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b)) if stride != 1 or a != b else nn.Identity()

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.down(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        blocks, width = [], 64
        for k, out in enumerate((64, 128, 256, 512)):
            blocks += [Block(width, out, 1 if k == 0 else 2), Block(out, out, 1)]
            width = out
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(512, 1000)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.blocks(x).mean((2, 3)))


class Layer(nn.Module):
    def __init__(self, d, heads, hidden):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.up, self.down = nn.Linear(d, hidden), nn.Linear(hidden, d)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (f(x).reshape(n, t, self.heads, d // self.heads).transpose(1, 2) for f in (self.q, self.k, self.v))
        a = torch.softmax(q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5, -1) @ v
        x = self.norm1(x + self.o(a.transpose(1, 2).reshape(n, t, d)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class BERTTiny(nn.Module):
    def __init__(self, vocabulary=3000, d=128, length=64):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, d), nn.Embedding(length, d)
        self.norm = nn.LayerNorm(d)
        self.layers = nn.Sequential(Layer(d, 2, 512), Layer(d, 2, 512))

    def forward(self, i):
        return self.layers(self.norm(self.words(i) + self.positions.weight[: i.shape[1]]))


def fastest(f):
    best, began = 1e9, time.perf_counter()
    while (start := time.perf_counter()) < began + 0.3:
        f()
        best = min(best, time.perf_counter() - start)
    return best


def save(name, arrays):
    np.savez(os.path.join(folder, name), **{k: v.detach().numpy() if isinstance(v, torch.Tensor) else v for k, v in arrays.items()})


models = {
    "MNIST CNN": (MNIST(), torch.randn(4, 1, 28, 28)),
    "ResNet-18": (ResNet18(), torch.randn(1, 3, 96, 96)),
    "BERT-tiny": (BERTTiny(), torch.randint(0, 3000, (2, 64))),
}
about = []
for k, (name, (model, x)) in enumerate(models.items()):
    model.eval()
    with torch.no_grad():
        for p in model.parameters():  # equal ones would be exported as one
            p.add_(0.01 * torch.randn(p.shape))
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            with torch.no_grad():
                m.running_mean.normal_(0, 0.1)
                m.running_var.uniform_(0.5, 2)
    path = os.path.join(folder, f"{k}.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), path, dynamo=False, input_names=["x"], output_names=["y"], do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE)
    y = model(x)
    weights = torch.randn(y.shape)
    gradients = torch.autograd.grad((y * weights).sum(), list(model.parameters()))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    run = lambda: session.run(None, {"x": x.numpy()})
    save(f"{k}.npz", {"x": x, "weights": weights, "torch": y, "onnxruntime": run()[0]})
    save(f"{k}_gradients.npz", dict(zip((n for n, _ in model.named_parameters()), gradients)))
    with torch.no_grad():
        seconds = {"onnxruntime": fastest(run), "torch": fastest(lambda: model(x))}
    about.append({"name": name, "seconds": seconds})
with open(os.path.join(folder, "models.json"), "w") as f:
    json.dump(about, f)
