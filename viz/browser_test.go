package viz

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/internal/browser"
)

// window is a page in a real browser.
type window struct {
	t    testing.TB
	ctx  context.Context
	page *browser.Page
}

const windowW, windowH = 1200, 800

// open shows a page, or skips the test where there is no Chromium.
func open(t testing.TB, content []byte) *window {
	t.Helper()
	path, err := browser.Find()
	if err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	page, err := browser.Open(ctx, path, t.TempDir(), "file://"+file, windowW, windowH)
	if err != nil {
		t.Skipf("the browser does not run here: %v", err)
	}
	w := &window{t, ctx, page}
	t.Cleanup(func() {
		for _, message := range page.Errors() {
			t.Error("the script failed: " + message)
		}
		if err := page.Close(); err != nil {
			t.Error(err)
		}
	})
	w.until("the page is ready", `document.documentElement.dataset.ready !== undefined`)
	return w
}

func (w *window) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// get returns an expression's value as text.
func (w *window) get(expression string) string {
	w.t.Helper()
	var s string
	w.do(w.page.Evaluate(w.ctx, "Promise.resolve("+expression+").then(String)", &s))
	return s
}

// is checks an expression's value.
func (w *window) is(what, expression, want string) {
	w.t.Helper()
	if got := w.get(expression); got != want {
		w.t.Errorf("%s: %q, not %q", what, got, want)
	}
}

