package compile

// flow is a network for maximal flows and minimal cuts (Dinic, Soviet Math. Doklady 11, 1970).
type flow struct {
	edges []flowEdge // each beside the one in the opposite direction
	out   [][]int32  // by node: its edges
	level []int32
	next  []int32
}

type flowEdge struct {
	to   int32
	left int64 // capacity
}

func (f *flow) node() int {
	f.out = append(f.out, nil)
	return len(f.out) - 1
}

func (f *flow) edge(from, to int, capacity int64) {
	for _, e := range [2]struct {
		from, to int
		left     int64
	}{{from, to, capacity}, {to, from, 0}} {
		f.out[e.from] = append(f.out[e.from], int32(len(f.edges)))
		f.edges = append(f.edges, flowEdge{int32(e.to), e.left})
	}
}

// search numbers the nodes by their distance from the source in edges with capacity left, −1 where there is no way.
func (f *flow) search(source int) {
	f.level = make([]int32, len(f.out))
	for i := range f.level {
		f.level[i] = -1
	}
	f.level[source] = 0
	queue := []int32{int32(source)}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, e := range f.out[n] {
			if to := f.edges[e].to; f.edges[e].left > 0 && f.level[to] < 0 {
				f.level[to] = f.level[n] + 1
				queue = append(queue, to)
			}
		}
	}
}

// sourceSide sends a maximal flow and returns which nodes are on the source's side of the minimal cut that is nearest to the source.
func (f *flow) sourceSide(source, sink int) []bool {
	for f.search(source); f.level[sink] >= 0; f.search(source) {
		f.next = make([]int32, len(f.out))
		for f.send(source, sink) {
		}
	}
	side := make([]bool, len(f.out))
	for i, level := range f.level {
		side[i] = level >= 0
	}
	return side
}

// send sends what one shortest way takes, and reports whether there was one.
func (f *flow) send(source, sink int) bool {
	var way []int32
	at := int32(source)
	for at != int32(sink) {
		advanced := false
		for ; int(f.next[at]) < len(f.out[at]); f.next[at]++ {
			e := f.out[at][f.next[at]]
			if to := f.edges[e].to; f.edges[e].left > 0 && f.level[to] == f.level[at]+1 {
				way = append(way, e)
				at = to
				advanced = true
				break
			}
		}
		if advanced {
			continue
		}
		if len(way) == 0 {
			return false
		}
		back := way[len(way)-1] // a dead end
		way = way[:len(way)-1]
		at = f.edges[back^1].to
		f.next[at]++
	}
	least := int64(1) << 62
	for _, e := range way {
		least = min(least, f.edges[e].left)
	}
	for _, e := range way {
		f.edges[e].left -= least
		f.edges[e^1].left += least
	}
	return true
}
