// Package tutorial begins with a formula of two variables: its graph, its value and its gradient, by hand and by program.
package tutorial
