package notebook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// The types below are those of notebooks in version 4.5 of their format, with the keys in alphabetical order, as Jupyter writes them.
type (
	document struct {
		Cells    []cell         `json:"cells"`
		Metadata map[string]any `json:"metadata"`
		Format   int            `json:"nbformat"`
		Minor    int            `json:"nbformat_minor"`
	}
	cell struct {
		Type     string         `json:"cell_type"`
		Count    *int           `json:"execution_count,omitempty"`
		ID       string         `json:"id"`
		Metadata map[string]any `json:"metadata"`
		Outputs  *[]output      `json:"outputs,omitempty"`
		Source   lines          `json:"source"`
	}
	output struct {
		Data     map[string]lines `json:"data,omitempty"`
		Metadata *struct{}        `json:"metadata,omitempty"` // always empty, and not there in streams
		Name     string           `json:"name,omitempty"`
		Type     string           `json:"output_type"`
		Text     lines            `json:"text,omitempty"`
	}
	// lines are a text; it may be stored as a string or as a list of lines with their ends.
	lines string
)

func (l lines) MarshalJSON() ([]byte, error) {
	if !strings.Contains(string(l), "\n") {
		return marshal(string(l))
	}
	return marshal(strings.SplitAfter(string(l), "\n"))
}

func (l *lines) UnmarshalJSON(data []byte) error {
	var list []string
	if err := json.Unmarshal(data, &list); err == nil {
		*l = lines(strings.Join(list, ""))
		return nil
	}
	return json.Unmarshal(data, (*string)(l))
}

// marshal leaves < and > as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// Encode returns the notebook of the cells, run, with the pictures of each Example.
func Encode(cells []Cell, pictures map[string][][]byte) ([]byte, error) {
	d := document{Format: 4, Minor: 5, Metadata: map[string]any{
		"kernelspec":    map[string]any{"display_name": "Go (gonb)", "language": "go", "name": "gonb"},
		"language_info": map[string]any{"file_extension": ".go", "mimetype": "text/x-go", "name": "go"},
	}}
	count := 0
	for i, c := range cells {
		e := cell{Type: "markdown", ID: fmt.Sprintf("cell-%02d", i), Metadata: map[string]any{}, Source: lines(c.Text)}
		if c.Text == "" {
			count++
			run := count
			outputs := []output{}
			if c.Output != "" {
				outputs = append(outputs, output{Type: "stream", Name: "stdout", Text: lines(c.Output + "\n")})
			}
			for _, p := range pictures[c.Example] {
				outputs = append(outputs, output{Type: "display_data", Data: map[string]lines{"image/png": lines(base64.StdEncoding.EncodeToString(p))}, Metadata: new(struct{})})
			}
			e.Type, e.Count, e.Outputs, e.Source = "code", &run, &outputs, lines(c.Code)
		}
		d.Cells = append(d.Cells, e)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(d)
	return b.Bytes(), err
}

// Check returns an error unless the notebook beside a tutorial's folder is what Encode makes of it, whatever its pictures show.
func Check(folder string) error {
	cells, err := Read(folder)
	if err != nil {
		return err
	}
	path := folder + ".ipynb"
	d, err := read(path)
	if err != nil {
		return err
	}
	pictures := map[string][][]byte{}
	for i, c := range d.Cells {
		if c.Outputs == nil || i >= len(cells) {
			continue
		}
		for _, o := range *c.Outputs {
			if p := o.Data["image/png"]; p != "" {
				data, err := base64.StdEncoding.DecodeString(string(p))
				if err != nil {
					return err
				}
				pictures[cells[i].Example] = append(pictures[cells[i].Example], data)
			}
		}
	}
	want, err := Encode(cells, pictures)
	if err != nil {
		return err
	}
	got, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s is not what %s says; run go generate ./docs/tutorials", path, SourceName)
	}
	return err
}

// Compare returns an error unless two notebooks have the same cells, print the same and show as many pictures; the second must have run
// without complaint. The format's details, in which versions of Jupyter differ, do not count, nor do the pixels.
func Compare(want, got string) error {
	a, err := read(want)
	if err != nil {
		return err
	}
	b, err := read(got)
	if err != nil {
		return err
	}
	if len(a.Cells) != len(b.Cells) {
		return fmt.Errorf("%s has %d cells, and %s has %d", want, len(a.Cells), got, len(b.Cells))
	}
	for i := range a.Cells {
		x, y := a.Cells[i], b.Cells[i]
		if x.Type != y.Type || x.Source != y.Source {
			return fmt.Errorf("cell %d of %s is\n%s\nand not\n%s", i, got, y.Source, x.Source)
		}
		if x.printed() != y.printed() {
			return fmt.Errorf("cell %d of %s\n%s\ngives\n%s\nand not\n%s", i, got, y.Source, y.printed(), x.printed())
		}
	}
	return nil
}

// printed is what a cell printed and how many pictures it showed.
func (c *cell) printed() string {
	if c.Outputs == nil {
		return ""
	}
	var text, other strings.Builder
	pictures := 0
	for _, o := range *c.Outputs {
		switch {
		case o.Type == "stream" && o.Name == "stdout":
			text.WriteString(string(o.Text))
		case o.Data["image/png"] != "":
			pictures++
		default:
			fmt.Fprintf(&other, "\n%s %s: %s%v", o.Type, o.Name, o.Text, o.Data)
		}
	}
	return fmt.Sprintf("%s\n%d pictures%s", strings.TrimSpace(text.String()), pictures, other.String())
}

func read(path string) (*document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := new(document)
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}
