package layout

import (
	"math"
	"slices"

	"github.com/adjoint-go/adjoint/viz/internal/geom"
)

// Rows of a long drawing, as lines of a text.
const (
	longest     = 4000 // drawings up to this length stay in one row
	leastAspect = 4    // and so do those that are less stretched
	goodAspect  = 1.6  // of width and height
	mostCrossed = 8    // edges that lead from a row to the next
	rowGap      = 34   // between a row and the nearest edge that leads on
	turnRoom    = 16   // between the end of a row and the nearest edge that turns there
)

// row is a stretch of the drawing along u and where it is moved to.
type row struct {
	from, to  float64
	low, high float64 // along v
	du, dv    float64
}

// wrap cuts a drawing that is long and narrow into rows. Cuts lie between layers, outside of all clusters, where few edges pass.
func (p *plan) wrap() {
	n := len(p.layers)
	if n < 2 {
		return
	}
	low, high := p.extent(math.Inf(-1), math.Inf(1))
	first, last := p.colLeft[0], p.colRight[n-1]
	for c := range p.graph.Clusters {
		first, last = math.Min(first, p.clusterU(c, false)), math.Max(last, p.clusterU(c, true))
	}
	length, height := last-first, high-low
	if length < longest || length < leastAspect*height {
		return
	}
	aspect := goodAspect
	if !p.options.Direction.Horizontal() {
		aspect = 1 / goodAspect
	}
	target := math.Max(longest/2, math.Sqrt(aspect*length*(height+2*rowGap)))
	target = length / math.Round(length/target) // so that the last row is as long as the others
	rows := []row{{from: first}}
	for _, cut := range p.cuts(first, last, target) {
		rows[len(rows)-1].to = cut
		rows = append(rows, row{from: cut})
	}
	rows[len(rows)-1].to = last
	if len(rows) > 1 {
		p.moveToRows(rows)
	}
}

// cuts chooses where rows of about a length end.
func (p *plan) cuts(first, last, target float64) []float64 {
	n := len(p.layers)
	// What passes between a layer and the next, and the room there.
	passing, closed := make([]int, n), make([]int, n)
	left, right := slices.Clone(p.colRight), make([]float64, n) // of the gap behind a layer
	for l := range n - 1 {
		right[l] = p.colLeft[l+1]
	}
	for i := range p.bundles {
		b := &p.bundles[i]
		passing[p.items[b.low].layer] += len(b.strands)
		passing[p.items[b.high].layer] -= len(b.strands)
	}
	for c := range p.graph.Clusters {
		from, to := p.clusterFirst[c], p.clusterLast[c]
		closed[from]++
		closed[to]--
		left[to] = math.Max(left[to], p.clusterU(c, true))
		if from > 0 {
			right[from-1] = math.Min(right[from-1], p.clusterU(c, false))
		}
	}
	var cuts []float64
	start := first
	best, least := -1.0, math.Inf(1)
	open, inside := 0, 0
	for l := 0; l+1 < n; l++ {
		open += passing[l]
		inside += closed[l]
		cut := (left[l] + right[l]) / 2
		if inside > 0 || open > mostCrossed || right[l]-left[l] < 4 || cut-start < 0.6*target {
			continue
		}
		if last-cut < 0.4*target {
			break
		}
		const perEdge = 60 // what an edge more costs in units of length
		if cost := math.Abs(cut-start-target) + perEdge*float64(open); cost < least {
			best, least = cut, cost
		}
		if cut-start >= 1.25*target && best >= 0 {
			cuts = append(cuts, best)
			start, best, least = best, -1, math.Inf(1)
			// The layers behind the cut are looked at anew.
			for l > 0 && p.colLeft[l] > start {
				open -= passing[l]
				inside -= closed[l]
				l--
			}
		}
	}
	if best >= 0 && last-start > 1.3*target {
		cuts = append(cuts, best)
	}
	return cuts
}

// extent returns how far the drawing reaches along v between two places along u.
func (p *plan) extent(from, to float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	cover := func(u, a, b float64) {
		if u >= from && u < to {
			low, high = math.Min(low, a), math.Max(high, b)
		}
	}
	for i := range p.graph.Nodes {
		c := p.centre(i)
		cover(c.X, c.Y-p.sv[i]/2, c.Y+p.sv[i]/2)
	}
	for c := range p.graph.Clusters {
		cover(p.clusterU(c, false), p.clusterLow[c], p.clusterHigh[c])
	}
	for i := range p.routes {
		for _, c := range p.routes[i].Path {
			cover(c[0].X, c[0].Y, c[0].Y)
			cover(c[3].X, c[3].Y, c[3].Y)
		}
		if e := &p.graph.Edges[i]; e.LabelW > 0 {
			v := e.LabelH
			if !p.options.Direction.Horizontal() {
				v = e.LabelW
			}
			cover(p.routes[i].Label.X, p.routes[i].Label.Y-v/2, p.routes[i].Label.Y+v/2)
		}
	}
	return low, high
}

