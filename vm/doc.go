// Package vm holds programs and the machines that run them.
//
// A Program is immutable: a list of instructions over one arena whose size is known in advance. It
// is verified when it is made, from Code, text or a file, and can be printed, encoded and shared. A Machine owns an arena and runs one program; use one
// machine for each goroutine.
// A machine allocates nothing after its first run (Step, and Run with values that it reads in place), but for two things: in its 40th run it makes machine code of
// scalars and short loops, or when it is made, with WithNativeAhead; and sparse solves allocate when their factors have more entries than ever before. Errors allocate.
package vm

//go:generate go run ../internal/docgen/bytecode ..
