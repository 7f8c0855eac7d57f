package nn_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/graph/nn"
	"github.com/adjoint-go/adjoint/vm"
)

type (
	node  = graph.Node
	nodes = []*graph.Node
)

// value is an input or parameter of a case.
type value struct {
	name    string
	modulus int // of integers, 0 for floats
	shape   []int
}

type layerCase struct {
	inputs, parameters []value
	outputs            [][]float64
	gradients          map[string][]float64
}

// layerCases reads testdata/layers.txt.
func layerCases(t *testing.T) map[string]*layerCase {
	t.Helper()
	text, err := os.ReadFile("testdata/layers.txt")
	if err != nil {
		t.Fatal(err)
	}
	numbers := func(fields []string) []float64 {
		v := make([]float64, len(fields))
		for i, f := range fields {
			if v[i], err = strconv.ParseFloat(f, 64); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	cases := map[string]*layerCase{}
	var c *layerCase
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch f[0] {
		case "case":
			c = &layerCase{gradients: map[string][]float64{}}
			cases[f[1]] = c
		case "input", "parameter":
			v := value{name: f[1]}
			for i, n := range numbers(f[3:]) {
				if i == 0 {
					v.modulus = int(n)
				} else {
					v.shape = append(v.shape, int(n))
				}
			}
			if f[0] == "input" {
				c.inputs = append(c.inputs, v)
			} else {
				c.parameters = append(c.parameters, v)
			}
		case "output":
			c.outputs = append(c.outputs, numbers(f[1:]))
		case "gradient":
			c.gradients[f[1]] = numbers(f[2:])
		}
	}
	return cases
}

var (
	oneMore = func(x *node) *node { return graph.Add(x, graph.Like(x, 1)) }

	// layers are what the cases of testdata/layers.py are in this package.
	layers = map[string]func(s *nn.Scope, x nodes) nodes{
		"linear":       func(s *nn.Scope, x nodes) nodes { return nodes{nn.Linear(s, x[0], 5)} },
		"linear_plain": func(s *nn.Scope, x nodes) nodes { return nodes{nn.Linear(s, x[0], 2, nn.NoBias())} },
		"conv1": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.Conv(s, x[0], 6, []int{3}, graph.Window{Strides: []int{2}, Padding: []int{1, 1}, Dilation: []int{2}, Groups: 2})}
		},
		"conv2": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.Conv(s, x[0], 3, []int{3, 2}, graph.Window{Padding: []int{1, 1, 0, 0}})}
		},
		"conv3": func(s *nn.Scope, x nodes) nodes { return nodes{nn.Conv(s, x[0], 2, []int{2, 2, 2}, graph.Window{})} },
		"conv_transpose2": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.ConvTranspose(s, x[0], 6, []int{3, 2}, graph.Window{Strides: []int{2, 2}, Padding: []int{1, 1, 1, 1}, Groups: 2}, []int{1, 0})}
		},
		"conv_transpose1": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.ConvTranspose(s, x[0], 2, []int{3}, graph.Window{}, nil)}
		},
		"embedding":       func(s *nn.Scope, x nodes) nodes { return nodes{nn.Embedding(s, x[0], 5, 3)} },
		"global_avg_pool": func(_ *nn.Scope, x nodes) nodes { return nodes{nn.GlobalAvgPool(x[0])} },
		"global_max_pool": func(_ *nn.Scope, x nodes) nodes { return nodes{nn.GlobalMaxPool(x[0])} },
		"rnn":             func(s *nn.Scope, x nodes) nodes { return pair(nn.RNN(s, x[0], 2, nn.RecurrentOptions{})) },
		"rnn_relu":        func(s *nn.Scope, x nodes) nodes { return pair(nn.RNN(s, x[0], 2, nn.RecurrentOptions{Relu: true})) },
		"rnn_plain":       func(s *nn.Scope, x nodes) nodes { return pair(nn.RNN(s, x[0], 2, nn.RecurrentOptions{NoBias: true})) },
		"rnn_deep": func(s *nn.Scope, x nodes) nodes {
			return pair(nn.RNN(s, x[0], 2, nn.RecurrentOptions{Layers: 2, Bidirectional: true, Hidden: x[1]}))
		},
		"gru":       func(s *nn.Scope, x nodes) nodes { return pair(nn.GRU(s, x[0], 2, nn.RecurrentOptions{})) },
		"gru_plain": func(s *nn.Scope, x nodes) nodes { return pair(nn.GRU(s, x[0], 2, nn.RecurrentOptions{NoBias: true})) },
		"gru_deep": func(s *nn.Scope, x nodes) nodes {
			return pair(nn.GRU(s, x[0], 2, nn.RecurrentOptions{Layers: 2, Bidirectional: true, Hidden: x[1]}))
		},
		"lstm": func(s *nn.Scope, x nodes) nodes { return triple(nn.LSTM(s, x[0], 2, nn.RecurrentOptions{})) },
		"lstm_plain": func(s *nn.Scope, x nodes) nodes {
			return triple(nn.LSTM(s, x[0], 2, nn.RecurrentOptions{NoBias: true}))
		},
		"lstm_deep": func(s *nn.Scope, x nodes) nodes {
			return triple(nn.LSTM(s, x[0], 2, nn.RecurrentOptions{Layers: 2, Bidirectional: true, Hidden: x[1], Cell: x[2]}))
		},
		"attention": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.MultiHeadAttention(s, x[0], 2, nn.AttentionOptions{})}
		},
		"attention_causal": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.MultiHeadAttention(s, x[0], 2, nn.AttentionOptions{Causal: true})}
		},
		"attention_cross": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.MultiHeadAttention(s, x[0], 2, nn.AttentionOptions{Keys: x[1], Values: x[2]})}
		},
		"attention_plain": func(s *nn.Scope, x nodes) nodes {
			return nodes{nn.MultiHeadAttention(s, x[0], 2, nn.AttentionOptions{NoBias: true})}
		},
		"layer_norm": func(s *nn.Scope, x nodes) nodes { return nodes{nn.LayerNorm(s, x[0], 2)} },
		"rms_norm":   func(s *nn.Scope, x nodes) nodes { return nodes{nn.RMSNorm(s, x[0], 1)} },
		"batch_norm": func(s *nn.Scope, x nodes) nodes { return nodes{nn.BatchNorm(s, x[0])} },
		"batch_norm_training": func(s *nn.Scope, x nodes) nodes {
			s = s.Training(nil)
			y := nn.BatchNorm(s, x[0])
			// PyTorch's running statistics have no derivative.
			updated := func(name string) *node { return graph.StopGradient(s.Updated(s.State(name, nn.Zeros(), 2))) }
			return nodes{y, updated("running_mean"), updated("running_var")}
		},
		"group_norm":            func(s *nn.Scope, x nodes) nodes { return nodes{nn.GroupNorm(s, x[0], 2)} },
		"instance_norm":         func(s *nn.Scope, x nodes) nodes { return nodes{nn.InstanceNorm(s, x[0])} },
		"classification":        func(_ *nn.Scope, x nodes) nodes { return nodes{nn.Classification(x[0], x[1], 0)} },
		"classification_smooth": func(_ *nn.Scope, x nodes) nodes { return nodes{nn.Classification(x[0], x[1], 0.1)} },
		"l1":                    func(_ *nn.Scope, x nodes) nodes { return nodes{nn.L1(x[0], x[1])} },
		"kl_divergence": func(_ *nn.Scope, x nodes) nodes {
			return nodes{nn.KLDivergence(graph.LogSoftmax(x[0], 1), graph.Softmax(x[1], 1))}
		},
		"gaussian_kl":  func(_ *nn.Scope, x nodes) nodes { return nodes{nn.GaussianKL(x[0], x[1])} },
		"gaussian_nll": func(_ *nn.Scope, x nodes) nodes { return nodes{nn.GaussianNLL(x[0], x[1], oneMore(x[2]))} },
		"hinge":        func(_ *nn.Scope, x nodes) nodes { return nodes{nn.Hinge(x[0], graph.Sign(x[1]))} },
		"cosine":       func(_ *nn.Scope, x nodes) nodes { return nodes{nn.CosineSimilarity(x[0], x[1], 1, 1e-8)} },
		"triplet":      func(_ *nn.Scope, x nodes) nodes { return nodes{nn.TripletMargin(x[0], x[1], x[2], 0.7)} },
		"rotary": func(_ *nn.Scope, x nodes) nodes {
			return nodes{nn.Rotary(x[0], graph.Constant(x[0].Graph(), []int64{3, 4, 5}, 3), 100)}
		},
	}
)

