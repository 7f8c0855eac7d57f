// Package data has the handwritten digits that scikit-learn brings along as load_digits: the test set of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository,
// https://doi.org/10.24432/C50P49, under the licence CC BY 4.0. The images are sums over blocks of bitmaps of 32×32 pixels; export.py took them from scikit-learn (BSD licence).
package data

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the file
	"fmt"
	"io"
)

//go:embed digits.gz
var file []byte

// Size is the number of pixels of an image, 8 rows of 8.
const Size = 64

// Digits are images with their labels.
type Digits struct {
	Pixels []float32 // of all images, each in rows, from 0 to 1
	Labels []int64
}

// Load returns the first 1500 images to train on, and the other 297, by other writers, to test with.
func Load() (train, test Digits, err error) {
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return train, test, err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return train, test, err
	}
	const n, first = 1797, 1500
	if len(raw) != n*(Size+1) {
		return train, test, fmt.Errorf("the digits have %d bytes", len(raw))
	}
	var all Digits
	for _, v := range raw[:n*Size] {
		all.Pixels = append(all.Pixels, float32(v)/16)
	}
	for _, v := range raw[n*Size:] {
		all.Labels = append(all.Labels, int64(v))
	}
	train = Digits{all.Pixels[:first*Size], all.Labels[:first]}
	test = Digits{all.Pixels[first*Size:], all.Labels[first:]}
	return train, test, nil
}

// Take appends the images and labels of the given indices.
func (d Digits) Take(indices []int) (pixels []float32, labels []int64) {
	for _, i := range indices {
		pixels = append(pixels, d.Pixels[i*Size:(i+1)*Size]...)
		labels = append(labels, d.Labels[i])
	}
	return pixels, labels
}
