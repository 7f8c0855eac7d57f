package asm

// InputAVX512 is winograd.Transforms.Input.
//
//go:noescape
func InputAVX512(m *Move)

// AdjointAVX512 is winograd.Transforms.Adjoint.
//
//go:noescape
func AdjointAVX512(m *Move)

// OutputAVX512 is winograd.Transforms.Output.
//
//go:noescape
func OutputAVX512(m *Move)

// InputAVX2 is winograd.Transforms.Input.
//
//go:noescape
func InputAVX2(m *Move)

// AdjointAVX2 is winograd.Transforms.Adjoint.
//
//go:noescape
func AdjointAVX2(m *Move)

// OutputAVX2 is winograd.Transforms.Output.
//
//go:noescape
func OutputAVX2(m *Move)
