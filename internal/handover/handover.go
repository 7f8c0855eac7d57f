// Package handover lets the compiler leave code to package vm, whose own NewProgram copies what it is given, and tests have machines begin with memory that nothing may read.
package handover

// Garbage has the memory of machines begin with bytes of ones, NaN as floats, rather than zeros: what an instruction leaves out, or reads before it is written, shows.
var Garbage bool

// NewProgram is vm.NewProgram of code (a *vm.Code) that nobody keeps or changes any part of: it is verified, but not copied. The result is a *vm.Program. Package vm sets it.
var NewProgram func(code any) (program any, err error)
