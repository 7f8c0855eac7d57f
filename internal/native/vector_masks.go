package native

func (g *generator) storeMaskBytes(r uint8, p mem) {}
func (g *generator) loadMaskBytes(r uint8, p mem)  {}
func (g *generator) narrowMask(r uint8) uint8      { return r }
