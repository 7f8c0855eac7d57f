// Package vm holds programs and the machines that run them.
//
// A Program is immutable: a list of instructions over one arena whose size is known in advance. It
// is verified when it is made, from Code, text or a file, and can be printed, encoded and shared. A Machine owns an arena and runs one program; use one
// machine for each goroutine. After its first run a machine allocates nothing.
package vm

//go:generate go run ../internal/docgen/bytecode ..
