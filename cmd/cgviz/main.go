// Command cgviz draws computational graphs: of an expression, of a graph's text form
// (*.cg), with values and gradients at a point, as DOT, SVG, PNG or JSON.
//
//	cgviz 'z = x1^2 + x2^2 + x1*x2' -o z.png --grad overlay --at x1=2,x2=3
//
// "cgviz --help" describes all of it.
package main

import (
	"os"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/command"
)

//go:generate go run ./internal/manual/gen

func main() { os.Exit(command.Main(os.Args[1:], command.System())) }
