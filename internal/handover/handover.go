// Package handover lets the compiler leave code to package vm, whose own NewProgram copies what it is given.
package handover

// NewProgram is vm.NewProgram of code (a *vm.Code) that nobody keeps or changes any part of: it is verified, but not copied. The result is a *vm.Program. Package vm sets it.
var NewProgram func(code any) (program any, err error)