// until waits for a condition: drawing and animations take their time on a loaded machine.
func (w *window) until(what, condition string) {
	w.t.Helper()
	for w.get(condition) != "true" {
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("%s: never; %s", what, strings.Join(w.page.Errors(), "; "))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// settle waits until what was asked for is drawn.
func (w *window) settle() {
	w.t.Helper()
	w.do(w.page.Evaluate(w.ctx, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 20))))`, nil))
}

// at returns the middle of an element in the window.
func (w *window) at(selector string) (x, y float64) {
	w.t.Helper()
	var r []float64
	w.do(w.page.Evaluate(w.ctx, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector), &r))
	return r[0], r[1]
}

func (w *window) click(selector string, modifiers int) {
	w.t.Helper()
	x, y := w.at(selector)
	w.do(w.page.Click(w.ctx, x, y, modifiers))
	w.settle()
}

func (w *window) keys(keys ...string) {
	w.t.Helper()
	for _, k := range keys {
		w.do(w.page.Key(w.ctx, k, 0))
	}
	w.settle()
}

func (w *window) screenshot() image.Image {
	w.t.Helper()
	b, err := w.page.Screenshot(w.ctx)
	w.do(err)
	if folder := os.Getenv("ADJOINT_SCREENSHOTS"); folder != "" {
		name := strings.ReplaceAll(w.t.Name(), "/", "-")
		for k := 1; ; k++ {
			file := filepath.Join(folder, fmt.Sprintf("%s-%d.png", name, k))
			if _, err := os.Stat(file); os.IsNotExist(err) {
				w.do(os.WriteFile(file, b, 0o644))
				break
			}
		}
	}
	picture, err := png.Decode(bytes.NewReader(b))
	w.do(err)
	return picture
}

// pixels returns how many pixels have a colour.
func pixels(m image.Image, r, g, b uint8) int {
	n := 0
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y++ {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
			if color.NRGBAModel.Convert(m.At(x, y)) == (color.NRGBA{r, g, b, 255}) {
				n++
			}
		}
	}
	return n
}

const (
	lit        = `[...document.querySelectorAll(".node:not(.dim)")].map(e => e.id).sort().join(" ")`
	chosen     = `document.getElementById("view").getAttribute("aria-activedescendant")`
	detailText = `document.getElementById("details").hidden ? "" : document.getElementById("details").textContent`
	stepText   = `document.getElementById("step-text").textContent`
	shift      = `document.querySelector("svg.adjoint > g").getAttribute("transform")`
)

// visible is an expression for the numbers that are shown, of a class.
func visible(class string) string {
	return `[...document.querySelectorAll("svg.adjoint .` + class + `")].filter(e => getComputedStyle(e).visibility === "visible").map(e => e.textContent.replace(" = ", "")).filter(Boolean).sort().join(" ")`
}

func seedPage(t *testing.T) []byte {
	t.Helper()
	outputs, options := seed(Overlay)
	return render(t, drawing{name: "seed", outputs: outputs, options: options}, (*Picture).HTML)
}

// In a real browser: search, selection, paths and hovering.
func TestBrowserSelection(t *testing.T) {
	w := open(t, seedPage(t))
	box := w.get(`JSON.stringify(document.getElementById("view").getBoundingClientRect())`)
	w.keys("/")
	w.do(w.page.Type(w.ctx, "square"))
	w.settle()
	w.is("hits", `document.getElementById("hits").textContent`, "2 hits")
	w.is("hits in the drawing", `document.querySelectorAll(".node.hit").length`, "2")
	w.keys("Enter")
	w.is("the first hit", chosen, "n2")
	if text := w.get(detailText); !strings.Contains(text, "seed.go:7") || !strings.Contains(text, "value4") || !strings.Contains(text, "typef64") {
		t.Errorf("details: %q", text)
	}
	w.keys("Enter")
	w.is("the second hit", `document.getElementById("hits").textContent`, "2 of 2")
	w.keys("Escape")
	w.is("Escape clears", "("+detailText+`) + document.querySelectorAll(".dim, .hit").length`, "0")

	w.click("#n3 .outline", 0)
	w.is("inputs and dependents", lit, "n0 n1 n3 n6 out0")
	w.is("a mark stands on the node", `document.querySelectorAll("#marks .selected").length`, "1")
	w.keys("Escape")
	w.click("#n0 .outline", 0)
	w.click("#n6 .outline", browser.Shift)
	w.is("paths", lit, "n0 n2 n3 n6")
	if text := w.get(detailText); !strings.Contains(text, "4 nodes on the paths") {
		t.Errorf("details of paths: %q", text)
	}
	w.keys("Escape")

	x, y := w.at("#n1 .outline")
	w.do(w.page.Mouse(w.ctx, "mouseMoved", x, y, 0))
	w.settle()
	if text := w.get(detailText); !strings.Contains(text, "input x2") || !strings.Contains(text, "adjoint8") {
		t.Errorf("hovering: %q", text)
	}
	w.is("a mark stands below the mouse", `document.querySelectorAll("#marks .hover").length`, "1")
	w.do(w.page.Mouse(w.ctx, "mouseMoved", 600, 60, 0))
	w.settle()
	w.is("hovering ends", detailText, "")
	w.is("shifts of the layout", `new Promise(done => new PerformanceObserver(list => done(list.getEntries().map(e => Math.round(e.startTime) + ": " + e.sources.map(s => s.node?.id || s.node?.nodeName).join(", ")).join("; "))).observe({type: "layout-shift", buffered: true})
		|| setTimeout(() => done("none"), 200))`, "none")
	w.is("nothing moved meanwhile", `JSON.stringify(document.getElementById("view").getBoundingClientRect())`, box)
}

// Everything can be reached by keys.
func TestBrowserKeyboard(t *testing.T) {
	w := open(t, seedPage(t))
	var order []string
	for range 14 {
		w.keys("Tab")
		order = append(order, w.get("document.activeElement.id"))
		if w.get(`getComputedStyle(document.activeElement).outlineStyle`) == "none" {
			t.Errorf("focus does not show on %s", order[len(order)-1])
		}
		if order[len(order)-1] == "step" {
			break
		}
	}
	if got := strings.Join(order, " "); got != "search find-back find-on panel-button zoom-out fit zoom-in theme help-button view step-back play step-on step" {
		t.Errorf("Tab goes through %s", got)
	}
	w.is("unnamed controls", `[...document.querySelectorAll("button, input, #view")].filter(e => !e.textContent.trim() && !e.getAttribute("aria-label") && !e.labels?.length).map(e => e.id).join(" ")`, "")
	w.do(w.page.Evaluate(w.ctx, `document.getElementById("view").focus()`, nil))
	w.keys("Enter")
	w.is("Enter selects the first node", chosen, "n0")
	w.keys("n")
	w.is("n goes on", chosen, "n1")
	w.keys("p", "m")
	for range 3 {
		w.keys("ArrowRight")
	}
	w.is("arrows go to the users", chosen, "out0")
	w.keys("t")
	w.is("m and t light the paths", lit, "n0 n2 n3 n6 out0")
	w.is("what is read out", `document.getElementById("live").textContent`, "5 nodes on the paths to x₁ · 2 · x̄₁ = 7")
	w.keys("Escape", "?")
	w.is("? opens the help", `document.getElementById("help").open`, "true")
	w.keys("Escape")
	w.is("Escape closes it", `document.getElementById("help").open`, "false")
	before := w.get(shift)
	w.keys("ArrowRight")
	w.until("arrows pan", shift+` !== "`+before+`"`)
	before = w.get(shift)
	w.keys("+")
	w.until("+ zooms", shift+` !== "`+before+`"`)
	w.keys("0")
	w.keys("d")
	w.is("d is dark", `getComputedStyle(document.body).backgroundColor`, "rgb(18, 23, 28)")
}

// The walk goes forward and back, and shows values when they are known.
func TestBrowserSteps(t *testing.T) {
	w := open(t, seedPage(t))
	w.is("at first all is shown", visible("value"), "19 19 2 3 4 6 9")
	w.click("#step", 0) // focus
	w.keys("Home")
	w.is("only inputs are known", visible("value"), "2 3")
	w.is("no adjoint is known", visible("adjoint-value"), "")
	var seen []string
	for range 9 {
		w.keys("ArrowRight")
		seen = append(seen, w.get(stepText)+": "+w.get(visible("value"))+" | "+w.get(visible("adjoint-value")))
	}
	want := []string{
		"forward 1 of 9: 2 3 4 | ", "forward 2 of 9: 2 3 4 6 | ", "forward 3 of 9: 2 3 4 6 9 | ", "forward 4 of 9: 19 19 2 3 4 6 9 | ",
		"backward 5 of 9: 19 19 2 3 4 6 9 | 1 1", "backward 6 of 9: 19 19 2 3 4 6 9 | 1 1 1 1 1", "backward 7 of 9: 19 19 2 3 4 6 9 | 1 1 1 1 1",
		"backward 8 of 9: 19 19 2 3 4 6 9 | 1 1 1 1 1 8", "9 steps: 19 19 2 3 4 6 9 | 1 1 1 1 1 7 8",
	}
	for k := range want {
		if seen[k] != want[k] {
			t.Errorf("step %d: %q, not %q", k+1, seen[k], want[k])
		}
	}
	w.click("#step-back", 0)
	w.is("a step back", stepText, "backward 8 of 9")
	w.is("what is computed is marked", `document.querySelectorAll("#marks .current").length`, "1")
	if text := w.get(detailText); !strings.Contains(text, "passes its adjoint on to x₁ times x₂ = 3, x₂ times x₁ = 2") {
		t.Errorf("details: %q", text)
	}
	w.keys("Escape")
	w.is("Escape ends the walk", stepText, "9 steps")
	w.click("#play", 0)
	w.until("it plays by itself", stepText+`.startsWith("forward 2")`)
	w.click("#play", 0)
	w.is("it pauses", `document.getElementById("play").getAttribute("aria-label")`, "Play the execution")
}

// The mouse pans and zooms, and screenshots show the drawing in both themes.
func TestBrowserPicture(t *testing.T) {
	w := open(t, seedPage(t))
	light := w.screenshot()
	if n := pixels(light, 0xDC, 0xEA, 0xF7); n < 5000 {
		t.Errorf("the inputs are %d pixels", n)
	}
	if n := pixels(light, 0xFF, 0xFF, 0xFF); n < windowW*windowH/3 {
		t.Errorf("the paper is %d pixels", n)
	}
	before := w.get(shift)
	w.do(w.page.Wheel(w.ctx, 600, 400, -200))
	w.until("the wheel zooms", shift+` !== "`+before+`"`)
	zoomed := w.get(shift)
	w.do(w.page.Drag(w.ctx, 600, 100, 80, 40, 4))
	w.until("the mouse pans", shift+` !== "`+zoomed+`"`)
	w.is("panning selects nothing", detailText, "")
	w.click("#fit", 0)
	w.is("fit goes back", shift, before)
	w.do(w.page.Prefer(w.ctx, "dark"))
	w.settle()
	if n := pixels(w.screenshot(), 0x12, 0x17, 0x1C); n < windowW*windowH/3 {
		t.Errorf("the dark paper is %d pixels", n)
	}
	w.is("the typefaces are there", `document.fonts.check('20px "Adjoint Text"') && [...document.fonts].every(f => f.status === "loaded")`, "true")
}

// Scopes collapse and expand, by mouse and by key.
func TestBrowserScopes(t *testing.T) {
	w := open(t, render(t, drawing{name: "perceptron", outputs: perceptron()}, (*Picture).HTML))
	nodes := `[...document.querySelectorAll("svg.adjoint .node")].filter(e => getComputedStyle(e).display !== "none").length`
	all := w.get(nodes)
	w.click("#panel-button", 0)
	w.is("the outline lists the scopes", `[...document.querySelectorAll("#scopes button")].map(b => b.textContent.replace(/[^a-z].*/, "") || b.dataset.scope).join(" ")`,
		"mlp mlp/layer1 mlp/layer2 mlp/layer3 loss")
	w.click(`#scopes button[data-scope="mlp/layer2"]`, 0)
	boxes := `[...document.querySelectorAll(".node.scope")].map(e => e.textContent).sort().join(" ")`
	w.until("it is one node", boxes+` === "layer2f32[64×64]5 nodes"`)
	w.is("its button says so", `document.querySelector('#scopes button[data-scope="mlp/layer2"]').getAttribute("aria-expanded")`, "false")
	w.screenshot()
	w.keys("Enter") // the button has kept the focus
	w.until("it opens again", nodes+" === "+all)
	w.click(`[id="scope-1-title"]`, 0)
	w.until("a click on a title collapses", boxes+`.startsWith("layer1")`)
	w.until("it stands still", `document.getAnimations().length === 0`)
	w.click(".node.scope .outline", 0)
	if text := w.get(detailText); !strings.Contains(text, "stands for5 nodes") {
		t.Errorf("a click on the box: %q", text)
	}
	w.keys("e")
	w.until("e expands", nodes+" === "+all)
	w.keys("c")
	w.until("c collapses", boxes+`.startsWith("layer1")`)
	w.keys("c")
	w.until("c collapses the scope around", boxes+`.startsWith("mlp")`)
	w.click("#collapse-all", 0)
	w.until("all collapse", `document.querySelectorAll(".node.scope").length === 2`)
	w.settle()
	w.screenshot()
	w.click("#search", 0)
	w.do(w.page.Type(w.ctx, "matmul"))
	w.settle()
	w.is("what is inside is found", `document.getElementById("hits").textContent + ", " + document.querySelectorAll(".node.scope.hit").length`, "3 hits, 1")
	w.keys("Enter")
	w.until("Enter opens its scope", `document.querySelectorAll(".node.hit").length === 3`)
	w.until("and selects it", "("+detailText+`).startsWith("matmul")`)
	w.keys("Escape")
	w.click("#expand-all", 0)
	w.until("all expand", nodes+" === "+all)
}

