package raster

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image/color"
	"io"
)

// encoder packs rows of indices as they come. PNG (ISO 15948) wants the palette first, which is known last: what is
// kept is the packed image, a hundredth of the pixels.
type encoder struct {
	width, height int
	packed        bytes.Buffer
	z             *zlib.Writer
}

func newEncoder(width, height int) *encoder {
	e := &encoder{width: width, height: height}
	const level = 3 // eight times as fast as the usual one, for files a fifth larger
	z, err := zlib.NewWriterLevel(&e.packed, level)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	e.z = z
	return e
}

// rows adds rows of pixels. A buffer takes everything.
func (e *encoder) rows(pixels []uint8) {
	for ; len(pixels) > 0; pixels = pixels[e.width:] {
		_, _ = e.z.Write([]byte{0}) // no filter
		_, _ = e.z.Write(pixels[:e.width])
	}
}

// finish writes the file.
func (e *encoder) finish(w io.Writer, palette []color.RGBA) error {
	_ = e.z.Close()
	header := binary.BigEndian.AppendUint32(nil, uint32(e.width))
	header = binary.BigEndian.AppendUint32(header, uint32(e.height))
	header = append(header, 8, 3, 0, 0, 0) // eight bits, by palette, deflated, not interlaced
	var colours, alphas []byte
	clear := false
	for _, c := range palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		colours = append(colours, n.R, n.G, n.B)
		alphas = append(alphas, n.A)
		clear = clear || n.A < 255
	}
	type chunk struct {
		name string
		data []byte
	}
	chunks := []chunk{{"IHDR", header}, {"PLTE", colours}, {"tRNS", alphas}, {"IDAT", e.packed.Bytes()}, {"IEND", nil}}
	if _, err := io.WriteString(w, "\x89PNG\r\n\x1a\n"); err != nil {
		return fmt.Errorf("png: %w", err)
	}
	for _, c := range chunks {
		if c.name == "tRNS" && !clear {
			continue
		}
		begin := append(binary.BigEndian.AppendUint32(nil, uint32(len(c.data))), c.name...)
		sum := crc32.Update(crc32.ChecksumIEEE(begin[4:]), crc32.IEEETable, c.data)
		for _, part := range [][]byte{begin, c.data, binary.BigEndian.AppendUint32(nil, sum)} {
			if _, err := w.Write(part); err != nil {
				return fmt.Errorf("png: %w", err)
			}
		}
	}
	return nil
}
