package optimize

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

// parabola is Σ (x − i)² of two parameters, and has no value where an element is above 100.
func parabola(_ context.Context, x map[string][]float64) (float64, map[string][]float64, error) {
	value, gradient := 0.0, map[string][]float64{}
	for name, v := range x {
		for i, at := range v {
			if at > 100 {
				return math.Inf(1), nil, nil
			}
			value += (at - float64(i)) * (at - float64(i))
			gradient[name] = append(gradient[name], 2*(at-float64(i)))
		}
	}
	return value, gradient, nil
}

func TestMinimize(t *testing.T) {
	start := Values{"a": {5, 99}, "b": {-7, 3, 2}}
	r, err := Minimize(context.Background(), Function{Evaluate: parabola}, start, Options{})
	if err != nil || r.Status != Converged || r.Value > 1e-12 || math.Abs(r.X["a"][1]-1) > 1e-6 || math.Abs(r.X["b"][2]-2) > 1e-6 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = Minimize(context.Background(), Function{Evaluate: parabola, Lower: Values{"b": {1}}}, Values{"a": {0, 0}, "b": {4, 4, 4}}, Options{})
	if err != nil || r.X["b"][0] != 1 || math.Abs(r.Value-1) > 1e-9 {
		t.Errorf("with bounds: %+v, %v", r, err)
	}
	lost := errors.New("lost")
	for want, f := range map[string]Function{
		"no function": {},
		"3 numbers: needs 2": {Evaluate: func(context.Context, map[string][]float64) (float64, map[string][]float64, error) {
			return 1, map[string][]float64{"a": {1, 2, 3}}, nil
		}},
		"lost": {Evaluate: func(context.Context, map[string][]float64) (float64, map[string][]float64, error) {
			return 0, nil, lost
		}},
		"not within the bounds":  {Evaluate: parabola, Upper: Values{"a": {-1}}},
		"which is no parameter":  {Evaluate: parabola, Upper: Values{"c": {-1}}},
		"a bound of a[0] is NaN": {Evaluate: parabola, Upper: Values{"a": {math.NaN()}}},
	} {
		if r, err := Minimize(context.Background(), f, Values{"a": {0, 0}}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %+v, %v", want, r, err)
		}
	}
	if _, err := Minimize(context.Background(), Function{Evaluate: parabola}, Values{}, Options{}); err == nil {
		t.Error("there are no parameters")
	}
	calls := 0
	r, err = Minimize(context.Background(), Function{Evaluate: func(ctx context.Context, x map[string][]float64) (float64, map[string][]float64, error) {
		if calls++; calls > 1 {
			return 0, nil, lost
		}
		return parabola(ctx, x)
	}}, start, Options{})
	if !errors.Is(err, lost) || r == nil {
		t.Errorf("an error on the way: %+v, %v", r, err)
	}
}