// Bodies of loops open and close as scopes do, to the node that stands for the loop; large ones are closed at first.
func TestBrowserBodies(t *testing.T) {
	outputs := largeAndSmall()
	loop := outputs[0].Inputs()[0]
	small, large := fmt.Sprintf("scan%%%d", loop.ID()), fmt.Sprintf("scan%%%d", loop.Inputs()[0].Inputs()[0].ID())
	w := open(t, render(t, drawing{name: "loops", outputs: outputs}, (*Picture).HTML))
	count := func(class string) string {
		return `[...document.querySelectorAll("svg.adjoint ` + class + `")].filter(e => getComputedStyle(e).display !== "none").length`
	}
	button := func(scope string) string { return `#scopes button[data-scope="` + scope + `"]` }
	expanded := func(scope string) string {
		return `document.querySelector('` + button(scope) + `').getAttribute("aria-expanded")`
	}
	w.click("#panel-button", 0)
	w.is("the outline lists the loops", `[...document.querySelectorAll("#scopes button")].map(b => b.textContent.slice(1)).join(", ")`, "scan × 3, scan × 4 (reverse)")
	w.is("the large one is closed", expanded(large), "false")
	w.is("the small one is open", expanded(small), "true")
	w.is("the way to the next step is drawn", count(".edge.next"), "1")
	w.is("one carry", count(".node.port"), "1")
	w.screenshot()
	w.click(button(large), 0)
	w.until("the large one opens", count(".op-sin")+fmt.Sprint(" === ", OpenBodies+5))
	w.is("two carries", count(".node.port"), "2")
	w.is("two ways to the next step", count(".edge.next"), "2")
	w.click(button(small), 0)
	w.until("the small one closes", count(".op-sin")+fmt.Sprint(" === ", OpenBodies))
	w.is("it is the loop's node", `[...document.querySelectorAll(".node.op-scan")].map(e => e.querySelectorAll("text").length && e.textContent.includes("length 4")).filter(x => x).length`, "1")
	w.click("#collapse-all", 0)
	w.until("all close", count(".node.port")+" === 0")
	w.click("#search", 0)
	w.do(w.page.Type(w.ctx, "carry"))
	w.settle()
	w.is("ports in closed bodies are found", `document.getElementById("hits").textContent`, "2 hits")
	w.keys("Enter")
	w.until("Enter opens the body", count(".node.port")+" === 1")
	w.click("#expand-all", 0)
	w.until("all open", count(".node.port")+" === 2")
	w.screenshot()
}

