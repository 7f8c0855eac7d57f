// Package tutorial adds operators: functions of nodes, derivatives of one's own, and kernels in Go.
package tutorial
