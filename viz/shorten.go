package viz

import (
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// typesetter sets the names of a drawing. Names are shortened to what tells them apart.
type typesetter struct{ short map[string]form }

// form is how a name is written: as mathematics, or as it is.
type form struct {
	text     string
	verbatim bool
}

// newTypesetter looks at the names that a drawing shows.
func newTypesetter(names []string) *typesetter {
	t := &typesetter{map[string]form{}}
	var all []string
	for _, name := range names {
		if _, known := t.short[name]; !known {
			all = append(all, name)
			t.short[name] = form{cutMiddle(lastPart(name)), false}
		}
	}
	t.alike(all, tellApart)
	// A form may be that of another name: what is left is written as it is, until all differ.
	for t.alike(all, verbatim) {
	}
	return t
}

// alike finds new forms for groups of names that look the same, and reports whether there are any.
func (t *typesetter) alike(names []string, tell func(group []string, short map[string]form)) bool {
	groups := map[string][]string{}
	for _, name := range names {
		look := scene.TextLine{Runs: t.name(name)}.Plain()
		groups[look] = append(groups[look], name)
	}
	found := false
	for _, group := range groups { // in any order: each group has forms of its own
		if len(group) > 1 {
			tell(group, t.short)
			found = true
		}
	}
	return found
}

// verbatim writes names as they are.
func verbatim(names []string, short map[string]form) {
	for _, name := range names {
		short[name] = form{name, true}
	}
}

// name returns the runs of a name.
func (t *typesetter) name(name string) []scene.Run {
	if short, known := t.short[name]; known {
		if short.verbatim {
			return []scene.Run{{Text: short.text, Italic: true}}
		}
		return setName(short.text)
	}
	return nameRuns(name)
}

// lastPart returns c of a/b/c.
func lastPart(name string) string {
	if k := strings.LastIndexByte(name, '/'); k >= 0 && k+1 < len(name) {
		return name[k+1:]
	}
	return name
}

// cutMiddle shortens a long text in its middle: beginnings and ends tell more.
func cutMiddle(text string) string {
	r := []rune(text)
	if len(r) <= longestName {
		return text
	}
	tail := longestName / 2
	return string(r[:longestName-1-tail]) + "…" + string(r[len(r)-tail:])
}

// tellApart finds short forms for names that would look the same: with the parts of their paths that differ, else with the letters
// that differ, else as they are.
func tellApart(names []string, short map[string]form) {
	for _, shorten := range []func([]string) []string{bodyTails, differingParts, differingLetters} {
		if list := shorten(names); list != nil && distinct(list) {
			for i, name := range names {
				short[name] = form{list[i], false}
			}
			return
		}
	}
	verbatim(names, short)
}

// distinct reports whether all names look different.
func distinct(names []string) bool {
	seen := map[string]bool{}
	for _, name := range names {
		look := scene.TextLine{Runs: setName(name)}.Plain()
		if seen[look] {
			return false
		}
		seen[look] = true
	}
	return true
}

// bodyTails returns names of which some lie in bodies, which are deep paths, with as many of their last parts as no other has; nil for names of
// which none does.
func bodyTails(names []string) []string {
	count, inBody := map[string]int{}, false
	tails := func(name string) []string {
		list := []string{name}
		for k := len(name) - 1; k >= 0; k-- {
			if name[k] == '/' {
				list = append(list, name[k+1:])
			}
		}
		slices.SortFunc(list, func(a, b string) int { return len(a) - len(b) })
		return list
	}
	for _, name := range names {
		inBody = inBody || strings.Contains(name, bodySign)
		for _, t := range tails(name) {
			count[t]++
		}
	}
	if !inBody {
		return nil
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = name
		for _, t := range tails(name) {
			if count[t] == 1 {
				list[i] = t
				break
			}
		}
	}
	return list
}

// differingParts returns the parts of paths that are not the same in all of them, and their last ones: layers.1/…/kernel.
func differingParts(names []string) []string {
	paths := make([][]string, len(names))
	longest := 0
	for i, name := range names {
		paths[i] = strings.Split(name, "/")
		longest = max(longest, len(paths[i]))
	}
	part := func(i, fromEnd int) string {
		if k := len(paths[i]) - 1 - fromEnd; k >= 0 {
			return paths[i][k]
		}
		return ""
	}
	differs := make([]bool, longest)
	for k := range differs {
		for i := range names {
			differs[k] = differs[k] || part(i, k) != part(0, k)
		}
	}
	list := make([]string, len(names))
	for i := range names {
		text, left := cutMiddle(part(i, 0)), false
		for k := 1; k < len(paths[i]); k++ {
			switch {
			case differs[k] && left:
				text, left = cutMiddle(part(i, k))+"/…/"+text, false
			case differs[k]:
				text = cutMiddle(part(i, k)) + "/" + text
			default:
				left = true
			}
		}
		list[i] = text
	}
	return list
}

// differingLetters returns the last parts of names with what differs in their middle.
func differingLetters(names []string) []string {
	texts := make([][]rune, len(names))
	for i, name := range names {
		texts[i] = []rune(lastPart(name))
	}
	first := texts[0]
	prefix, suffix := len(first), len(first)
	for _, t := range texts[1:] {
		k := 0
		for k < min(prefix, len(t)) && t[k] == first[k] {
			k++
		}
		prefix = k
		k = 0
		for k < min(suffix, len(t)) && t[len(t)-1-k] == first[len(first)-1-k] {
			k++
		}
		suffix = k
	}
	const ends = 8 // letters kept of what is the same
	list := make([]string, len(names))
	for i, t := range texts {
		from, to := min(prefix, len(t)), max(len(t)-suffix, min(prefix, len(t)))
		head, tail := string(t[:from]), string(t[to:])
		if from > 2*ends {
			head = string(t[:ends]) + "…" + string(t[from-ends/2:from])
		}
		if len(t)-to > 2*ends {
			tail = string(t[to:to+ends/2]) + "…" + string(t[len(t)-ends:])
		}
		list[i] = head + string(t[from:to]) + tail
	}
	return list
}
