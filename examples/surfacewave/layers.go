package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/graph"
)

// Layers are the numbers of a Model: km, km/s, km/s and g/cm³ from the surface down. The last one is the half-space.
type Layers struct{ Thickness, Vp, Vs, Density []float64 }

// Inputs makes inputs of a graph for the layers.
func (l Layers) Inputs(g *graph.Graph) Model {
	n := len(l.Vs)
	return Model{Thickness: g.Input("thickness", graph.Float64, n), Vp: g.Input("vp", graph.Float64, n), Vs: g.Input("vs", graph.Float64, n), Density: g.Input("density", graph.Float64, n)}
}

// Check reports what is impossible about layers.
func (l Layers) Check() error {
	n := len(l.Vs)
	if n < 2 || len(l.Thickness) != n || len(l.Vp) != n || len(l.Density) != n {
		return fmt.Errorf("%d thicknesses, %d P and %d S velocities, %d densities: needs as many of each, and two layers or more", len(l.Thickness), len(l.Vp), n, len(l.Density))
	}
	for i := range n {
		for _, v := range []struct {
			name  string
			value float64
		}{{"thickness", l.Thickness[i]}, {"P velocity", l.Vp[i]}, {"S velocity", l.Vs[i]}, {"density", l.Density[i]}} {
			if (v.value <= 0 || math.IsNaN(v.value) || math.IsInf(v.value, 0)) && !(v.name == "thickness" && i == n-1) {
				return fmt.Errorf("layer %d has a %s of %v: needs a positive number", i+1, v.name, v.value)
			}
		}
		if l.Vp[i] < l.Vs[i]*2/math.Sqrt(3) { // the bulk modulus would be negative
			return fmt.Errorf("layer %d has a P velocity of %v km/s, less than 1.155 times its S velocity of %v km/s", i+1, l.Vp[i], l.Vs[i])
		}
	}
	return nil
}

// table is a CSV file with a header.
type table struct {
	name    string
	columns map[string]int
	rows    [][]string
	lines   []int
}

// readTable reads columns, of which the first few must be there. Lines that begin with # are comments.
func readTable(r io.Reader, name string, must int, known ...string) (*table, error) {
	c := csv.NewReader(r)
	c.Comment, c.TrimLeadingSpace = '#', true
	t := &table{name: name, columns: map[string]int{}}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := c.FieldPos(0)
		if len(t.columns) > 0 {
			t.rows, t.lines = append(t.rows, row), append(t.lines, line)
			continue
		}
		for i, title := range row {
			title = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff")))
			at := -1
			for k, want := range known {
				if title == want {
					at = k
				}
			}
			if _, twice := t.columns[title]; at < 0 || twice {
				return nil, fmt.Errorf("%s:%d: there is no column %q, or it is there twice: the first line names some of %s", name, line, title, strings.Join(known, ", "))
			}
			t.columns[title] = i
		}
		for _, want := range known[:must] {
			if _, ok := t.columns[want]; !ok {
				return nil, fmt.Errorf("%s:%d: needs a column %q", name, line, want)
			}
		}
	}
	if len(t.rows) == 0 {
		return nil, fmt.Errorf("%s: has no rows", name)
	}
	return t, nil
}

// number returns an element, or what stands for one that is not there.
func (t *table) number(row int, column string, missing float64) (float64, error) {
	i, ok := t.columns[column]
	if !ok || strings.TrimSpace(t.rows[row][i]) == "" {
		return missing, nil
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(t.rows[row][i]), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s:%d: %s is %q: needs a number", t.name, t.lines[row], column, t.rows[row][i])
	}
	return v, nil
}

// poisson is the usual ratio of P and S velocities, that of a Poisson solid, and densityOf the rule of Berteussen, Phys. Earth Planet. Inter. 15 (1977), 13-27.
var poisson = math.Sqrt(3)

func densityOf(vp float64) float64 { return 0.32*vp + 0.77 }

// ReadLayers reads a model: columns thickness and vs, and where they are there vp and density. The thickness of the last layer does not matter.
func ReadLayers(r io.Reader, name string) (Layers, error) {
	t, err := readTable(r, name, 2, "thickness", "vs", "vp", "density")
	if err != nil {
		return Layers{}, err
	}
	var l Layers
	for i := range t.rows {
		values := [4]float64{}
		for k, c := range []string{"thickness", "vs", "vp", "density"} {
			missing := 0.0
			switch c {
			case "vp":
				missing = values[1] * poisson
			case "density":
				missing = densityOf(values[2])
			}
			if values[k], err = t.number(i, c, missing); err != nil {
				return Layers{}, err
			}
		}
		l.Thickness, l.Vs, l.Vp, l.Density = append(l.Thickness, values[0]), append(l.Vs, values[1]), append(l.Vp, values[2]), append(l.Density, values[3])
	}
	if err := l.Check(); err != nil {
		return Layers{}, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// Pick is a measured phase velocity (km/s) of a mode, from 0 on, at a period (s), with its standard error (km/s), 0 if it is not known.
type Pick struct {
	Wave                    Wave
	Mode                    int
	Period, Velocity, Error float64
}

// ReadPicks reads measurements: columns period and velocity, and where they are there mode, error and wave (R or L). The periods of a mode ascend.
func ReadPicks(r io.Reader, name string) ([]Pick, error) {
	t, err := readTable(r, name, 2, "period", "velocity", "mode", "error", "wave")
	if err != nil {
		return nil, err
	}
	var picks []Pick
	last := map[[2]int]float64{}
	for i := range t.rows {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %s", name, t.lines[i], fmt.Sprintf(format, args...))
		}
		var v [4]float64
		for k, c := range []string{"period", "velocity", "mode", "error"} {
			if v[k], err = t.number(i, c, 0); err != nil {
				return nil, err
			}
		}
		p := Pick{Period: v[0], Velocity: v[1], Mode: int(v[2]), Error: v[3]}
		if k, ok := t.columns["wave"]; ok {
			switch strings.ToUpper(strings.TrimSpace(t.rows[i][k])) {
			case "R", "":
			case "L":
				p.Wave = LoveWave
			default:
				return nil, fail("the wave is %q: needs R or L", t.rows[i][k])
			}
		}
		before := last[[2]int{int(p.Wave), p.Mode}]
		switch {
		case p.Period <= 0:
			return nil, fail("the period is %v s: needs a positive number", p.Period)
		case p.Velocity <= 0:
			return nil, fail("the velocity is %v km/s: needs a positive number", p.Velocity)
		case float64(p.Mode) != v[2] || p.Mode < 0:
			return nil, fail("the mode is %v: needs 0, 1, 2 …", v[2])
		case p.Error < 0:
			return nil, fail("the error is %v km/s: needs a positive number, or 0 for an unknown one", p.Error)
		case p.Period <= before:
			return nil, fail("the period %v s comes after %v s: the periods of a mode ascend", p.Period, before)
		}
		last[[2]int{int(p.Wave), p.Mode}] = p.Period
		picks = append(picks, p)
	}
	return picks, nil
}
