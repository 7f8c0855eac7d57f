//go:build race

package vm_test

// underRace: the race detector allocates.
const underRace = true
