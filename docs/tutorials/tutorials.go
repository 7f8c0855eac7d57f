// Package tutorials holds the tutorials: each is a folder with one file of Go, tutorial_test.go, which go test runs, and a notebook that
// is made of it, with what it prints and the pictures that it shows.
package tutorials

//go:generate go run ./internal/generate
