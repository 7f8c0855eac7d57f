package main

import (
	"testing"

	"github.com/adjoint-go/adjoint/internal/asmgen"
)

// TestGeneratedFilesAreCurrent regenerates every file of package asm in memory.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	if err := asmgen.Stale("..", generate); err != nil {
		t.Error(err)
	}
}