// The search takes letters for those that drawings set lower, higher or under a bar.
func TestBrowserSearchFolds(t *testing.T) {
	w := open(t, seedPage(t))
	for text, want := range map[string]string{"v1": "v₁", "v₁": "v₁", "x1": "x₁", "V1": "v₁"} {
		w.click("#search", 0)
		w.do(w.page.Evaluate(w.ctx, `document.getElementById("search").value = ""`, nil))
		w.do(w.page.Type(w.ctx, text))
		w.settle()
		w.is(text+" is found", `[...document.querySelectorAll(".node.hit")].some(e => e.getAttribute("aria-label").includes("`+want+`"))`, "true")
	}
}

// The minimap is there while something is out of sight, and a press in it goes there.
func TestBrowserMinimap(t *testing.T) {
	w := open(t, render(t, drawing{name: "chain", outputs: chain(60, 0)}, (*Picture).HTML))
	hidden := `document.getElementById("map").hidden`
	w.click("#fit", 0)
	w.is("all is in sight", hidden, "true")
	for range 8 {
		w.click("#zoom-in", 0)
	}
	w.is("zoomed in", hidden, "false")
	w.screenshot()
	var r [4]float64
	w.do(w.page.Evaluate(w.ctx, `(() => { const r = document.getElementById("map").getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()`, &r))
	inWindow := func(id string) string {
		return `(() => { const r = document.getElementById("` + id + `").getBoundingClientRect(), v = document.getElementById("view").getBoundingClientRect(); return r.left >= v.left && r.right <= v.right && r.top >= v.top && r.bottom <= v.bottom; })()`
	}
	w.do(w.page.Click(w.ctx, r[0]+6, r[1]+6, 0))
	w.settle()
	w.is("a press in its first corner shows the input", inWindow("n0"), "true")
	w.do(w.page.Drag(w.ctx, r[0]+r[2]/2, r[1]+r[3]/2, r[2]/2-6, r[3]/2-6, 4))
	w.settle()
	w.is("a drag to its last corner shows the output", inWindow("out0"), "true")
	w.is("it selects nothing", detailText, "")
}