func pair(a, b *node) nodes      { return nodes{a, b} }
func triple(a, b, c *node) nodes { return nodes{a, b, c} }

// set fills an input.
func set(t *testing.T, m *vm.Machine, n *node, f func(i int) float64) {
	t.Helper()
	for i := range n.Shape().Size() {
		switch n.DType() {
		case graph.Float64:
			m.Float64(n.Name())[i] = f(i)
		case graph.Float32:
			m.Float32(n.Name())[i] = float32(f(i))
		case graph.Int64:
			m.Int64(n.Name())[i] = int64(f(i))
		default:
			t.Fatalf("%v is %v", n, n.Type())
		}
	}
}

// get reads an output.
func get(m *vm.Machine, name string, d graph.DType) []float64 {
	if d == graph.Float64 {
		return m.Float64(name)
	}
	var v []float64
	for _, x := range m.Float32(name) {
		v = append(v, float64(x))
	}
	return v
}

// Values and gradients of the layers are PyTorch's, relative to the largest element of each array.
func TestLayersAgainstPyTorch(t *testing.T) {
	cases := layerCases(t)
	for name := range layers {
		if cases[name] == nil {
			t.Errorf("%s has no numbers", name)
		}
	}
	for name, c := range cases {
		for dtype, tolerance := range map[graph.DType]float64{graph.Float64: 1e-12, graph.Float32: 1e-6} {
			t.Run(fmt.Sprint(name, "/", dtype), func(t *testing.T) {
				if layers[name] == nil {
					t.Fatal("there is no such layer")
				}
				g := graph.New()
				s := nn.New(g, dtype)
				var x nodes
				for _, v := range c.inputs {
					d := dtype
					if v.modulus > 0 {
						d = graph.Int64
					}
					x = append(x, g.Input(v.name, d, v.shape...))
				}
				y := layers[name](s, x)
				all := s.All()
				if len(all) != len(c.parameters) {
					t.Fatalf("%d parameters, want %d", len(all), len(c.parameters))
				}
				inputs := x[:len(x):len(x)]
				for i, p := range all {
					if want := c.parameters[i]; p.Node.Name() != want.name || !p.Node.Shape().Equal(want.shape) {
						t.Fatalf("parameter %v %v, want %v", p.Node, p.Node.Type(), want)
					}
					inputs = append(inputs, p.Node)
				}
				cost := graph.Like(y[0], 0)
				var outputs nodes
				var names []string
				for j, v := range y {
					weight := make([]float64, v.Shape().Size())
					for i := range weight {
						weight[i] = math.Sin(0.3*float64(i) + float64(j) + 0.2)
					}
					cost = graph.Add(cost, graph.Sum(graph.Mul(v, graph.Cast(graph.Constant(g, weight, v.Shape()...), dtype))))
					outputs, names = append(outputs, v), append(names, fmt.Sprint("output", j))
				}
				var wrt nodes
				for _, v := range inputs {
					if v.DType().IsFloat() {
						wrt = append(wrt, v)
					}
				}
				gradients, err := compile.Gradient(cost, wrt...)
				if err != nil {
					t.Fatal(err)
				}
				for i, d := range gradients {
					outputs, names = append(outputs, d), append(names, "gradient:"+wrt[i].Name())
				}
				p, err := compile.Config{Names: names}.Compile(outputs...)
				if err != nil {
					t.Fatal(err)
				}
				m := vm.NewMachine(p)
				for k, v := range inputs {
					modulus := 0
					if k < len(c.inputs) {
						modulus = c.inputs[k].modulus
					}
					set(t, m, v, func(i int) float64 {
						if modulus > 0 {
							return float64((7*i + 3) % modulus)
						}
						w := 0.4 * math.Sin(0.7*float64(i)+float64(k)+0.1)
						if v.Name() == "running_var" {
							w++
						}
						return w
					})
				}
				if err := m.Step(); err != nil {
					t.Fatal(err)
				}
				check := func(what string, got, want []float64) {
					if len(got) != len(want) {
						t.Errorf("%s has %d elements, want %d", what, len(got), len(want))
						return
					}
					scale := 0.0
					for _, v := range want {
						scale = max(scale, math.Abs(v))
					}
					for i := range got {
						if !(math.Abs(got[i]-want[i]) <= tolerance*max(scale, 1e-3)) {
							t.Errorf("%s[%d] is %v, want %v", what, i, got[i], want[i])
							return
						}
					}
				}
				for j := range y {
					check(names[j], get(m, names[j], dtype), c.outputs[j])
				}
				for i, v := range wrt {
					want := c.gradients[v.Name()]
					if strings.HasPrefix(v.Name(), "running_") {
						continue // states have derivatives here
					}
					check("the gradient by "+v.Name(), get(m, names[len(y)+i], dtype), want)
				}
			})
		}
	}
}
