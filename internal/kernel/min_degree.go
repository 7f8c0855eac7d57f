package kernel

import "slices"

// minDegree orders the rows and columns of sparse square matrices so that their factors have few entries: the next one is always one of those that touch the fewest others (Amestoy, Davis & Duff, An approximate
// minimum degree ordering algorithm, SIAM J. Matrix Anal. Appl. 17, 1996). The graph is kept as a quotient graph: rows that are done become elements, cliques of the rows left that they touch, and degrees
// are upper bounds that cost as much as the lists of a row are long. Rows that have become alike are one.
type minDegree struct {
	n          int
	rows       [][]int32 // by row that is left: those that it touches beside elements
	elements   [][]int32 // by row: the elements that it belongs to
	members    [][]int32 // by element: its rows
	weight     []int32   // rows that a row stands for, 0 for those that are done or another stands for
	dead       []bool    // elements that lie within others
	degree     []int32
	head, next []int32 // lists of rows by degree, −1 at the end
	before     []int32
	outside    []int32 // by element: its rows outside of the current one, if its stamp is current
	stamp      []int32
	marks      []int32
	alike      [][]int32 // by row: those that it stands for
	current    int32
}

// order returns the order of the rows of a matrix whose row i has the columns cols[rows[i]:rows[i+1]]. poll is told of work done.
func (m *minDegree) order(rows, cols []int64, poll func(work int)) []int {
	m.n = len(rows) - 1
	n := m.n
	m.rows, m.elements, m.members, m.alike = make([][]int32, n), make([][]int32, n), make([][]int32, n), make([][]int32, n)
	m.weight, m.degree, m.next, m.before = make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	m.outside, m.stamp, m.marks, m.dead = make([]int32, n), make([]int32, n), make([]int32, n), make([]bool, n)
	m.head = make([]int32, n+1)
	m.symmetric(rows, cols)
	for d := range m.head {
		m.head[d] = -1
	}
	for i := n - 1; i >= 0; i-- {
		m.weight[i] = 1
		m.degree[i] = int32(len(m.rows[i]))
		m.link(int32(i))
	}
	var order []int
	least := int32(0)
	var clique []int32
	for len(order) < n {
		for m.head[least] < 0 {
			least++
		}
		p := m.head[least]
		m.unlink(p)
		own := m.weight[p]
		m.weight[p] = 0
		order = m.emit(order, p)
		if len(order) == n {
			break
		}
		// The rows that p touches are a clique from now on.
		m.current++
		m.marks[p] = m.current
		clique = clique[:0]
		size := int32(0)
		add := func(list []int32) {
			for _, i := range list {
				if m.weight[i] > 0 && m.marks[i] != m.current {
					m.marks[i] = m.current
					clique = append(clique, i)
					size += m.weight[i]
				}
			}
			poll(len(list))
		}
		add(m.rows[p])
		for _, e := range m.elements[p] {
			add(m.members[e])
			m.dead[e], m.members[e] = true, nil
		}
		m.rows[p], m.elements[p] = nil, nil
		m.members[p] = slices.Clone(clique)
		// How much of each other element lies outside.
		for _, i := range clique {
			for _, e := range m.elements[i] {
				if m.dead[e] {
					continue
				}
				if m.stamp[e] != m.current {
					m.stamp[e] = m.current
					m.outside[e] = m.size(e)
				}
				m.outside[e] -= m.weight[i]
			}
		}
		left := int32(n-len(order)) - size
		for _, i := range clique {
			m.unlink(i)
			rest := size - m.weight[i]
			bound := rest
			m.elements[i] = slices.DeleteFunc(m.elements[i], func(e int32) bool {
				if !m.dead[e] && m.outside[e] == 0 { // within the new one
					m.dead[e], m.members[e] = true, nil
				}
				if !m.dead[e] {
					bound += m.outside[e]
				}
				return m.dead[e]
			})
			m.elements[i] = append(m.elements[i], p)
			m.rows[i] = slices.DeleteFunc(m.rows[i], func(k int32) bool {
				gone := m.weight[k] == 0 || m.marks[k] == m.current
				if !gone {
					bound += m.weight[k]
				}
				return gone
			})
			poll(len(m.rows[i]) + len(m.elements[i]))
			m.degree[i] = min(left+rest, m.degree[i]+rest-min(own, m.degree[i]), bound)
		}
		m.merge(clique)
		for _, i := range clique {
			if m.weight[i] > 0 {
				m.degree[i] = max(0, min(m.degree[i], int32(n-len(order))-m.weight[i]))
				m.link(i)
				least = min(least, m.degree[i])
			}
		}
	}
	*m = minDegree{}
	return order
}

