// Package sysmem knows how much memory the process may have, of which kind that of machines is, and what it begins with.
package sysmem

import "sync"

// Garbage has the memory of machines begin with bytes of ones, NaN as floats, rather than zeros: what an instruction leaves out, or reads before it is written, shows. Tests set it.
var Garbage bool

// Total is the memory of the machine in bytes, or of the control group that the process runs in if that is less; 0 if it is not known.
var Total = sync.OnceValue(total)
