package docs_test

import (
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *#*$`)
	code    = regexp.MustCompile("(?ms)^ *```.*?^ *```|``[^`]+``|`[^`\n]+`")
)

// TestLinks holds that relative links of the README, the pages and the tutorials lead to files and headings that are there.
func TestLinks(t *testing.T) {
	pages := []string{"../README.md"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") || strings.HasSuffix(path, ".ipynb") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range pages {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(prose(t, page), "x"), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			links++
			target := page
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(u.Path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: (%s): there is no such file", page, m[1])
				continue
			}
			if u.Fragment != "" && !anchors(t, target)[u.Fragment] {
				t.Errorf("%s: (%s): there is no such heading", page, m[1])
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d relative links were found", links)
	}
}

// prose returns the Markdown of a page or notebook.
func prose(t *testing.T, page string) string {
	text := readPage(t, page)
	if !strings.HasSuffix(page, ".ipynb") {
		return text
	}
	var notebook struct {
		Cells []struct {
			Kind   string `json:"cell_type"`
			Source any    `json:"source"` // a string, or a list of lines
		} `json:"cells"`
	}
	if err := json.Unmarshal([]byte(text), &notebook); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range notebook.Cells {
		if lines, ok := c.Source.([]any); ok && c.Kind == "markdown" {
			for _, line := range lines {
				b.WriteString(line.(string))
			}
			b.WriteString("\n\n")
		}
	}
	return b.String()
}

// anchors returns the names that GitHub and MkDocs give to the headings of a page.
func anchors(t *testing.T, page string) map[string]bool {
	names := map[string]bool{}
	text := regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(prose(t, page), "")
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '-':
				return '-'
			case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		for n, first := 1, name; names[name]; n++ {
			name = first + "-" + strconv.Itoa(n)
		}
		names[name] = true
	}
	return names
}
