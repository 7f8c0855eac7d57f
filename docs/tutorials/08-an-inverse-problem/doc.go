// Package tutorial finds the thickness of the earth's crust from the velocities of surface waves: a root, its derivatives by the implicit function theorem, and least squares.
package tutorial
