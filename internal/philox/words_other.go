//go:build !amd64

package philox

import "github.com/adjoint-go/adjoint/internal/philox/asm"

func words(*asm.Run) bool { return false }
