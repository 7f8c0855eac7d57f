// Package tutorial draws graphs, and finds mistakes, the first NaN, wrong gradients and slow places.
package tutorial
