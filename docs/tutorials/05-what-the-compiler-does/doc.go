// Package tutorial follows one graph through the compiler: rewrites, fusion, memory, and the bytecode line by line.
package tutorial
