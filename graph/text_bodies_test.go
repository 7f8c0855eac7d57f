package graph

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// loopText is a text with a loop; its body is that of the lines from 4 on.
const loopText = `adjoint graph 1
%0 "x" = input : f64
%1 = scan %0 {bodies=functions[1], captured=0, carries=1, length=3, reverse=false} : (f64)
  body
    %0 "@0" = input : f64
    %1 = sin %0 : f64
    output %1
  end
%2 = result %1 {index=0} : f64
output %2
`

func TestParseBodies(t *testing.T) {
	_, out, err := Parse([]byte(loopText), "f.cg")
	if err != nil {
		t.Fatal(err)
	}
	checkRoundTrip(t, out...)
	if again := format(t, out...); again != loopText {
		t.Errorf("written again:\n%s", again)
	}
	// Blank lines, comments, other indentation and names, no types.
	loose := "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = scan %0 {bodies=functions[1], captured=0, carries=1, length=3, reverse=false} # loop\n\n # one\nbody # its body\n\n" +
		"%7 \"a\" = input : f64\n# two\n%9 = sin %7\noutput %9\n\nend # of it\n%2 = result %1 {index=0}\noutput %2\n"
	_, out, err = Parse([]byte(loose), "f.cg")
	if err != nil {
		t.Fatal(err)
	}
	if again := format(t, out...); again != loopText {
		t.Errorf("written again:\n%s", again)
	}
}

// line returns the text with line number n in the place of the one that is there; "" leaves it out.
func withLine(text string, n int, line string) string {
	lines := strings.SplitAfter(text, "\n")
	if line != "" {
		line += "\n"
	}
	lines[n-1] = line
	return strings.Join(lines, "")
}

