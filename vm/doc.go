// Package vm holds programs and the machines that run them.
//
// A Program is immutable: a list of instructions over one arena whose size is known in advance. It
// can be printed, encoded, decoded (and is verified then) and shared. A Machine owns an arena and runs one program; use one
// machine for each goroutine. After its first run a machine allocates nothing.
package vm

//go:generate go run ../internal/docgen/bytecode ..
