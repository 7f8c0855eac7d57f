// Package sysmem knows how much memory the process may have.
package sysmem

import "sync"

// Total is the memory of the machine in bytes, or of the control group that the process runs in if that is less; 0 if it is not known.
var Total = sync.OnceValue(total)
