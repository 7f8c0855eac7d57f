# Values of internal/testkit/inputs_test.go, by NumPy 2 and PyTorch 2: go test ./internal/testkit -run TestInputsThatUsersBring -inputs FILE; python inputs.py FILE > inputs.txt
import json, math, sys, warnings; warnings.simplefilter("ignore")
import numpy as np, torch, torch.nn.functional as F
torch.set_default_dtype(torch.float64)
dtypes = {"float64": torch.float64, "int64": torch.int64, "bool": torch.bool}
def tensor(v):
    return torch.tensor([float(a) if isinstance(a, str) else a for a in v["data"]], dtype=torch.float64 if v["dtype"] == "float64" else torch.int64).reshape(v["shape"]).to(dtypes[v["dtype"]])
text = lambda v: " ".join(repr(a) for a in v.detach().reshape(-1).to(torch.float64 if v.dtype.is_floating_point else torch.int64).tolist())
for c in json.load(open(sys.argv[1])):
    xs = [tensor(v) for v in c["in"]]
    xs = [x.requires_grad_() if x.dtype == torch.float64 else x for x in xs]
    names = dict(F=F, torch=torch, np=np, X=xs, N=[x.detach().numpy() for x in xs], **dict(zip("xyz", xs)))
    y = eval(c["python"], names)
    known = torch.is_tensor(y)
    y = y if known else torch.tensor(np.asarray(y))
    kind = "b" if y.dtype == torch.bool else "f" if y.dtype.is_floating_point else "i"
    line = [c["name"], kind, " ".join(map(str, y.shape)), text(y)]
    if known and y.requires_grad:
        w = torch.tensor([math.cos(0.7 * i) for i in range(y.numel())]).reshape(y.shape)
        wrt = [x for x in xs if x.requires_grad]
        ds = torch.autograd.grad((y * w).sum(), wrt, allow_unused=True)
        line += ["-" if d is None else text(d) for d in ds]
    print("|".join(line))
