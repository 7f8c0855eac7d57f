// Package tutorial puts loops into graphs, differentiates them, and trades memory for work by checkpoints.
package tutorial
