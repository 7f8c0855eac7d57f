// Package progress shows how far an optimisation is, by a bar (github.com/schollz/progressbar).
package progress

import (
	"fmt"
	"io"
	"math"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/adjoint-go/adjoint/compile/optimize"
)

// Bar returns a callback for optimize.Options that shows a bar with the iteration and the value. The bar is full when the optimality, which falls by orders of magnitude, is at its tolerance. To a file that is no terminal, such as a
// redirected os.Stderr, nothing is written.
func Bar(w io.Writer) func(optimize.Iteration) error {
	if f, ok := w.(*os.File); ok && !term.IsTerminal(int(f.Fd())) {
		return func(optimize.Iteration) error { return nil }
	}
	const full = 1000
	bar := progressbar.NewOptions(full, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20), progressbar.OptionThrottle(1e8), progressbar.OptionSetElapsedTime(true), progressbar.OptionSetPredictTime(false),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
	first, reached := 0.0, 0
	return func(i optimize.Iteration) error {
		if first == 0 {
			first = i.Optimality
		}
		if part := math.Log(first/i.Optimality) / math.Log(first/i.Tolerance); part > 0 { // not NaN
			reached = max(reached, int(full*min(part, 1)))
		}
		bar.Describe(fmt.Sprintf("iteration %d, %.6g", i.Number, i.Value))
		return bar.Set(reached)
	}
}
