package native

// laneRow is a pack in the scratch block, for its scalar users.
type laneRow struct {
	store  int32   // the instruction that writes it
	last   int32   // the last that reads it
	values []int32 // values that lie in it
}

// inRow says that a value lies in the newest row.
func (c *straightCompiler) inRow(v int32, lane int) {
	row := &c.lanesFound.rows[len(c.lanesFound.rows)-1]
	row.values = append(row.values, v)
	val := &c.vals[v]
	val.home, val.disp, val.stored = spaceFixed, int32(8*lane), true
}

// placeRows gives the rows places in the scratch block, which are used again after a row's last reader.
func (c *straightCompiler) placeRows() {
	f := &c.lanesFound
	rowOf := map[int32]int32{}
	for r := range f.rows {
		f.rows[r].last = f.rows[r].store
		for _, v := range f.rows[r].values {
			rowOf[v] = int32(r)
		}
	}
	for i := range c.code {
		in := &c.code[i]
		for _, v := range [...]int32{in.a, in.b, in.c} {
			if v != none && c.vals[v].home == spaceFixed {
				if r, ok := rowOf[v]; ok {
					f.rows[r].last = int32(i)
				}
			}
		}
		if in.op == lGuard && in.extra != none {
			if r, ok := rowOf[in.extra]; ok {
				f.rows[r].last = int32(i)
			}
		}
	}
	places := c.rowPlaces              // displacements
	ends := make([]int32, len(places)) // the last reader of what lies there
	for k := range ends {
		ends[k] = none
	}
	for r := range f.rows {
		row := &f.rows[r]
		place := none
		for k, end := range ends {
			if end < row.store {
				place, ends[k] = places[k], row.last
				break
			}
		}
		if place == none {
			place = c.slotBase + c.slotTop
			c.slotTop += 8 * laneCount
			places, ends = append(places, place), append(ends, row.last)
		}
		c.code[row.store].extra = place
		for _, v := range row.values {
			c.vals[v].disp += place
		}
	}
	c.rowPlaces = places
}
