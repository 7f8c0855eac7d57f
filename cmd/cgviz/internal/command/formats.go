package command

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/viz"
)

// format is a way to write a picture.
type format struct {
	name       string
	extensions []string
	binary     bool
	// paint writes a picture; nil for JSON, which describes the model without one.
	paint func(*viz.Picture, io.Writer) error
}

var formats = []format{
	{"dot", []string{".dot", ".gv"}, false, (*viz.Picture).DOT},
	{"svg", []string{".svg"}, false, (*viz.Picture).SVG},
	{"png", []string{".png"}, true, (*viz.Picture).PNG},
	{"pdf", []string{".pdf"}, true, (*viz.Picture).PDF},
	{"html", []string{".html", ".htm"}, false, (*viz.Picture).HTML},
	{"json", []string{".json"}, false, nil},
	{"mermaid", []string{".mmd", ".mermaid"}, false, (*viz.Picture).Mermaid},
	{"text", []string{".txt"}, false, (*viz.Picture).Text},
	{"tikz", []string{".tikz"}, false, (*viz.Picture).TikZ},
	{"latex", []string{".tex", ".ltx"}, false, (*viz.Picture).LaTeX},
}

func formatNames() []string { return names(formats, func(f format) string { return f.name }) }

// write writes the model in the format, and what the format cannot show to warnings.
func (f *format) write(w, warnings io.Writer, m *viz.Model, options []viz.Option) error {
	if f.paint == nil {
		return m.JSON(w)
	}
	p, err := viz.NewFromModel(m, options...)
	if err != nil {
		return err
	}
	if err := warn(warnings, p, f.name); err != nil {
		return err
	}
	return f.paint(p, w)
}

// warn writes what of a picture a format cannot show.
func warn(to io.Writer, picture interface {
	Warnings(format string) ([]string, error)
}, format string) error {
	list, err := picture.Warnings(format)
	for _, text := range list {
		fmt.Fprintf(to, "warning: %s\n", text)
	}
	return err
}

// output is where a picture goes and in which format.
type output struct {
	streams      Streams
	format, file string
	chart        bool // there is no form of it as text
}

func (o *output) toStdout() bool { return o.file == "" || o.file == "-" }

// choose returns the format that -T names, else the one of the file's extension, else text for a person at a terminal and SVG for others.
func (o *output) choose() (*format, error) {
	f, err := o.find()
	if err == nil && f.binary && o.toStdout() && o.streams.OutTerminal {
		return nil, usage("%s is binary and standard output is a terminal: give -o FILE, or redirect the output", strings.ToUpper(f.name))
	}
	return f, err
}

func (o *output) find() (*format, error) {
	all := strings.Join(formatNames(), ", ")
	if o.format != "" {
		for i := range formats {
			if strings.EqualFold(formats[i].name, o.format) {
				return &formats[i], nil
			}
		}
		return nil, usage("there is no format %q: expected one of %s", o.format, all)
	}
	extension := strings.ToLower(filepath.Ext(o.file))
	switch {
	case o.file == "" && o.streams.OutTerminal && !o.chart:
		extension = ".txt"
	case o.toStdout() || extension == "":
		extension = ".svg"
	}
	for i := range formats {
		if slices.Contains(formats[i].extensions, extension) {
			return &formats[i], nil
		}
	}
	return nil, usage("the extension of %s belongs to no format: give -T with one of %s", o.file, all)
}

// choice is one of the values that a flag takes.
type choice[T any] struct {
	name  string
	value T
}

// choose returns the value that the flag's text names, letter case aside.
func choose[T any](flag, text string, choices []choice[T]) (T, error) {
	for _, c := range choices {
		if strings.EqualFold(c.name, text) {
			return c.value, nil
		}
	}
	var zero T
	return zero, usage("--%s is %q: expected %s", flag, text, strings.Join(choiceNames(choices), ", "))
}

func choiceNames[T any](choices []choice[T]) []string {
	return names(choices, func(c choice[T]) string { return c.name })
}

func names[T any](list []T, name func(T) string) []string {
	var out []string
	for _, x := range list {
		out = append(out, name(x))
	}
	return out
}
