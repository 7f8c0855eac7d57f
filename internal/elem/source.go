package elem

import "embed"

// Source is the package's Go source, from which package gosource takes the scalar functions that a generated file needs.
//
//go:embed *.go
var Source embed.FS
