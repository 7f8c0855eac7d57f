package asm

// WordsAVX512 writes words, or the numbers of Kind that come of them.
//
//go:noescape
func WordsAVX512(r *Run)
