package gosource

import (
	"regexp"
	"slices"
	"strings"
)

var (
	identifiers = regexp.MustCompile(`[A-Za-z_]\w*`)
	assignment  = regexp.MustCompile(`^((?:\w+, )*\w+) :?= (.*)$`)
	declares    = regexp.MustCompile(`^var (\w+) [\[\]\w]+$`)
	increment   = regexp.MustCompile(`^(\w+)\+\+$`)
	ours        = regexp.MustCompile(`^(t|r|steps)\d+$`)
)

// pruned leaves out assignments to variables that nothing reads, which Go refuses. Expressions have no effects.
func pruned(lines []string) []string {
	reads := map[string]int{}
	count := func(text string, by int) {
		code, _, _ := strings.Cut(text, " // ")
		for _, n := range identifiers.FindAllString(code, -1) {
			if ours.MatchString(n) {
				reads[n] += by
			}
		}
	}
	// split returns the variables that a line assigns, and the rest of it.
	split := func(line string) (to []string, rest string) {
		code, _, _ := strings.Cut(line, " // ")
		if m := assignment.FindStringSubmatch(code); m != nil {
			return strings.Split(m[1], ", "), m[2]
		}
		for _, r := range [2]*regexp.Regexp{declares, increment} {
			if m := r.FindStringSubmatch(code); m != nil {
				return m[1:2], ""
			}
		}
		return nil, line
	}
	for _, line := range lines {
		_, rest := split(line)
		count(rest, 1)
	}
	dead := func(n string) bool { return ours.MatchString(n) && reads[n] == 0 }
	for changed := true; changed; { // a loop's carry may be read by a line before the one that goes
		changed = false
		for i := len(lines) - 1; i >= 0; i-- {
			to, rest := split(lines[i])
			if len(to) == 0 || !slices.ContainsFunc(to, dead) {
				continue
			}
			if !slices.ContainsFunc(to, func(n string) bool { return !dead(n) }) {
				count(rest, -1)
				lines = slices.Delete(lines, i, i+1)
				changed = true
				continue
			}
			for k, n := range to {
				if dead(n) {
					to[k] = "_"
				}
			}
			operator := " = "
			if strings.Contains(lines[i], " := ") && slices.ContainsFunc(to, func(n string) bool { return n != "_" }) {
				operator = " := "
			}
			lines[i] = strings.Join(to, ", ") + operator + rest
		}
	}
	return lines
}
