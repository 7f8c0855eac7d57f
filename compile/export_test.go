package compile

import (
	"time"

	"github.com/adjoint-go/adjoint/graph"
)

// RewriteNames lists everything that Config.Disable may name.
func RewriteNames() []string {
	var names []string
	for _, p := range passOrder {
		if !p.required {
			names = append(names, p.name)
		}
	}
	names = append(names, "fold", "hoist", "hoist_sum", "unroll")
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

// StoreForNothing makes residuals cost nothing, so that all that may be stored is.
func StoreForNothing() (restore func()) {
	f, n := far, near
	far, near = prices{}, prices{}
	return func() { far, near = f, n }
}

// Fired compiles and returns how often each rewrite fired.
func Fired(c Config, outputs ...*graph.Node) (fired map[string]int, err error) {
	_, err = c.compile(outputs, func(u *unit, _ *lowering, _ *pass, _ time.Duration) error {
		fired = u.fired
		return nil
	})
	return fired, err
}