// The outline folds what lies in a collapsed scope, and the drawing is fitted anew; so it is when the outline opens.
func TestBrowserOutline(t *testing.T) {
	w := open(t, render(t, drawing{name: "perceptron", outputs: perceptron()}, (*Picture).HTML))
	listed := `[...document.querySelectorAll("#scopes button")].map(b => b.dataset.scope).join(" ")`
	fits := `(() => {
		const v = document.getElementById("view").getBoundingClientRect(), boxes = [...document.querySelectorAll("svg.adjoint .node, svg.adjoint .cluster")].filter(e => e.getClientRects().length).map(e => e.getBoundingClientRect());
		const l = Math.min(...boxes.map(b => b.left)) - v.left, r = v.right - Math.max(...boxes.map(b => b.right)), t = Math.min(...boxes.map(b => b.top)) - v.top, b = v.bottom - Math.max(...boxes.map(b => b.bottom));
		return boxes.length > 0 && Math.min(l, r, t, b) >= 0 && Math.abs(l - r) < 60 && Math.min(l + r, t + b) < 120;
	})()`
	w.is("at first it fits", fits, "true")
	w.click("#panel-button", 0)
	w.until("it fits beside the outline", fits)
	w.click(`#scopes button[data-scope="mlp"]`, 0)
	w.until("what is inside folds", listed+` === "mlp loss"`)
	w.until("it stands still", `document.getAnimations().length === 0`)
	w.until("the small drawing fits", fits)
	w.screenshot()
	w.click(`#scopes button[data-scope="mlp"]`, 0)
	w.until("it unfolds", listed+` === "mlp mlp/layer1 mlp/layer2 mlp/layer3 loss"`)
	w.until("it stands still", `document.getAnimations().length === 0`)
	w.until("the large drawing fits", fits)
}

