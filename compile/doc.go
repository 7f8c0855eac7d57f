// Package compile turns graphs into programs.
//
// Gradient, VJP and JVP append derivative nodes to a graph; their results are ordinary nodes, so
// they nest to any order. Compile copies what the outputs depend on, runs the passes of
// the table in passes.go (expansion, rewriting, fusion, scheduling, memory planning, emission) and returns a vm.Program.
package compile
