package viz

import (
	"strconv"
	"strings"
)

// neutral are values of attributes that change nothing, by key, for lists those of every element.
var neutral = map[string]string{"strides": "1", "dilation": "1", "padding": "0", "groups": "1", "ddof": "0"}

// longestAttributes is the number of characters after which the line of attributes is cut.
const longestAttributes = 36

// attributeLine returns the attributes as drawings show them: what the result's type says already, what is off, and what has its neutral
// value is left out, and the bounds of a slice stand as a[0:4, 1:8:2] has them.
func (b *builder) attributeLine(n *Node) string {
	if n.Op == "result" || n.exit != nil || n.stepOf(b.model) {
		return "" // a symbol, the title of its scope, or an edge says it
	}
	list := parseAttributes(n.Attributes)
	value := map[string]string{}
	for _, a := range list {
		value[a.key] = a.value
	}
	var parts []string
	if starts, limits := elements(value["starts"]), elements(value["limits"]); len(starts) > 0 && len(starts) == len(limits) {
		strides := elements(value["strides"])
		var ranges []string
		for k := range starts {
			text := starts[k] + ":" + limits[k]
			if k < len(strides) && strides[k] != "1" {
				text += ":" + strides[k]
			}
			ranges = append(ranges, text)
		}
		parts = append(parts, "["+strings.Join(ranges, ", ")+"]")
		delete(value, "starts")
		delete(value, "limits")
		delete(value, "strides")
	}
	rank := -1
	if len(n.Inputs) > 0 {
		rank = len(b.model.Nodes[n.Inputs[0]].Shape)
	}
	for _, a := range list {
		v, left := value[a.key]
		items := elements(v)
		key := strings.ReplaceAll(a.key, "_", " ")
		switch {
		case !left, v == "false", v == "", v == `""`,
			a.key == "dtype", a.key == "shape" && b.typed(n),
			a.key == "axes" && rank > 0 && len(items) == rank,                  // all of them
			a.key == "perm" && len(items) == 2 && items[0] == "1" && rank == 2, // the transpose of a matrix
			neutral[a.key] != "" && all(items, neutral[a.key]):
		case v == "true":
			parts = append(parts, key)
		case len(items) != 1 && len(items) > 0:
			parts = append(parts, key+" "+strings.ReplaceAll(strings.Join(items, ", "), "-", "−"))
		case v[0] == '"':
			plain, err := strconv.Unquote(v)
			if err != nil {
				plain = v
			}
			parts = append(parts, key+" "+plain)
		default:
			parts = append(parts, key+" "+strings.ReplaceAll(strings.Trim(v, "[]"), "-", "−"))
		}
	}
	text := strings.Join(parts, " · ")
	if cut := []rune(text); len(cut) > longestAttributes {
		text = string(cut[:longestAttributes-1]) + "…"
	}
	return text
}

func all(list []string, want string) bool {
	for _, s := range list {
		if s != want {
			return false
		}
	}
	return len(list) > 0
}

// elements returns the elements of a list as in [1 2 3], and a value that is no list as its only one.
func elements(value string) []string {
	if strings.HasPrefix(value, `"`) {
		return []string{value}
	}
	return strings.Fields(strings.Trim(value, "[]"))
}

type attribute struct{ key, value string }

// parseAttributes reads a list key=value, key=[1 2], key="text". What it does not understand is left out.
func parseAttributes(text string) []attribute {
	var list []attribute
	for text != "" {
		key, rest, found := strings.Cut(text, "=")
		if !found {
			break
		}
		depth, quoted, end := 0, false, len(rest)
	scan:
		for i := 0; i < len(rest); i++ {
			switch c := rest[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '[':
				depth++
			case c == ']':
				depth--
			case c == ',' && depth <= 0:
				end = i
				break scan
			}
		}
		end = min(end, len(rest))
		list = append(list, attribute{strings.TrimSpace(key), rest[:end]})
		text = strings.TrimLeft(rest[end:], ", ")
	}
	return list
}
