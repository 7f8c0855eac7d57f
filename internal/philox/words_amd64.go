package philox

import "github.com/adjoint-go/adjoint/internal/philox/asm"

func words(r *asm.Run) bool {
	asm.WordsAVX512(r)
	return true
}
