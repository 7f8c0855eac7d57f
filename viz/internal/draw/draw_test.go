package draw_test

import (
	"fmt"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/viz/internal/verify"
)

// Every drawing of the corpus is free of overlaps, of edges through nodes and
// of text outside its node.
func TestCorpusHasNoFlaws(t *testing.T) {
	for seed := int64(1); seed <= 3; seed++ {
		for _, n := range []int{2, 7, 20, 60, 120} {
			for mode := 0; mode < 4; mode++ {
				direction := layout.Direction(int(seed+int64(mode)) % 4)
				clusters := 0
				if mode == 3 || mode == 1 && seed%2 == 0 {
					clusters = 1 + n/8
				}
				name := fmt.Sprintf("seed %d n %d mode %d direction %d clusters %d", seed, n, mode, direction, clusters)
				t.Run(name, func(t *testing.T) {
					s := randomScene(seed, n, 0.4, mode >= 1, mode >= 2, clusters, direction)
					check(t, s)
				})
			}
		}
	}
}

func check(t *testing.T, s *scene.Scene) *draw.Drawing {
	t.Helper()
	d, err := draw.Draw(s)
	if err != nil {
		t.Fatal(err)
	}
	flaws := verify.Check(d)
	for i, f := range flaws {
		if i == 5 {
			t.Errorf("… %d flaws", len(flaws))
			break
		}
		t.Error(f)
	}
	return d
}
