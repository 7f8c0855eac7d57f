package show_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/adjoint-go/adjoint/docs/tutorials/show"
	"github.com/adjoint-go/adjoint/graph"
)

// In a notebook, graphs and charts reach its function, as PNG with a palette.
func TestNotebook(t *testing.T) {
	var shown []image.Image
	show.In(func(data []byte) {
		p, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, p)
	})
	defer show.In(nil)
	x := graph.New().Input("x", graph.Float64)
	show.Gradient(graph.Square(x), map[string]any{"x": 3.0})
	show.Axes{Title: "x²", LogY: true}.Chart(show.Series{Name: "line", X: []float64{1, 2, 3}, Y: []float64{1, 4, 9}})
	if len(shown) != 2 {
		t.Fatalf("%d pictures", len(shown))
	}
	for _, p := range shown {
		if _, ok := p.(*image.Paletted); !ok || p.Bounds().Dx() < 200 {
			t.Errorf("%T %v", p, p.Bounds())
		}
	}
}

// Mistakes are printed, where an example's output shows them, and nothing is shown.
func TestMistake(t *testing.T) {
	show.In(func([]byte) { t.Error("a mistake was shown") })
	defer show.In(nil)
	show.PNG(func(io.Writer) error { return errors.New("no picture") })
	show.Axes{}.Chart(show.Series{X: []float64{1}})
	show.Gradient(graph.New().Input("x", graph.Float64), nil)
}

// Outside of notebooks a folder keeps the pictures of an example, by its name and their order.
func ExamplePNG() {
	folder, err := os.MkdirTemp("", "pictures")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	defer os.Setenv(show.Folder, os.Getenv(show.Folder))
	os.Setenv(show.Folder, folder)
	for range 2 {
		show.PNG(func(w io.Writer) error { _, err := w.Write([]byte("picture")); return err })
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, f := range files {
		os.Stdout.WriteString(filepath.Base(f) + "\n")
	}
	// Output:
	// ExamplePNG-0.png
	// ExamplePNG-1.png
}
