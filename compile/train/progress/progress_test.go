package progress_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/compile/train"
	"github.com/adjoint-go/adjoint/compile/train/progress"
)

// A bar says the epoch and the mean loss, and ends with a line for each epoch.
func TestBar(t *testing.T) {
	var b bytes.Buffer
	bar := progress.Bar(&b, 2, 3)
	for epoch := range 2 {
		for step := range 3 {
			if err := bar(&train.Event{Epoch: epoch, Step: step, Loss: float64(step + epoch)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := bar(&train.Event{Epoch: epoch, Step: 3, End: true}); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "epoch 1/2, loss 1.0000 100%") || !strings.Contains(lines[1], "epoch 2/2, loss 2.0000 100%") {
		t.Errorf("the bar is %q", lines)
	}
}