// Sets of collapsed scopes that the page has no drawing for are arranged in the page.
func TestBrowserArrangesScopes(t *testing.T) {
	w := open(t, render(t, drawing{name: "towers", outputs: towers(9)}, (*Picture).HTML))
	w.click("#panel-button", 0)
	for _, k := range []int{2, 5, 7} {
		w.click(fmt.Sprintf(`#scopes button[data-scope="tower%d"]`, k), 0)
	}
	w.until("three are boxes", `document.querySelectorAll(".cluster.collapsed").length === 3`)
	w.until("they stand still", `document.getAnimations().length === 0`)
	w.click("#fit", 0)
	w.is("no boxes overlap", `(() => {
		const boxes = [...document.querySelectorAll(".cluster.collapsed > rect, .node > .outline")].filter(e => e.getClientRects().length).map(e => e.getBoundingClientRect());
		let n = 0;
		boxes.forEach((a, i) => boxes.slice(0, i).forEach(b => { if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) n++; }));
		return n + " of " + boxes.length;
	})()`, w.get(`"0 of " + [...document.querySelectorAll(".cluster.collapsed > rect, .node > .outline")].filter(e => e.getClientRects().length).length`))
	w.is("edges end at boxes or nodes", `(() => {
		const boxes = [...document.querySelectorAll(".cluster.collapsed > rect, .node > .outline")].filter(e => e.getClientRects().length).map(e => e.getBoundingClientRect());
		return [...document.querySelectorAll(".edge")].filter(e => e.getClientRects().length).filter(e => {
			const line = e.querySelector("path"), p = line.getPointAtLength(0).matrixTransform(line.getScreenCTM());
			return !boxes.some(b => p.x > b.left - 4 && p.x < b.right + 4 && p.y > b.top - 4 && p.y < b.bottom + 4);
		}).length;
	})()`, "0")
	w.screenshot()
	w.click("#expand-all", 0)
	w.until("all expand", `document.querySelectorAll(".cluster.collapsed").length === 0`)
}

