package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a range of bytes of the source: Start is its first byte, End the byte after its last.
type Span struct {
	Start, End int
}

// Position is a place in the source as people count it; all three start at 1.
type Position struct {
	Line   int // lines end with "\n"
	Column int // in bytes
	Rune   int // column in characters (Unicode code points)
}

// position returns the position of byte offset in src. An offset beyond the end
// is taken as the end.
func position(src string, offset int) Position {
	offset = min(max(offset, 0), len(src))
	before := src[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return Position{
		Line:   strings.Count(before, "\n") + 1,
		Column: offset - start + 1,
		Rune:   utf8.RuneCountInString(before[start:]) + 1,
	}
}

// excerptWidth is the number of terminal cells of a source line that an excerpt shows.
const excerptWidth = 100

// Excerpt returns the line of src in which span starts and a second line with
// carets under the span (as far as it lies in that line), each indented and after
// a newline. It is empty for a blank line, where there is nothing to show. Long
// lines are cut around the span. Characters that would move a terminal's cursor
// or reorder its text are replaced.
func Excerpt(src string, span Span) string {
	start := min(max(span.Start, 0), len(src))
	lineStart := strings.LastIndexByte(src[:start], '\n') + 1
	lineEnd := len(src)
	if i := strings.IndexByte(src[start:], '\n'); i >= 0 {
		lineEnd = start + i
	}
	end := min(max(span.End, start), lineEnd)

	var before, under, after cells
	// More than this is never shown; a rune cut in two shows as U+FFFD beyond the edge.
	const most = 100 * excerptWidth
	before.add(src[max(lineStart, start-most):start])
	under.add(src[start:min(end, start+most)])
	after.add(src[end:min(lineEnd, end+most)])

	// The span's start always stays in view, with some of what surrounds it.
	if before.width+under.width+after.width > excerptWidth {
		before.keepEnd(excerptWidth * 2 / 5)
		under.keepStart(excerptWidth * 2 / 5)
		after.keepStart(excerptWidth - before.width - under.width)
	}
	var b strings.Builder
	b.WriteString("    ")
	b.WriteString(before.text())
	b.WriteString(under.text())
	b.WriteString(after.text())
	line := strings.TrimRight(b.String(), " ")
	if line == "" {
		return ""
	}
	return "\n" + line + "\n    " + strings.Repeat(" ", before.width) + strings.Repeat("^", max(under.width, 1))
}

// cells is text cut into terminal cells: each item is one visible character with
// the combining characters that follow it.
type cells struct {
	items []string
	sizes []int
	width int
}

// add appends the visible form of s.
func (c *cells) add(s string) {
	for _, r := range s {
		switch {
		case r == '\t':
			r = ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			r = utf8.RuneError
		}
		w := runeWidth(r)
		if w == 0 && len(c.items) > 0 {
			c.items[len(c.items)-1] += string(r)
			continue
		}
		// A combining character at the start of a piece is drawn over a space of its own.
		if w == 0 {
			c.items = append(c.items, "\u25CC"+string(r))
			w = 1
		} else {
			c.items = append(c.items, string(r))
		}
		c.sizes = append(c.sizes, w)
		c.width += w
	}
}

// keepEnd drops characters from the start until at most width cells are left.
func (c *cells) keepEnd(width int) {
	if c.width <= width {
		return
	}
	i, w := len(c.items), 1
	for i > 0 && w+c.sizes[i-1] <= width {
		i--
		w += c.sizes[i]
	}
	c.items = append([]string{"…"}, c.items[i:]...)
	c.sizes = append([]int{1}, c.sizes[i:]...)
	c.width = w
}

// keepStart drops characters from the end until at most width cells are left.
func (c *cells) keepStart(width int) {
	if c.width <= width {
		return
	}
	i, w := 0, 1
	for i < len(c.items) && w+c.sizes[i] <= width {
		w += c.sizes[i]
		i++
	}
	c.items = append(c.items[:i:i], "…")
	c.sizes = append(c.sizes[:i:i], 1)
	c.width = w
}

func (c *cells) text() string { return strings.Join(c.items, "") }

// wide lists the ranges of characters that take two cells: East_Asian_Width Wide
// and Fullwidth of Unicode Standard Annex #11, runs of unassigned characters included.
var wide = [][2]rune{
	{0x1100, 0x115F}, {0x231A, 0x231B}, {0x2329, 0x232A}, {0x23E9, 0x23EC}, {0x2E80, 0x303E}, {0x3041, 0x33FF},
	{0x3400, 0x4DBF}, {0x4E00, 0xA4CF}, {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFE10, 0xFE19},
	{0xFE30, 0xFE6F}, {0xFF01, 0xFF60}, {0xFFE0, 0xFFE6}, {0x16FE0, 0x18DFF}, {0x1AFF0, 0x1B2FF}, {0x1F004, 0x1F004},
	{0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C},
	{0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3E0, 0x1F3F0}, {0x1F400, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC},
	{0x1F4FF, 0x1F53D}, {0x1F550, 0x1F567}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6EB, 0x1F6FC}, {0x1F7E0, 0x1F7F0},
	{0x1F90C, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
}

// runeWidth returns the number of terminal cells that r takes: 0, 1 or 2.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case 0x1160 <= r && r <= 0x11FF: // Hangul vowels and finals join the syllable before them
		return 0
	}
	for _, w := range wide {
		if w[0] <= r && r <= w[1] {
			return 2
		}
	}
	return 1
}
