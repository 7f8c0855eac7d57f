package playground

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/adjoint-go/adjoint/internal/browser"
)

// window is the page in a real browser.
type window struct {
	t    *testing.T
	ctx  context.Context
	page *browser.Page
}

// built is the folder with the page, which is built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	if folder := os.Getenv("PLAYGROUND"); folder != "" {
		return folder, nil
	}
	folder, err := os.MkdirTemp("", "playground")
	if err != nil {
		return "", err
	}
	remove = folder
	return folder, Build(folder)
})

var remove string // at the end

func TestMain(m *testing.M) {
	status := m.Run()
	if remove != "" {
		if err := os.RemoveAll(remove); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(status)
}

// open serves the page, and opens it with a fragment. It skips the test where there is no Chromium.
func open(t *testing.T, fragment string, width, height int) (*window, *httptest.Server) {
	t.Helper()
	program, err := browser.Find()
	if err != nil {
		t.Skip(err)
	}
	folder, err := built()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	page, err := browser.Open(ctx, program, t.TempDir(), server.URL+"/"+fragment, width, height)
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
	w.until("a drawing", `document.documentElement.dataset.drawn`)
	return w, server
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

// until waits until an expression is true.
func (w *window) until(what, condition string) {
	w.t.Helper()
	for w.get("Boolean("+condition+")") != "true" {
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("%s: never; %s; the page says %q", what, strings.Join(w.page.Errors(), "; "), w.get("document.body.innerText"))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// screenshot keeps a picture of the window in the folder that the environment names.
func (w *window) screenshot(name string) {
	w.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	time.Sleep(400 * time.Millisecond) // transitions
	data, err := w.page.Screenshot(w.ctx)
	w.do(err)
	w.do(os.WriteFile(filepath.Join(folder, name+".png"), data, 0o644))
}

// is checks an expression's value.
func (w *window) is(what, expression, want string) {
	w.t.Helper()
	if got := w.get(expression); got != want {
		w.t.Errorf("%s: %q, not %q", what, got, want)
	}
}

// middle returns the middle of an element in the window.
func (w *window) middle(selector string) (x, y float64) {
	w.t.Helper()
	var r []float64
	w.do(w.page.Evaluate(w.ctx, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "nearest"}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector), &r))
	return r[0], r[1]
}

func (w *window) click(selector string) {
	w.t.Helper()
	x, y := w.middle(selector)
	w.do(w.page.Click(w.ctx, x, y, 0))
}

// after does something and waits for the drawing that follows.
func (w *window) after(do func()) {
	w.t.Helper()
	drawn := w.get(`document.documentElement.dataset.drawn`)
	do()
	w.until("another drawing", `Number(document.documentElement.dataset.drawn) > `+drawn)
}

const (
	shown   = `document.querySelector("#drawing").textContent.replaceAll(/\s+/g, " ")`
	current = `[...document.querySelectorAll("#drawing .current, #drawing .receives")].map(e => e.id).join()`
)

// A reader types a formula, drags a value, steps forward and back, looks at the gradient's graph and at the compiler's passes, and shares what is shown.
func TestPlayground(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles for WebAssembly")
	}
	w, server := open(t, "", 1280, 800)
	t.Logf("the first drawing is there %s ms after navigation", w.get(`Math.round(performance.now())`))
	w.is("the first picture", shown+`.includes("z = 1") && `+shown+`.includes(" = 7") && `+shown+`.includes("2x1 = 4")`, "true")
	w.screenshot("light")
	w.do(w.page.Prefer(w.ctx, "dark"))
	w.is("the dark background", `getComputedStyle(document.querySelector("#drawing rect")).fill`, "rgb(18, 23, 28)")
	w.screenshot("dark")
	w.do(w.page.Prefer(w.ctx, "light"))
	w.is("requests to others", `performance.getEntriesByType("resource").filter(e => !e.name.startsWith("`+server.URL+`")).length`, "0")

	// Type, at first with a mistake.
	w.click("#source")
	w.do(w.page.Evaluate(w.ctx, `document.querySelector("#source").select()`, nil))
	w.do(w.page.Type(w.ctx, "u = x1*x2; z = sin(u) + u^"))
	w.until("the complaint", `!document.querySelector("#error").hidden && document.querySelector("#error").textContent.startsWith("line 1, column 27: expected a number")`)
	w.is("the caret", `document.querySelector("#error .excerpt").textContent`, "u = x1*x2; z = sin(u) + u^\n                          ^")
	w.is("that the field is wrong", `document.querySelector("#source").getAttribute("aria-invalid")`, "true")
	w.screenshot("mistake")
	w.after(func() { w.do(w.page.Type(w.ctx, "2")) })
	w.until("the picture without a complaint", `document.querySelector("#error").hidden && `+shown+`.includes("35.7206")`)

	// Drag the slider of x1 to the left, to where its value is about −2.
	x, y := w.middle(`#inputs [type=range]`)
	var width float64
	w.do(w.page.Evaluate(w.ctx, `document.querySelector("#inputs [type=range]").getBoundingClientRect().width`, &width))
	w.after(func() { w.do(w.page.Drag(w.ctx, x+width*0.2, y, -width*0.4, 0, 8)) })
	w.until("the dragged value", `Math.abs(document.querySelector("#inputs [type=number]").value - -2) < 0.3`)
	w.until("its picture", shown+`.includes("x1" + document.querySelector("#inputs [type=number]").value.replace("-", "−"))`)

	// A number typed, and one beyond the slider.
	for _, value := range []string{"40", "2"} {
		w.do(w.page.Evaluate(w.ctx, `(() => { const f = document.querySelector("#inputs [type=number]"); f.focus(); f.select(); })()`, nil))
		w.after(func() { w.do(w.page.Type(w.ctx, value)) })
		w.until("the number", shown+`.includes("x1`+value+`")`)
	}
	w.is("the slider's reach", `document.querySelector("#inputs [type=range]").max`, "100")

	// Step: forward from the beginning, into the reverse sweep, and back.
	w.click("#first")
	w.is("values at the beginning", `getComputedStyle(document.querySelector("#drawing .node.operator .value")).visibility`, "hidden")
	w.click("#forth")
	w.is("the first step", `document.querySelector("#step-text").textContent`, "forwardu = x₁ × x₂ = 6")
	for range 6 {
		w.click("#forth")
	}
	w.is("the step with a part of the sum", `document.querySelector("#step-text").textContent.includes("u\u0304 gets ") && document.querySelector("#step-text").textContent.includes("so far")`, "true")
	partial := w.get(`document.querySelector("#drawing .receives").textContent`)
	w.screenshot("step")
	w.click("#forth")
	w.is("that the sum has grown", `document.querySelector("#step-text").textContent.includes("in all") && document.querySelector("#drawing .receives").textContent !== "`+partial+`"`, "true")
	w.click("#back")
	w.is("the sum one step back", `document.querySelector("#drawing .receives").textContent`, partial)
	w.do(w.page.Evaluate(w.ctx, `document.querySelector("#step").focus()`, nil))
	w.do(w.page.Key(w.ctx, "ArrowRight", 0))
	w.is("the step by the keyboard", `document.querySelector("#step-count").textContent`, "8 of 9")
	before := w.get(current)

	// The address has all of it.
	w.click("#share")
	w.until("the address", `location.hash.includes("step=8")`)
	again, _ := open(t, w.get(`location.hash`), 1280, 800)
	again.is("the source of the shared page", `document.querySelector("#source").value`, "u = x1*x2; z = sin(u) + u^2")
	again.is("what stands out on the shared page", current, before)
	again.is("the shared picture", shown, w.get(shown))

	// The gradient's graph, and the compiler.
	w.after(func() { w.click("[value=split] + span") })
	w.is("the gradient", shown+`.includes("∂z/∂x1") && document.querySelectorAll("#drawing .cluster.gradient").length`, "1")
	w.after(func() { w.click("[value=passes] + span") })
	w.after(func() {
		w.do(w.page.Evaluate(w.ctx, `document.querySelector("#pass").focus()`, nil))
		w.do(w.page.Key(w.ctx, "End", 0))
	})
	w.until("the last pass", `document.querySelector("#pass-name").textContent === "emit"`)
	w.is("the program", `document.querySelector("#listing").textContent.includes("STRAIGHT")`, "true")
	w.screenshot("passes")
	w.after(func() { w.click("[value=overlay] + span") })

	// Files.
	for _, format := range []string{"svg", "png", "tikz", "pdf"} {
		w.do(w.page.Evaluate(w.ctx, `new Promise(done => { const made = URL.createObjectURL; URL.createObjectURL = blob => { URL.createObjectURL = made; blob.arrayBuffer().then(b => { window.file = new TextDecoder("latin1").decode(b); done(); }); return "data:,"; };
			document.querySelector("#download").value = "`+format+`"; document.querySelector("#download").dispatchEvent(new Event("change")); })`, nil))
		w.is("the file "+format, `window.file.includes({svg: "<style>", png: "PNG", tikz: "tikzpicture", pdf: "%PDF-"}["`+format+`"])`, "true")
	}

	// For those who do not see the picture: names for all that can be reached, and the table.
	w.is("controls without a name", `[...document.querySelectorAll("button, input, select, textarea")].filter(e => !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim())).map(e => e.outerHTML).join()`, "")
	w.is("the table", `[...document.querySelectorAll("#rows tr")].map(r => [...r.children].map(c => c.textContent).join(" | ")).slice(0, 3).join("; ")`,
		"x1 = 2 | 38.8805; x2 = 3 | 25.9203; u = x₁ × x₂ = 6 | 12.9602")

	// All examples can be drawn, in all views.
	w.is("examples that fail", `(async () => {
		const wrong = [], list = document.querySelector("#examples");
		for (const view of ["overlay", "split", "passes"]) {
			document.querySelector(`+"`[value=${view}]`"+`).click();
			for (const option of [...list.options].slice(1)) {
				const drawn = document.documentElement.dataset.drawn;
				list.value = option.value;
				list.dispatchEvent(new Event("change"));
				while (document.documentElement.dataset.drawn === drawn && document.querySelector("#error").hidden) await new Promise(done => setTimeout(done, 5));
				if (!document.querySelector("#error").hidden || document.querySelector("#note").textContent) wrong.push(option.textContent, document.querySelector("#error").textContent);
			}
		}
		return wrong.join();
	})()`, "")

	var times []float64
	w.after(func() { w.click("[value=overlay] + span") })
	w.after(func() {
		w.do(w.page.Evaluate(w.ctx, `document.querySelector("#examples").value = 1, document.querySelector("#examples").dispatchEvent(new Event("change"))`, nil))
	})
	w.do(w.page.Evaluate(w.ctx, `(async () => {
		const slider = document.querySelector("#inputs [type=range]"), times = [];
		for (let k = 0; k < 21; k++) {
			const drawn = document.documentElement.dataset.drawn, start = performance.now();
			slider.value = k / 10;
			slider.dispatchEvent(new Event("input"));
			while (document.documentElement.dataset.drawn === drawn) await new Promise(done => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
			times.push(performance.now() - start);
		}
		return times;
	})()`, &times))
	if len(times) != 21 {
		t.Fatalf("%d drawings of 21", len(times))
	}
	slices.Sort(times)
	t.Logf("another drawing of %d takes %.1f ms in the median, %.1f ms at most", len(times), times[len(times)/2], times[len(times)-1])
}

// On a telephone nothing stands beside the page, and edges point down.
func TestPlaygroundOnTelephone(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles for WebAssembly")
	}
	w, _ := open(t, "#f=z+%3D+x1%5E2+%2B+x1*x2+%2B+x2%5E2&at.x1=1.5&step=7", 390, 844)
	w.is("the width of the page", `document.documentElement.scrollWidth`, "390")
	w.is("that the drawing fits", `(() => { const s = document.querySelector("#drawing svg").getBoundingClientRect(); return s.left >= 0 && s.right <= 390 && document.querySelector("#drawing svg").viewBox.baseVal.height > document.querySelector("#drawing svg").viewBox.baseVal.width * 0.7; })()`, "true")
	w.is("the given value", shown+`.includes("x11.5")`, "true")
	w.screenshot("telephone")
}

// Once it was open the page works without its server.
func TestPlaygroundOffline(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles for WebAssembly")
	}
	w, server := open(t, "#f=z+%3D+exp(x)&at.x=0", 1280, 800)
	w.do(w.page.Evaluate(w.ctx, `navigator.serviceWorker.ready`, nil))
	w.until("a worker that answers for the server", `navigator.serviceWorker.controller?.state === "activated"`)
	server.CloseClientConnections()
	server.Close()
	w.do(w.page.Evaluate(w.ctx, `document.documentElement.dataset.before = 1, setTimeout(() => location.reload(), 1)`, nil))
	for {
		var drawn bool
		err := w.page.Evaluate(w.ctx, `document.documentElement.dataset.before === undefined && document.documentElement.dataset.drawn !== undefined`, &drawn)
		if err == nil && drawn {
			break // between the pages there is nothing to evaluate in
		}
		select {
		case <-w.ctx.Done():
			t.Fatal("no drawing without the server")
		case <-time.After(20 * time.Millisecond):
		}
	}
	w.is("the formula", `document.querySelector("#source").value`, "z = exp(x)")
	w.is("the table", `document.querySelector("#rows").textContent`, "x = 01v₁ = exp(x) = 11")
}