func TestParseBodyErrors(t *testing.T) {
	cut := func(n int) string { return strings.Join(strings.SplitAfter(loopText, "\n")[:n], "") }
	const loop = "%1 = scan %0 {bodies=functions[1], captured=0, carries=1, length=3, reverse=false} : (f64)"
	nested := func(depth int) string {
		return withLine(loopText, 6, strings.Repeat("%1 = scan %0 {bodies=functions[1], captured=0, carries=1, length=3, reverse=false}\nbody\n%0 \"a\" = input : f64\n", depth)+
			"%2 = sin %0\n"+strings.Repeat("output %2\nend\n%2 = result %1 {index=0}\n", depth)+"output %2\n")
	}
	for _, c := range []struct{ text, want string }{
		{cut(3), "f.cg:3:91: scan: the text ends where a body has to follow"},
		{cut(4), "f.cg:4:1: the text ends within a body"},
		{cut(6), "f.cg:6:1: the text ends within a body"},
		{cut(7), "f.cg:7:1: the text ends within a body"},
		{withLine(loopText, 4, ""), "f.cg:4:5: a body has to follow"},
		{withLine(loopText, 4, "body %0"), "f.cg:4:6: expected the end of the line"},
		{withLine(loopText, 8, ""), "f.cg:9:1: the text ends within a body"},
		{withLine(loopText, 8, "  end %1"), "f.cg:8:7: expected the end of the line"},
		{withLine(loopText, 7, ""), "f.cg:7:1: the body that ends here: the body has no results"},
		{withLine(loopText, 7, "output %3"), "f.cg:7:8: %3 is not defined on a line above"},
		{withLine(loopText, 6, "%1 = snh %0"), "f.cg:6:6: no operator is named \"snh\""},
		{withLine(loopText, 6, "      %1 = sin %0 : f32"), "f.cg:6:21: sin: the type is stated as f32"},
		{withLine(loopText, 5, ""), "f.cg:5:14: sin: %0 is not defined on a line above"},
		{withLine(withLine(loopText, 5, `%0 "a" = input : f32`), 6, "%1 = sin %0"), "f.cg:3:6: scan: body 0 takes f32 as parameter 0, not f64"},
		{withLine(loopText, 5, "%0 \"a\" = input : f64\n%2 \"b\" = input : f64"), "f.cg:3:6: scan: body 0 takes 2 values of 1"},
		{withLine(loopText, 6, "%1 = sin %0\n%2 \"@0\" = input : f64"), "the name \"@0\" is taken by the node on line 5"},
		{withLine(loopText, 6, "%1 = cast %0 {dtype=\"f32\"}"), "f.cg:3:6: scan: carry 0 is f64 at the start and f32 behind a step"},
		{withLine(loopText, 3, "%1 = sin %0"), "f.cg:4:3: a body stands behind the node that has it"},
		{loopText + "body\nend\n", "f.cg:11:1: a body stands behind the node that has it"},
		{withLine(loopText, 9, "end"), "f.cg:9:1: expected a node"},
		{withLine(loopText, 3, strings.Replace(loop, "(f64)", "f64", 1)), "f.cg:3:86: scan: the type is stated as f64, but the operator gives (f64)"},
		{withLine(loopText, 3, strings.Replace(loop, "functions[1]", "functions[0]", 1)), "f.cg:3:"},
		{withLine(loopText, 3, strings.Replace(loop, "functions[1]", "functions[-1]", 1)), "f.cg:3:"},
		{withLine(loopText, 3, strings.Replace(loop, "functions[1]", "functions[2]", 1)), "f.cg:9:1: a body has to follow"},
		{withLine(loopText, 3, strings.Replace(loop, "functions[1]", "functions[4096]", 1)), "f.cg:9:1: a body has to follow"},
		{withLine(loopText, 3, strings.Replace(loop, "functions[1]", "functions[999999999999]", 1)), "f.cg:3:"},
		{withLine(loopText, 3, strings.Replace(loop, "functions[1]", "1", 1)), "f.cg:3:15: scan: attribute bodies is an integer, needs"},
		{withLine(loopText, 3, strings.Replace(loop, "bodies=functions[1], ", "", 1)), "f.cg:3:6: scan: attribute bodies is missing"},
		{withLine(loopText, 3, strings.Replace(loop, "carries=1", "carries=2", 1)), "f.cg:3:6: scan: 0 captured values and 2 carries of 1 operands"},
		{withLine(loopText, 3, strings.Replace(loop, "captured=0", "captured=-1", 1)), "f.cg:3:6: scan: -1 captured values"},
		{withLine(loopText, 3, strings.Replace(loop, "length=3", "length=0", 1)), "f.cg:3:6: scan: a length of 0"},
		{withLine(loopText, 3, strings.Replace(loop, "length=3", "length=-3", 1)), "f.cg:3:6: scan: a length of -3"},
		{withLine(loopText, 3, strings.Replace(loop, "captured=0, carries=1", "captured=9223372036854775807, carries=9223372036854775807", 1)), "captured values"},
		{strings.Replace(nested(63), "output %1\n", "", 1), ""},
		{strings.Replace(nested(64), "output %1\n", "", 1), "more than 64 bodies within one another"},
		{nested(1000), "more than 64 bodies within one another"},
	} {
		g, out, err := Parse([]byte(c.text), "f.cg")
		if c.want == "" {
			if err != nil {
				t.Errorf("%v", err)
			} else {
				checkRoundTrip(t, out...)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || g != nil || out != nil {
			t.Errorf("%.600q:\n  got  %v\n  want %s", c.text, err, c.want)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v is not an *Error", c.text, err)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Errorf("%v", err)
		}
	}
}

// Mistakes of one body are reported once, and reading goes on behind it.
func TestParseBodiesCollects(t *testing.T) {
	text := withLine(loopText, 6, "%1 = snh %0\n%2 = sin %5") + "output %9\n"
	_, _, err := Parse([]byte(text), "f.cg")
	want := []string{"f.cg:6:6: no operator is named \"snh\"", "f.cg:7:10: sin: %5 is not defined", "f.cg:12:8: %9 is not defined"}
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%v", err)
	}
	for i, w := range want {
		if !strings.HasPrefix(lines[i], w) {
			t.Errorf("%q, want %q", lines[i], w)
		}
	}
	// The body of a node that is wrong is passed over, with those in it.
	text = withLine(loopText, 3, "%1 = scam %0 {bodies=functions[1]}") + "output %9\n"
	_, _, err = Parse([]byte(text), "f.cg")
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], "f.cg:11:8: %9") {
		t.Errorf("%v", err)
	}
}

// Long hostile texts with bodies take time and memory in proportion to their length.
func TestParseLongBodies(t *testing.T) {
	const loop = "%1 = scan %0 {bodies=functions[1], captured=0, carries=1, length=3, reverse=false}\n"
	head := "adjoint graph 1\n%0 \"x\" = input : f64\n"
	for _, text := range []string{
		head + strings.Repeat(loop+"body\n", 30000),
		head + loop + strings.Repeat("body\n", 100000),
		head + loop + strings.Repeat("end\n", 100000),
		head + loop + "body\n" + strings.Repeat("output %1\n", 100000),
		head + strings.Replace(loop, "functions[1]", "functions[4096]", 1) + strings.Repeat("body\nend\n", 4096),
		head + loop + "body\n%0 \"a\" = input : f64\n" + strings.Repeat("output %0\n", 100000) + "end\n" + strings.Repeat("body\n", 100000),
	} {
		if _, _, err := Parse([]byte(text), ""); err == nil || len(err.Error()) > 4000 {
			t.Errorf("error %.200v of %.40q", err, text)
		}
	}
}

