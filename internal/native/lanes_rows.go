package native

import "github.com/adjoint-go/adjoint/internal/native/isa"

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
	val := &c.Vals[v]
	val.Home, val.Disp, val.Stored = isa.SpaceFixed, int32(8*lane), true
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
	for i := range c.Code {
		in := &c.Code[i]
		for _, v := range [...]int32{in.A, in.B, in.C} {
			if v != isa.None && c.Vals[v].Home == isa.SpaceFixed {
				if r, ok := rowOf[v]; ok {
					f.rows[r].last = int32(i)
				}
			}
		}
		if (in.Op == isa.Guard || in.Op == isa.GuardAll) && in.Extra != isa.None {
			if r, ok := rowOf[in.Extra]; ok {
				f.rows[r].last = int32(i)
			}
		}
	}
	places := c.rowPlaces              // displacements
	ends := make([]int32, len(places)) // the last reader of what lies there
	for k := range ends {
		ends[k] = isa.None
	}
	for r := range f.rows {
		row := &f.rows[r]
		place := isa.None
		for k, end := range ends {
			if end < row.store {
				place, ends[k] = places[k], row.last
				break
			}
		}
		if place == isa.None {
			place = c.SlotBase + c.SlotTop
			c.SlotTop += 8 * isa.LaneCount
			places, ends = append(places, place), append(ends, row.last)
		}
		c.Code[row.store].Extra = place
		for _, v := range row.values {
			c.Vals[v].Disp += place
		}
	}
	c.rowPlaces = places
}
