package elem

import "embed"

// Source is the Go source of the scalar functions, from which package gosource takes those that a generated file needs.
//
//go:embed functions_gen.go gamma.go incomplete.go jet.go lane.go scalar.go special.go special_tables.go
var Source embed.FS
