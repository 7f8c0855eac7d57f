package compile

import (
	"fmt"
	"io"
	"sort"

	"github.com/adjoint-go/adjoint/graph"
)

// dump writes the unit's graph after a pass, and the rewrites that have fired so far.
func (u *unit) dump(w io.Writer, after string) error {
	if _, err := fmt.Fprintf(w, "== after %s\n", after); err != nil {
		return err
	}
	if len(u.fired) > 0 {
		names := make([]string, 0, len(u.fired))
		for n := range u.fired {
			names = append(names, n)
		}
		sort.Strings(names)
		fmt.Fprint(w, "# fired:")
		for _, n := range names {
			fmt.Fprintf(w, " %s ×%d", n, u.fired[n])
		}
		fmt.Fprintln(w)
	}
	return graph.Format(w, u.outputs...)
}
