//go:build goexperiment.simd

package main

const peerName = "gomlx.simd"
