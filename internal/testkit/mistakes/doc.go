// Package mistakes holds the test that calls everything exported with everything wrong.
package mistakes

//go:generate go run ./gen
