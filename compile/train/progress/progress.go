// Package progress shows how far training is, by a bar (github.com/schollz/progressbar).
package progress

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"github.com/adjoint-go/adjoint/compile/train"
)

// Bar returns a callback for train.Trainer.Fit that shows a bar for each epoch of the given number of steps, with the mean loss so far, and leaves a line for it behind.
func Bar(w io.Writer, epochs, steps int) func(*train.Event) error {
	var bar *progressbar.ProgressBar
	var sum float64
	return func(e *train.Event) error {
		switch {
		case e.End:
			bar = nil
			return nil
		case bar == nil:
			sum = 0
			bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20), progressbar.OptionThrottle(1e8),
				progressbar.OptionShowIts(), progressbar.OptionSetItsString("steps"), progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
		}
		sum += e.Loss
		bar.Describe(fmt.Sprintf("epoch %d/%d, loss %.4f", e.Epoch+1, epochs, sum/float64(e.Step+1)))
		return bar.Add(1)
	}
}
