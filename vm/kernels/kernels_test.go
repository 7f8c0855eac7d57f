package kernels

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	c := New("matmul", "{transpose_a=false, transpose_b=true}", "f64[2,3] f64[2,3]", "f64[2,2]", "model.go:7")
	c.In[0].F64, c.In[1].F64, c.Out[0].F64 = []float64{1, 2, 3, 4, 5, 6}, []float64{1, 0, 0, 0, 1, 0}, make([]float64, 4)
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 2, 4, 5} {
		if got := c.Out[0].F64[i]; got != want {
			t.Errorf("element %d is %v, want %v", i, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _ = c.Run() }); n > 0 {
		t.Errorf("a run allocates %v times", n)
	}
}

func TestErrors(t *testing.T) {
	c := New("cholesky", "", "f64[2,2]", "f64[2,2]", "model.go:7")
	c.In[0].F64, c.Out[0].F64 = []float64{-1, 0, 0, 1}, make([]float64, 4)
	if err := c.Run(); err == nil || !strings.HasPrefix(err.Error(), "model.go:7: cholesky: ") {
		t.Errorf("error %v", err)
	}
	for _, bad := range [][4]string{
		{"nothing", "", "f64", "f64"}, {"matmul", "{transpose_a=}", "f64[2,2] f64[2,2]", "f64[2,2]"}, {"matmul", "{transpose_a=false, transpose_b=false} x", "f64[2,2] f64[2,2]", "f64[2,2]"},
		{"matmul", "{transpose_a=false, transpose_b=false}", "f64[2,3] f64[2,2]", "f64[2,2]"}, {"matmul", "", "q64[2]", "f64"}, {"matmul", "", "f64[2", "f64"}, {"matmul", "", "f64[2x]", "f64"},
	} {
		func() {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "kernels: "+bad[0]+": ") {
					t.Errorf("New(%q) panics with %v", bad, r)
				}
			}()
			New(bad[0], bad[1], bad[2], bad[3], "")
		}()
	}
}
