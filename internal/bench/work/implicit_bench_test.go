package work

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkImplicit runs the workloads of implicit functions, differential equations and a minimum, and reports the least time of a run too.
func BenchmarkImplicit(b *testing.B) {
	for _, e := range Entries() {
		if !slices.Contains([]string{"kepler", "poisson100", "poisson10000", "lotka_volterra", "lorenz96.fit", "robertson", "minimum1000"}, e.Work) {
			continue
		}
		b.Run(e.Work, func(b *testing.B) {
			item, err := e.Prepare()
			if err != nil {
				b.Fatal(err)
			}
			least := time.Hour
			for b.Loop() {
				start := time.Now()
				if err := item.Run(1); err != nil {
					b.Fatal(err)
				}
				least = min(least, time.Since(start))
			}
			b.ReportMetric(float64(least.Nanoseconds()), "least-ns")
		})
	}
}
