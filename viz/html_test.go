package viz

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adjoint-go/adjoint/graph"
)

// htmlView is what a page says of one drawing.
type htmlView struct {
	Collapsed []string
	Nodes     []struct {
		ID, Class, Match string
		Label            string
		Scope            string
		Change, Copy     int
		X, Y, W, H       float64
	}
	Edges []struct {
		From, To int
		Kind     string
	}
	Clusters []struct{ ID string }
	Steps    []struct {
		Node int
		Part string
	}
}

// scriptOf returns the content of one of a page's data scripts, unpacked; empty where there is none.
func scriptOf(t *testing.T, page, id string) string {
	t.Helper()
	content := regexp.MustCompile(`(?s)<script id="` + id + `" type="([a-z/]*)">(.*?)</script>`).FindStringSubmatch(page)
	if content == nil {
		return ""
	}
	if content[1] == "application/json" {
		return content[2]
	}
	packed, err := base64.StdEncoding.DecodeString(content[2])
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// viewsOf returns a page's views, each followed by those with collapsed scopes, with their drawings.
func viewsOf(t *testing.T, page string) (views []htmlView, pictures []string) {
	t.Helper()
	type entry struct {
		View, Drawing string
		Collapsed     []string
		States        []entry
	}
	var list []entry
	if err := json.Unmarshal([]byte(scriptOf(t, page, "views")), &list); err != nil {
		t.Fatal(err)
	}
	var add func(e entry)
	add = func(v entry) {
		view := htmlView{Collapsed: v.Collapsed}
		if err := json.Unmarshal([]byte(scriptOf(t, page, v.View)), &view); err != nil {
			t.Fatal(err)
		}
		picture := ""
		if v.Drawing != "" {
			picture = scriptOf(t, page, v.Drawing)
		} else {
			picture = regexp.MustCompile(`(?s)<svg [^>]*class="adjoint".*?</svg>`).FindString(page)
		}
		views, pictures = append(views, view), append(pictures, picture)
		for _, s := range v.States {
			add(s)
		}
	}
	for _, v := range list {
		add(v)
	}
	return views, pictures
}

// checkPage checks that a page loads nothing and that its data and drawings fit together.
func checkPage(t *testing.T, name, page string) {
	t.Helper()
	for _, tag := range regexp.MustCompile(`<(script|link|img|iframe)[^>]*(src|href)=[^>]*>`).FindAllString(page, -1) {
		t.Errorf("%s: the page loads %s", name, tag)
	}
	for _, address := range regexp.MustCompile(`https?://[^"' )]*`).FindAllString(page, -1) {
		if address != "http://www.w3.org/2000/svg" {
			t.Errorf("%s: the page names %s", name, address)
		}
	}
	views, pictures := viewsOf(t, page)
	for k, v := range views {
		if err := xml.Unmarshal([]byte(pictures[k]), new(struct{})); err != nil {
			t.Errorf("%s: view %d: %v", name, k, err)
		}
		for _, n := range v.Nodes {
			if !strings.Contains(pictures[k], `<g id="`+n.ID+`" class="node`) {
				t.Errorf("%s: node %s is not drawn", name, n.ID)
			}
			if n.W <= 0 || n.H <= 0 {
				t.Errorf("%s: node %s has no size", name, n.ID)
			}
		}
		checkSteps(t, name, v)
	}
}

// checkSteps checks that a walk computes every operator once, after what it depends on, and that adjoints are passed
// on by every node that gets one, after they are complete.
func checkSteps(t *testing.T, name string, v htmlView) {
	t.Helper()
	at, passed := map[int]int{}, map[int]int{}
	for k, s := range v.Steps {
		in := at
		if s.Part == "adjoint" {
			in = passed
		}
		if _, twice := in[s.Node]; twice {
			t.Errorf("%s: node %s has two steps", name, v.Nodes[s.Node].ID)
		}
		in[s.Node] = k
	}
	for i, n := range v.Nodes {
		_, computed := at[i]
		if want := n.Copy == i && n.Class != "input" && n.Class != "constant" && n.Change != int(Removed); computed != want {
			t.Errorf("%s: node %s, computed by a step: %v", name, n.ID, computed)
		}
	}
	for _, e := range v.Edges {
		from, given := at[v.Nodes[e.From].Copy]
		switch to, computed := at[e.To]; {
		case e.Kind == "reverse":
			if later, has := passed[e.To]; has && later < passed[e.From] {
				t.Errorf("%s: %s passes its adjoint on before %s", name, v.Nodes[e.To].ID, v.Nodes[e.From].ID)
			}
		case e.Kind != "former" && e.Kind != "next" && given && computed && from > to:
			t.Errorf("%s: %s is computed before %s", name, v.Nodes[e.To].ID, v.Nodes[e.From].ID)
		}
	}
}

func TestHTMLIsSelfContained(t *testing.T) {
	for _, c := range corpus() {
		checkPage(t, c.name, string(render(t, c, (*Picture).HTML)))
	}
}

// Large drawings are packed, with everything in them.
func TestHTMLOfLargeDrawingsIsPacked(t *testing.T) {
	page := string(render(t, drawing{name: "scalars", outputs: scalars(2500)}, (*Picture).HTML))
	checkPage(t, "scalars", page)
	if _, pictures := viewsOf(t, page); len(page) > len(pictures[0])/2 {
		t.Errorf("the page has %d bytes for a drawing of %d", len(page), len(pictures[0]))
	}
	if strings.Contains(page, `class="adjoint"`) {
		t.Error("the drawing stands in the page")
	}
}

// Values and adjoints carry the classes by which a walk shows them when they are known, and nothing else does.
func TestHTMLMarksWhatIsKnownLate(t *testing.T) {
	outputs, options := seed(Overlay)
	page := string(render(t, drawing{name: "seed", outputs: outputs, options: options}, (*Picture).HTML))
	_, pictures := viewsOf(t, page)
	found := func(class string) (list []string) {
		for _, m := range regexp.MustCompile(`<t(?:ext|span)[^>]* class="[^"]* `+class+`">([^<]*)<`).FindAllStringSubmatch(pictures[0], -1) {
			list = append(list, strings.TrimPrefix(m[1], " = "))
		}
		slices.Sort(list)
		return slices.DeleteFunc(list, func(s string) bool { return s == "" })
	}
	if got := found("value"); !slices.Equal(got, []string{"19", "19", "2", "3", "4", "6", "9"}) {
		t.Errorf("values: %q", got)
	}
	if got := found("adjoint-value"); !slices.Equal(got, []string{"1", "1", "1", "1", "1", "7", "8"}) {
		t.Errorf("adjoints: %q", got)
	}
	var svg bytes.Buffer
	if err := SVG(&svg, outputs, options...); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(svg.String(), "adjoint-value") {
		t.Error("an SVG of its own carries the classes of the viewer")
	}
}

// Pages hold drawings for all sets of scopes where they are few, and the most useful ones where they are many.
func TestHTMLHoldsCollapsedDrawings(t *testing.T) {
	page := string(render(t, drawing{name: "perceptron", outputs: perceptron()}, (*Picture).HTML))
	views, _ := viewsOf(t, page)
	if len(views) != 18 { // mlp collapsed, or any of its three layers; with loss collapsed or not
		t.Errorf("%d drawings", len(views))
	}
	for _, v := range views[1:] {
		var drawn []string
		for _, n := range v.Nodes {
			if n.Scope != "" {
				drawn = append(drawn, n.Scope)
			}
		}
		slices.Sort(drawn)
		if !slices.Equal(drawn, v.Collapsed) {
			t.Errorf("collapsed: %v, drawn: %v", v.Collapsed, drawn)
		}
	}
	page = string(render(t, drawing{name: "towers", outputs: towers(9)}, (*Picture).HTML))
	views, _ = viewsOf(t, page)
	if len(views) != 11 || len(views[1].Collapsed) != 9 || len(views[2].Collapsed) != 1 {
		t.Errorf("of nine scopes: %d drawings", len(views))
	}
}

// towers builds n equal scopes side by side and their sum.
func towers(n int) []*graph.Node {
	g := graph.New()
	x := g.Input("x", graph.Float64)
	sum := x
	for i := range n {
		g.Scope("tower"+strconv.Itoa(i), func() {
			sum = graph.Add(sum, graph.Exp(graph.Mul(graph.Sin(graph.Mul(x, g.Const(float64(i+2)))), graph.Cos(graph.Add(x, g.Const(float64(i+2)))))))
		})
	}
	return []*graph.Node{sum.Named("y")}
}
