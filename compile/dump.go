package compile

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/adjoint-go/adjoint/graph"
)

// dump writes the unit's graph after a pass, and the rewrites that have fired so far.
func (u *unit) dump(w io.Writer, after string) error {
	if _, err := fmt.Fprintf(w, "== after %s\n", after); err != nil {
		return err
	}
	if len(u.fired) > 0 {
		fmt.Fprint(w, "# fired:")
		for _, n := range slices.Sorted(maps.Keys(u.fired)) {
			fmt.Fprintf(w, " %s ×%d", n, u.fired[n])
		}
		fmt.Fprintln(w)
	}
	return graph.Format(w, u.outputs...)
}
