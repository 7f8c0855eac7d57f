//go:build !amd64

package winograd

import "github.com/adjoint-go/adjoint/internal/cpu"

func vectorTransforms(cpu.Level) (Transforms, bool) { return Transforms{}, false }
