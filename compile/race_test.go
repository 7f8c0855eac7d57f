//go:build race

package compile_test

// underRace: the race detector's pointer checks allocate.
const underRace = true
