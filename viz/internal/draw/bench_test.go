package draw_test

import (
	"io"
	"testing"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/layout"
	"github.com/adjoint-go/adjoint/viz/internal/svg"
)

func benchmark(b *testing.B, nodes int, reverse bool, clusters int) {
	s := randomScene(1, nodes, 0.4, reverse, reverse, clusters, layout.LeftToRight)
	b.ReportAllocs()
	for b.Loop() {
		d, err := draw.Draw(s)
		if err != nil {
			b.Fatal(err)
		}
		if err := svg.Write(io.Discard, d, svg.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSVG200(b *testing.B)         { benchmark(b, 200, false, 0) }
func BenchmarkSVG200Gradient(b *testing.B) { benchmark(b, 200, true, 0) }
func BenchmarkSVG200Clusters(b *testing.B) { benchmark(b, 200, false, 20) }
func BenchmarkSVG2000(b *testing.B)        { benchmark(b, 2000, false, 0) }
func BenchmarkSVG10000(b *testing.B)       { benchmark(b, 10000, false, 0) }