// The slider goes through the passes; changes are marked in the drawing and listed.
func TestBrowserPasses(t *testing.T) {
	var b bytes.Buffer
	if err := HTMLStages(&b, stagesOf(t, wasteful()), WithTitle("z")); err != nil {
		t.Fatal(err)
	}
	w := open(t, b.Bytes())
	name, counts := `document.getElementById("pass-name").textContent`, `document.getElementById("pass-counts").textContent`
	w.is("the first stage", name, "given")
	w.screenshot()
	w.do(w.page.Evaluate(w.ctx, `document.getElementById("pass").focus()`, nil))
	for range stageOf("rewrite") {
		w.keys("ArrowRight")
	}
	w.until("keys on the slider go on", name+` === "rewrite"`)
	if got := w.get(counts); !strings.Contains(got, "removed") {
		t.Errorf("the first pass: %q", got)
	}
	removed := w.get(`document.querySelectorAll("#changes .removed").length`)
	w.is("what is gone is listed and drawn", `[...document.querySelectorAll(".node.operator")].filter(e => e.querySelector(".outline").getAttribute("stroke-dasharray")).length`, removed)
	w.until("it stands still", `document.getAnimations().length === 0`)
	w.screenshot()
	w.click("#changes .removed", 0)
	if text := w.get(detailText); !strings.Contains(text, "changeremoved") {
		t.Errorf("a click in the list: %q", text)
	}
	w.click(fmt.Sprintf("#ticks button:nth-child(%d)", 1+stageOf("contract")), 0)
	w.until("a click on a name goes there", name+` === "contract"`)
	w.is("the joined product", counts, "~1 changed   −1 removed")
	w.keys("Escape", ".")
	w.until("a full stop goes on", name+` === "group"`)
	w.do(w.page.Evaluate(w.ctx, `document.getElementById("pass").focus()`, nil))
	w.keys("End")
	w.until("End goes to the last", name+` === "emit"`)
	w.is("nothing changed there", counts, "no node changed")
	w.is("the program has a scope per instruction", `[...document.querySelectorAll("#scopes button")].map(b => b.dataset.scope).join(" ")`, "fused scalar code 0")
	w.do(w.page.Evaluate(w.ctx, `document.getElementById("step").focus()`, nil))
	w.keys("Home", "ArrowRight")
	w.until("it stands still", `document.getAnimations().length === 0`)
	w.is("steps follow the program", stepText, "forward 1 of 3")
	w.screenshot()
}

// Large drawings are painted on a canvas; search, selection, steps and the mouse work there too.
func TestBrowserLargeDrawing(t *testing.T) {
	w := open(t, render(t, drawing{name: "scalars", outputs: scalars(2500)}, (*Picture).HTML))
	w.is("it is painted", `document.getElementById("canvas").hidden`, "false")
	if n := pixels(w.screenshot(), 0x1E, 0x2A, 0x33); n < 100 {
		t.Errorf("text is %d pixels", n)
	}
	w.keys("/")
	w.do(w.page.Type(w.ctx, "input x3"))
	w.keys("Enter")
	w.is("a hit", `document.getElementById("hits").textContent`, "1 of 1")
	if text := w.get(detailText); !strings.Contains(text, "input x3") {
		t.Errorf("details: %q", text)
	}
	x, y := w.at("#marks .selected")
	w.keys("Escape")
	w.do(w.page.Mouse(w.ctx, "mouseMoved", x, y, 0))
	w.until("the mouse finds it", "("+detailText+`).includes("input x3")`)
	w.do(w.page.Click(w.ctx, x, y, 0))
	w.settle()
	w.is("a click selects it", `document.getElementById("active").getAttribute("aria-label").startsWith("x₃")`, "true")
	w.keys("Escape", "0")
	before := w.get(`document.getElementById("marks").getAttribute("transform")`)
	w.do(w.page.Wheel(w.ctx, 600, 400, -300))
	w.until("the wheel zooms", `document.getElementById("marks").getAttribute("transform") !== "`+before+`"`)
	w.screenshot()
}
