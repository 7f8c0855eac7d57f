package main

import (
	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/graph"
	"github.com/adjoint-go/adjoint/viz"
	"github.com/adjoint-go/adjoint/vm"
)

// pictures lists the gallery in the order of its page.
func pictures() ([]picture, error) {
	var list []picture
	add := func(file, title, text string, outputs []*graph.Node, options ...viz.Option) {
		list = append(list, graphPicture(file, title, text, func() (*viz.Picture, error) { return viz.New(outputs, options...) }))
	}
	addSeed := func(file, title, text string, mode viz.GradientMode, more ...viz.Option) {
		outputs, options := seed(mode)
		add(file, title, text, outputs, append(options, more...)...)
	}
	addSeed("seed", "A formula", "A formula with the values at (2, 3).", viz.NoGradients)
	addSeed("seed-overlay", "", "With its gradient drawn into it: dashed edges carry local partial derivatives, bars mark adjoints.", viz.Overlay)
	addSeed("seed-split", "", "With its gradient as a graph of its own; dashed copies stand for the forward values that it uses.", viz.Split)
	addSeed("seed-mono", "Styles", "`viz.MonoStyle`, for print in black.", viz.Overlay, viz.WithStyle(viz.MonoStyle))
	addSeed("seed-split-mono", "", "The split drawing in the same style.", viz.Split, viz.WithStyle(viz.MonoStyle))
	addSeed("seed-surface-wave", "", "`viz.SurfaceWaveStyle`, after the literature on automatic differentiation of surface waves.", viz.NoGradients, viz.WithStyle(viz.SurfaceWaveStyle))
	addSeed("seed-surface-wave-overlay", "", "The same with the gradient.", viz.Overlay, viz.WithStyle(viz.SurfaceWaveStyle))
	addSeed("seed-dark", "", "`viz.DarkTheme`, whatever the reader's mode.", viz.Overlay, viz.WithTheme(viz.DarkTheme))
	down := viz.WithDirection(viz.TopToBottom)
	add("perceptron", "Networks", "A classifier with one hidden layer. Scopes are boxes.", perceptron(), down)
	add("perceptron-overlay", "", "The same with the flow of adjoints.", perceptron(), viz.WithGradients(viz.Overlay), down)
	add("perceptron-collapsed", "", "The same at depth 0: each scope is one node.", perceptron(), viz.WithDepth(0))
	add("lstm", "", "One step of a long short-term memory cell.", cell(), down)
	add("attention", "", "An attention block with a residual connection and a feed-forward layer.", attention(), down)
	y, wrt, derivatives, err := recurrent()
	if err != nil {
		return nil, err
	}
	add("scan", "Loops and branches", "A loop of ten steps h ← tanh(w·h + x), and the sum of the squares of h. Operands enter its body through ports: the same at each step (captured), handed from step to step (carry), or an "+
		"element of a vector. The dashed edge leads to the next step.", y)
	add("scan-gradient", "", "Its gradient: a loop in the opposite order, which takes the values of h at each step from the first one.", y, viz.WithGradients(viz.Split),
		viz.WithRespectTo(wrt...), viz.WithGradientOutputs(derivatives...))
	add("scan-collapsed", "", "The same with the loops as one node each.", y, viz.WithGradients(viz.Split), viz.WithRespectTo(wrt...), viz.WithGradientOutputs(derivatives...), viz.WithBodies(0))
	add("while", "", "The square root of a by Newton's method: a loop that goes on as long as its condition holds.", newton())
	add("cond", "", "The Huber loss: of two branches one is run.", huber())
	blocks := attention()
	groups, bytes := scopeColours(blocks)
	add("attention-scopes", "Colours", "The attention block, its operators coloured by their scope.", blocks, down, viz.WithCategories(groups, "scope"), viz.WithScopes(false))
	add("attention-memory", "", "The same, coloured by the size of their values.", blocks, down, viz.WithHeat(bytes, "bytes"), viz.WithScopes(false))
	raw, err := density()
	if err != nil {
		return nil, err
	}
	after, err := optimized(raw)
	if err != nil {
		return nil, err
	}
	list = append(list,
		graphPicture("compilation-before", "Compilation", "The logarithm of the normal density and its derivatives, as differentiation makes them: 22 operators.",
			func() (*viz.Picture, error) { return densityPicture(raw) }),
		graphPicture("compilation-after", "", "The same after the compiler's passes on the graph: 17 operators, with constants folded.",
			func() (*viz.Picture, error) { return comparePicture(raw, after, false) }),
		graphPicture("compilation-changes", "", "Both in one picture: what was added and changed is marked, what went is drawn as ghosts.",
			func() (*viz.Picture, error) { return comparePicture(raw, after, true) }))
	for _, m := range []struct {
		file, title, text string
		program           func() (*vm.Program, error)
	}{
		{"memory", "Memory", "The memory of the classifier and its gradient: every value by address, from the instruction that writes it to the last one that reads it.", perceptronProgram},
		{"memory-scalar", "", "The memory of scalar code, by micro-instruction: the derivatives of the normal density.", densityProgram},
	} {
		p, err := m.program()
		if err != nil {
			return nil, err
		}
		chart, err := viz.NewMemoryChart(p)
		if err != nil {
			return nil, err
		}
		list = append(list, picture{file: m.file, title: m.title, text: m.text, draw: chart.SVG, paint: chart.PNG})
	}
	for _, s := range []struct {
		file, text string
		keep       compile.Checkpoints
	}{
		{"checkpoints", "A reverse sweep over a loop of 60 steps that keeps 6 states at once, chosen so that the fewest steps are run again.", compile.Checkpoints{States: 6}},
		{"checkpoints-every", "The same with a state at every eighth step.", compile.Checkpoints{Every: 8}},
		{"checkpoints-mixed", "A mixed schedule, which keeps a state or what the reversal of a step reads in each of 6 units.", compile.Checkpoints{States: 6, Mixed: true}},
	} {
		chart, err := viz.NewScheduleChart(60, s.keep)
		if err != nil {
			return nil, err
		}
		title := ""
		if s.keep == (compile.Checkpoints{States: 6}) {
			title = "Checkpoints"
		}
		list = append(list, picture{file: s.file, title: title, text: s.text, draw: chart.SVG, paint: chart.PNG})
	}
	add("lattice", "Large graphs", "28 steps of a lattice of 24 coupled cells: 2016 scalar operators.", lattice(24, 28), viz.WithScale(0.5))
	list[len(list)-1].large = true
	return list, nil
}