// crossing is where a route passes from a row to the next.
type crossing struct {
	edge int
	v    float64
}

// moveToRows moves everything into its row and leads the edges on that pass from one to another.
func (p *plan) moveToRows(rows []row) {
	at := func(u float64) int {
		k, _ := slices.BinarySearchFunc(rows, u, func(r row, u float64) int {
			if r.to <= u {
				return -1
			}
			return 1
		})
		return min(k, len(rows)-1)
	}
	// Routes fall into pieces, one a row, all in the direction of u.
	pieces := make([][]geom.Path, len(p.routes))
	crossings := make([][]crossing, len(rows))
	for i := range p.routes {
		path := p.routes[i].Path
		if len(path) == 0 {
			continue
		}
		if p.graph.Edges[i].Reverse {
			path = path.Reversed()
		}
		k := at(path[0][0].X)
		for end := at(path[len(path)-1][3].X); k < end; k++ {
			before, after, found := cutPath(path, rows[k].to)
			if !found {
				return // a route that leads back and forth: the drawing stays as it is
			}
			pieces[i] = append(pieces[i], before)
			crossings[k] = append(crossings[k], crossing{i, before[len(before)-1][3].Y})
			path = after
		}
		pieces[i] = append(pieces[i], path)
	}
	track := make([]map[int]int, len(rows)) // by row and edge: its place among those that lead on, from above
	top := 0.0
	for k := range rows {
		r := &rows[k]
		r.low, r.high = p.extent(r.from, r.to)
		if k == len(rows)-1 {
			r.low, r.high = p.extent(r.from, math.Inf(1))
		}
		for _, c := range crossings[k] {
			r.low, r.high = math.Min(r.low, c.v), math.Max(r.high, c.v)
		}
		if k > 0 {
			for _, c := range crossings[k-1] {
				r.low, r.high = math.Min(r.low, c.v), math.Max(r.high, c.v)
			}
		}
		r.du, r.dv = -r.from, top-r.low
		slices.SortStableFunc(crossings[k], func(a, b crossing) int {
			switch {
			case a.v < b.v:
				return -1
			case a.v > b.v:
				return 1
			}
			return a.edge - b.edge
		})
		track[k] = map[int]int{}
		for i, c := range crossings[k] {
			track[k][c.edge] = i
		}
		top += r.high - r.low + 2*rowGap + p.options.EdgeGap*float64(max(0, len(crossings[k])-1))
	}
	for i := range p.routes {
		if len(pieces[i]) == 0 {
			continue
		}
		reverse := p.graph.Edges[i].Reverse
		start := pieces[i][0][0][0].X
		k := at(start)
		var path geom.Path
		for j, piece := range pieces[i] {
			r := &rows[k]
			path = append(path, piece.Map(r.move)...)
			if j+1 < len(pieces[i]) {
				a := path[len(path)-1][3]
				b := rows[k+1].move(pieces[i][j+1][0][0])
				count, place := len(crossings[k]), float64(track[k][i])
				outer := float64(count-1) - place // the lowest turns first and runs highest
				gap := p.options.EdgeGap
				down, back := a.X+turnRoom+gap*outer, b.X-turnRoom-gap*place
				v := r.high + r.dv + rowGap + gap*outer
				path = append(path, rounded([]geom.Point{a, {X: down, Y: a.Y}, {X: down, Y: v}, {X: back, Y: v}, {X: back, Y: b.Y}, b})...)
			}
			k++
		}
		label := at(p.routes[i].Label.X)
		p.routes[i].Label = rows[label].move(p.routes[i].Label)
		if reverse {
			path = path.Reversed()
		}
		p.routes[i].Path = path
	}
	p.rows = rows
	p.rowOf = at
}

// move returns the place of a point of the row.
func (r *row) move(q geom.Point) geom.Point { return geom.Point{X: q.X + r.du, Y: q.Y + r.dv} }

// cutPath cuts a path where it passes a place along u, and reports whether it passes it once.
func cutPath(path geom.Path, u float64) (before, after geom.Path, found bool) {
	for i, c := range path {
		if c[0].X > u || c[3].X <= u {
			continue
		}
		low, high := 0.0, 1.0
		for range 40 {
			if m := (low + high) / 2; c.At(m).X <= u {
				low = m
			} else {
				high = m
			}
		}
		left, right := c.Split(low)
		for _, d := range path[i+1:] {
			if d[3].X <= u {
				return nil, nil, false
			}
		}
		return append(slices.Clone(path[:i]), left), append(geom.Path{right}, path[i+1:]...), true
	}
	return nil, nil, false
}

// inRow returns the place of a point in the drawing with rows.
func (p *plan) inRow(q geom.Point) geom.Point {
	if p.rows == nil {
		return q
	}
	return p.rows[p.rowOf(q.X)].move(q)
}