// Texts with bodies, with random lines and characters changed, are read or refused, and what is read is written and read again.
func TestParseMutatedBodies(t *testing.T) {
	g := New()
	x, xs := g.Input("x", Float64), g.Input("xs", Float64, 3)
	type nodes = []*Node
	final, ys := Scan(3, nodes{x, g.Scalar(Int64, 0)}, nodes{xs}, func(c, e nodes) (next, ys nodes) {
		y := Cond(Less(c[1], Like(c[1], 2)), nodes{c[0]}, func(a nodes) nodes { return nodes{Mul(a[0], x)} }, func(a nodes) nodes {
			out, _ := While(4, a, func(d nodes) *Node { return Less(d[0], e[0]) }, func(d nodes) nodes { return Checkpoint(d, func(f nodes) nodes { return nodes{Sin(f[0])} }) })
			return out
		})
		return nodes{y[0], Add(c[1], Like(c[1], 1))}, y
	}, Reverse)
	text := format(t, final[0], ys[0])
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1]
	r := rand.New(rand.NewPCG(1, 2))
	read, refused := 0, 0
	for range 2000 {
		m := append([]string{}, lines...)
		for range 1 + r.IntN(2) {
			i, j := r.IntN(len(m)), r.IntN(len(m))
			switch r.IntN(6) {
			case 0:
				m = append(m[:i:i], m[i+1:]...)
			case 1:
				m[i], m[j] = m[j], m[i]
			case 2:
				m = append(m[:i:i], append([]string{m[j]}, m[i:]...)...)
			case 3: // a digit
				b := []byte(m[i])
				for k := range b {
					if b[k] >= '0' && b[k] <= '9' && r.IntN(3) == 0 {
						b[k] = byte('0' + r.IntN(10))
						break
					}
				}
				m[i] = string(b)
			case 4:
				k := r.IntN(len(m[i]))
				m[i] = m[i][:k] + m[i][k+1:]
			default: // a word of another line
				a, b := strings.Fields(m[i]), strings.Fields(m[j])
				a[r.IntN(len(a))] = b[r.IntN(len(b))]
				m[i] = strings.Join(a, " ") + "\n"
			}
			if len(m) == 0 || m[0] == "" {
				break
			}
			m = slices.DeleteFunc(m, func(s string) bool { return s == "" || strings.TrimSpace(s) == "" })
		}
		_, out, err := Parse([]byte(strings.Join(m, "")), "m.cg")
		if err != nil {
			refused++
			if strings.Contains(err.Error(), "internal error") {
				t.Fatalf("%v\n%s", err, strings.Join(m, ""))
			}
			continue
		}
		read++
		checkRoundTrip(t, out...)
	}
	t.Logf("%d read, %d refused", read, refused)
	if read < 100 || refused < 500 {
		t.Errorf("%d read, %d refused", read, refused)
	}
}

// A type rule makes no schedule: of one that is too large the array of states is refused.
func TestParseLargeSchedules(t *testing.T) {
	for _, c := range []struct{ length, slots, every string }{
		{"4611686018427387904", "4000000000000000", "0"}, {"4611686018427387904", "1", "1"}, {"9223372036854775807", "9223372036854775807", "0"},
		{"9223372036854775806", "0", "9223372036854775806"}, {"9223372036854775806", "-1", "0"}, {"100", "3", "-1"},
	} {
		text := "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = scan %0 {bodies=functions[1], captured=0, carries=1, length=" + c.length + ", reverse=false}\n" +
			"body\n%0 \"@0\" = input : f64\n%1 = tanh %0 : f64\noutput %1\nend\n%2 = snapshots %1 {carry=0, every=" + c.every + ", slots=" + c.slots + "}\noutput %2\n"
		if _, _, err := Parse([]byte(text), "large.cg"); err == nil || strings.Contains(err.Error(), "internal") {
			t.Errorf("%+v: %v", c, err)
		}
		for _, limit := range []string{c.length, "0", "-1"} {
			text := "adjoint graph 1\n%0 \"x\" = input : f64\n%1 = while %0 {bodies=functions[2], captured=0, carries=1, limit=" + limit + "}\n" +
				"body\n%0 \"@0\" = input : f64\n%1 = less %0, %0 : bool\noutput %1\nend\n" +
				"body\n%0 \"@0\" = input : f64\n%1 = tanh %0 : f64\noutput %1\nend\n%2 = snapshots %1 {carry=0, every=" + c.every + ", slots=" + c.slots + "}\noutput %2\n"
			if _, _, err := Parse([]byte(text), "large.cg"); err == nil && (limit != "0" || c.every != "0") || err != nil && strings.Contains(err.Error(), "internal") {
				t.Errorf("limit %s, %+v: %v", limit, c, err)
			}
		}
	}
}
