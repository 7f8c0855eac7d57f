// Package strd holds the nonlinear regression problems of the Statistical Reference Datasets of the National Institute of Standards and Technology (https://www.itl.nist.gov/div898/strd), public domain: data, two starts, and
// certified values with their standard deviations to 11 digits.
package strd

import (
	"bufio"
	"embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/compile/optimize"
	"github.com/adjoint-go/adjoint/graph"
)

//go:embed data
var files embed.FS

// Problem is a data set with its model.
type Problem struct {
	Name       string
	Difficulty string // Lower, Average or Higher
	Y          []float64
	X          [][]float64 // predictors
	Starts     [2][]float64
	Certified  []float64
	Deviations []float64 // certified standard deviations of the parameters
	Square     float64   // certified sum of squares
}

// Problems returns all 27, by name.
func Problems() ([]*Problem, error) {
	entries, err := files.ReadDir("data")
	if err != nil {
		return nil, err
	}
	var problems []*Problem
	for _, e := range entries {
		text, err := files.ReadFile("data/" + e.Name())
		if err != nil {
			return nil, err
		}
		p, err := parse(strings.TrimSuffix(e.Name(), ".dat"), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		problems = append(problems, p)
	}
	return problems, nil
}

func numbers(words []string) ([]float64, error) {
	var v []float64
	for _, w := range words {
		f, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return nil, err
		}
		v = append(v, f)
	}
	return v, nil
}

func parse(name, text string) (*Problem, error) {
	p := &Problem{Name: name}
	data := false
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0:
		case data:
			v, err := numbers(words)
			if err != nil {
				return nil, err
			}
			if p.X == nil {
				p.X = make([][]float64, len(v)-1)
			}
			p.Y = append(p.Y, v[0])
			for k, x := range v[1:] {
				p.X[k] = append(p.X[k], x)
			}
		case len(words) == 6 && words[1] == "=" && words[0] == fmt.Sprint("b", len(p.Certified)+1): // b1 = start1 start2 certified deviation
			v, err := numbers(words[2:])
			if err != nil {
				return nil, err
			}
			p.Starts[0], p.Starts[1] = append(p.Starts[0], v[0]), append(p.Starts[1], v[1])
			p.Certified, p.Deviations = append(p.Certified, v[2]), append(p.Deviations, v[3])
		case len(words) == 5 && strings.HasPrefix(lines.Text(), "Residual Sum of Squares:"):
			v, err := numbers(words[4:])
			if err != nil {
				return nil, err
			}
			p.Square = v[0]
		case len(words) == 4 && words[1] == "Level" && words[2] == "of":
			p.Difficulty = words[0]
		case words[0] == "Data:" && slices.Contains(words, "y") && !slices.Contains(words, "Response") && len(words) <= 4:
			data = true
		}
	}
	if len(p.Certified) == 0 || len(p.Y) == 0 || p.Square == 0 || p.Difficulty == "" {
		return nil, fmt.Errorf("%d parameters, %d observations, sum of squares %v", len(p.Certified), len(p.Y), p.Square)
	}
	return p, nil
}

// Model returns what the model says of the observations at predictors x, for parameters b; of Nelson that is log y.
func (p *Problem) Model(b *graph.Node, x []*graph.Node) *graph.Node {
	parameters := make([]*graph.Node, len(p.Certified))
	for i := range parameters {
		parameters[i] = graph.Index(b, i)
	}
	return models[p.Name](parameters, x)
}

// Problem returns the fit as a problem with the parameters b.
func (p *Problem) Problem() optimize.Problem {
	g := graph.New()
	b := g.Input("b", graph.Float64, len(p.Certified))
	var x []*graph.Node
	for _, v := range p.X {
		x = append(x, graph.Constant(g, v, len(v)))
	}
	y := graph.Constant(g, p.Y, len(p.Y))
	if p.Name == "Nelson" {
		y = graph.Log(y)
	}
	return optimize.Problem{Residuals: []*graph.Node{graph.Sub(y, p.Model(b, x))}, Parameters: []*graph.Node{b}}
}

// Digits returns the number of digits of the least exact value, log₁₀ of its relative error; at most 11, which is what is certified.
func Digits(values, certified []float64) float64 {
	digits := 11.0
	for i, v := range values {
		if e := math.Abs(v-certified[i]) / math.Abs(certified[i]); e > 0 || e != e {
			digits = min(digits, -math.Log10(e))
		}
	}
	return max(digits, 0)
}