// symmetric fills rows with the pattern of the matrix and its transpose together, without the diagonal.
func (m *minDegree) symmetric(rows, cols []int64) {
	for i := range m.n {
		for _, j := range cols[rows[i]:rows[i+1]] {
			if int(j) != i {
				m.rows[i], m.rows[j] = append(m.rows[i], int32(j)), append(m.rows[j], int32(i))
			}
		}
	}
	for i := range m.rows {
		slices.Sort(m.rows[i])
		m.rows[i] = slices.Compact(m.rows[i])
	}
}

// size is the number of rows of an element that are left.
func (m *minDegree) size(e int32) int32 {
	n := int32(0)
	kept := m.members[e][:0]
	for _, i := range m.members[e] {
		if m.weight[i] > 0 {
			n += m.weight[i]
			kept = append(kept, i)
		}
	}
	m.members[e] = kept
	return n
}

// merge lets one row of the clique stand for all that have the same lists.
func (m *minDegree) merge(clique []int32) {
	byHash := map[uint64][]int32{}
	for _, i := range clique {
		h := uint64(len(m.rows[i]))<<32 | uint64(len(m.elements[i]))
		for _, k := range m.rows[i] {
			h += uint64(k) * 0x9E3779B97F4A7C15
		}
		for _, e := range m.elements[i] {
			h += uint64(e) * 0xC2B2AE3D27D4EB4F
		}
		for _, k := range byHash[h] {
			if m.weight[k] > 0 && m.same(i, k) {
				m.weight[k] += m.weight[i]
				m.degree[k] -= m.weight[i]
				m.weight[i] = 0
				m.alike[k] = append(m.alike[k], i)
				m.rows[i], m.elements[i] = nil, nil
				break
			}
		}
		if m.weight[i] > 0 {
			byHash[h] = append(byHash[h], i)
		}
	}
}

// same reports whether two rows of one clique touch the same.
func (m *minDegree) same(i, k int32) bool {
	if len(m.rows[i]) != len(m.rows[k]) || len(m.elements[i]) != len(m.elements[k]) {
		return false
	}
	m.sort(i)
	m.sort(k)
	return slices.Equal(m.rows[i], m.rows[k]) && slices.Equal(m.elements[i], m.elements[k])
}

func (m *minDegree) sort(i int32) {
	slices.Sort(m.rows[i])
	slices.Sort(m.elements[i])
}

// emit appends a row and those that it stands for.
func (m *minDegree) emit(order []int, p int32) []int {
	stack := []int32{p}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = append(stack[:len(stack)-1], m.alike[i]...)
		order = append(order, int(i))
	}
	return order
}

// link puts a row at the head of the list of its degree, unlink takes it out.
func (m *minDegree) link(i int32) {
	d := m.degree[i]
	m.next[i], m.before[i] = m.head[d], -1
	if m.head[d] >= 0 {
		m.before[m.head[d]] = i
	}
	m.head[d] = i
}

func (m *minDegree) unlink(i int32) {
	if m.before[i] >= 0 {
		m.next[m.before[i]] = m.next[i]
	} else {
		m.head[m.degree[i]] = m.next[i]
	}
	if m.next[i] >= 0 {
		m.before[m.next[i]] = m.before[i]
	}
}
