package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// largest returns the largest relative difference.
func largest(got, want []float64) float64 {
	d := 0.0
	for i := range want {
		d = math.Max(d, math.Abs(got[i]-want[i])/want[i])
	}
	return d
}

func TestInversion(t *testing.T) {
	crust, exact, err := synthetic(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The gradual model has nine layers; two modes determine them.
	fine, periods := gradual()
	var modes []Pick
	for mode := range 2 {
		for _, p := range periods {
			modes = append(modes, Pick{Mode: mode, Period: p})
		}
	}
	c, err := Predict(modes, fine)
	if err != nil {
		t.Fatal(err)
	}
	var there []Pick
	for i, p := range modes {
		if p.Velocity = c[i]; !math.IsNaN(c[i]) {
			there = append(there, p)
		}
	}
	slow := fine
	slow.Vs, slow.Vp = nil, nil
	for i, vs := range fine.Vs {
		slow.Vs = append(slow.Vs, vs*(1+0.15*math.Sin(float64(2*i+1))))
		slow.Vp = append(slow.Vp, slow.Vs[i]*fine.Vp[i]/vs)
	}
	for _, c := range []struct {
		name  string
		v     Inversion
		truth Layers
		bound float64
	}{
		{"crust", Inversion{Picks: exact, Start: flatStart(crust), Starts: 4, Spread: 0.2, Berteussen: true}, crust, 1e-6},
		{"determinants", Inversion{Picks: exact, Start: flatStart(crust), Starts: 1, Misfit: Determinants, Berteussen: true}, crust, 1e-6},
		{"nine layers", Inversion{Picks: there, Start: slow, Starts: 1}, fine, 1e-6},
	} {
		r, err := c.v.Run(context.Background())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := largest(r.Solutions[0].Layers.Vs, c.truth.Vs); d > c.bound {
			t.Errorf("%s: Vs are wrong by %v, RMS %v, %s", c.name, d, r.Solutions[0].RMS, r.Solutions[0].Status)
		}
	}
	// Noise of 0.5 %: velocities within 3 %, most of the time within two standard errors, and a fit as good as the noise allows.
	within, of := 0, 0
	for seed := range uint64(5) {
		_, picks, err := synthetic(0.005, seed)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Inversion{Picks: picks, Start: flatStart(crust), Starts: 1, Berteussen: true}.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		best := r.Solutions[0]
		if d := largest(best.Layers.Vs, crust.Vs); d > 0.03 || best.RMS > 1.3 || best.RMS < 0.7 {
			t.Errorf("seed %d: Vs are wrong by %v, RMS %v", seed, d, best.RMS)
		}
		for i, vs := range best.Layers.Vs {
			if of++; math.Abs(vs-crust.Vs[i]) < 2*best.Errors[i] {
				within++
			}
		}
	}
	if within < of*3/4 {
		t.Errorf("%d of %d velocities are within two standard errors", within, of)
	}
}

// The command as a user runs it: results in files, and a message for each mistake.
func TestCommand(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	model := file("model.csv", "thickness,vs\n5,2.7\n23,3.6\n0,4.4\n")
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		c := command()
		c.SetArgs(args)
		c.SetOut(&out)
		c.SetErr(&out)
		err := c.ExecuteContext(context.Background())
		return out.String(), err
	}
	out, err := run("forward", model, "--modes", "2", "--from", "2", "--to", "40", "-n", "12")
	if err != nil || !strings.HasPrefix(out, "wave,mode,period,velocity,group\nR,0,2,") || strings.Count(out, "\nR,1,") < 2 {
		t.Errorf("forward: %v\n%s", err, out)
	}
	var picks strings.Builder
	picks.WriteString("# from the model\n")
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		f := strings.Split(line, ",")
		picks.WriteString(strings.Join(f[:4], ",") + "\n")
	}
	start := file("start.csv", "\ufeffThickness, Vs\n5,3\n23,3.3\n0,4.5\n")
	results := filepath.Join(folder, "results")
	if out, err = run("invert", file("picks.csv", picks.String()), "-s", start, "-o", results, "--starts", "3"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := readFile(filepath.Join(results, "model.csv"), ReadLayers)
	if err != nil || largest(found.Vs, []float64{2.7, 3.6, 4.4}) > 1e-6 {
		t.Errorf("%v: %v", found.Vs, err)
	}
	for _, name := range []string{"fit.csv", "kernels.csv", "model.png", "fit.png", "kernels.png"} {
		if info, err := os.Stat(filepath.Join(results, name)); err != nil || info.Size() < 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct{ picks, start, want string }{
		{"period,velocity\n3,3\n2,3\n", "", "picks.csv:3: the period 2 s comes after 3 s: the periods of a mode ascend"},
		{"period,velocity\n-3,3\n", "", "picks.csv:2: the period is -3 s"},
		{"period,velocity\n3,0\n", "", "picks.csv:2: the velocity is 0 km/s"},
		{"period,velocity\n3,abc\n", "", `picks.csv:2: velocity is "abc": needs a number`},
		{"period,velocity\n3,NaN\n", "", `velocity is "NaN"`},
		{"period,speed\n3,3\n", "", `there is no column "speed"`},
		{"period\n3\n", "", `needs a column "velocity"`},
		{"period,velocity\n", "", "has no rows"},
		{"period,velocity\n3\n", "", "wrong number of fields"},
		{"period,velocity,mode\n3,3,1.5\n", "", "the mode is 1.5"},
		{"period,velocity,wave\n3,3,X\n", "", `the wave is "X"`},
		{"period,velocity,error\n3,3,-1\n", "", "the error is -1"},
		{"period,velocity\n3,3\n", "thickness,vs\n5,3\n", "two layers or more"},
		{"period,velocity\n3,3\n", "thickness,vs\n-5,3\n0,4\n", "layer 1 has a thickness of -5"},
		{"period,velocity\n3,3\n", "thickness,vs,vp\n5,3,3.1\n0,4,8\n", "layer 1 has a P velocity of 3.1"},
		{"period,velocity,mode\n3,3.2,0\n30,3.3,7\n", "", "no mode 7 at the period 30 s"},
	} {
		begin := start
		if c.start != "" {
			begin = file("bad.csv", c.start)
		}
		_, err := run("invert", file("picks.csv", c.picks), "-s", begin, "-o", results, "--starts", "1")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: %v, want %q", c.picks, c.start, err, c.want)
		}
	}
	for _, args := range [][]string{{"forward", model, "--from", "-1"}, {"forward", filepath.Join(folder, "none.csv")}, {"invert", file("picks.csv", "period,velocity\n3,3\n")},
		{"forward", model, "-n", "0"}, {"forward", model, "--from", "5", "--to", "4"}, {"invert", file("picks.csv", "period,velocity\n3,3\n"), "-s", start, "--starts", "0"}} {
		if out, err := run(args...); err == nil {
			t.Errorf("%v: no error\n%s", args, out)
		}
	}
}
