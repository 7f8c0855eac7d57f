package viz

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The page holds the drawing and the data, and loads nothing.
func TestHTMLIsSelfContained(t *testing.T) {
	for _, c := range corpus() {
		page := string(render(t, c, (*Picture).HTML))
		for _, tag := range regexp.MustCompile(`<(script|link|img|iframe)[^>]*(src|href)=[^>]*>`).FindAllString(page, -1) {
			t.Errorf("%s: the page loads %s", c.name, tag)
		}
		for _, address := range regexp.MustCompile(`https?://[^"' )]*`).FindAllString(page, -1) {
			if address != "http://www.w3.org/2000/svg" {
				t.Errorf("%s: the page names %s", c.name, address)
			}
		}
		content := regexp.MustCompile(`(?s)<script id="graph" type="application/json">(.*?)</script>`).FindStringSubmatch(page)
		if content == nil {
			t.Fatalf("%s: no data", c.name)
		}
		var data struct {
			Nodes []struct {
				ID   string
				Step int
			}
			Edges []struct{ From, To int }
		}
		if err := json.Unmarshal([]byte(content[1]), &data); err != nil {
			t.Fatal(c.name, err)
		}
		seen := map[int]bool{}
		for _, n := range data.Nodes {
			if !strings.Contains(page, `<g id="`+n.ID+`" class="node`) {
				t.Errorf("%s: node %s is not drawn", c.name, n.ID)
			}
			if seen[n.Step] {
				t.Errorf("%s: two nodes have step %d", c.name, n.Step)
			}
			seen[n.Step] = true
		}
		// The drawing inside is well-formed XML.
		inner := regexp.MustCompile(`(?s)<svg .*?</svg>`).FindString(page)
		if err := xml.Unmarshal([]byte(inner), new(struct{})); err != nil {
			t.Error(c.name, err)
		}
	}
}

// In a real browser: search, selection by click and by key, the walk through
// the execution, zoom and the dark mode do what they say.
func TestHTMLInBrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no Chromium")
	}
	outputs, options := seed(Overlay)
	page := render(t, drawing{"seed", outputs, options, nil}, (*Picture).HTML)
	const check = `<script>
const failures = [];
addEventListener("error", e => failures.push(e.message));
const expect = (what, ok) => { if (!ok) failures.push(what); };
const key = (k, more) => document.getElementById("view").dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true, cancelable: true, ...more}));
const click = (id, more) => { for (const type of ["pointerdown", "pointerup"]) document.querySelector("#" + id + " .outline").dispatchEvent(new PointerEvent(type, {bubbles: true, pointerId: 1, clientX: 5, clientY: 5, ...more})); };
const svg = document.querySelector("main svg"), view = document.getElementById("view"), search = document.getElementById("search");
const lit = () => [...document.querySelectorAll(".node.on")].map(e => e.id).sort().join(" ");
setTimeout(() => {
  search.value = "square"; search.dispatchEvent(new Event("input"));
  expect("two squares are found", document.getElementById("hits").textContent === "2 hits" && document.querySelectorAll(".node.hit").length === 2);
  search.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
  expect("Enter selects the first hit", document.querySelector(".node.selected")?.id === "n2");
  expect("the details show", !document.getElementById("details").hidden && document.getElementById("details").textContent.includes("seed.go:7"));
  search.value = ""; search.dispatchEvent(new Event("input"));
  key("Escape");
  expect("Escape clears", !view.classList.contains("focus") && !document.querySelector(".selected"));
  click("n3");
  expect("a click lights inputs and dependents, not " + lit(), lit() === "n0 n1 n3 n6 out0");
  key("Escape"); click("n0"); click("n6", {shiftKey: true});
  expect("shift and click light the paths, not " + lit(), lit() === "n0 n2 n3 n6");
  key("Escape"); click("n6"); key("ArrowRight");
  expect("an arrow goes to the user", document.querySelector(".node.selected")?.id === "out0");
  key("Escape"); key("["); key("[");
  expect("steps go back", view.classList.contains("stepping") && document.querySelectorAll(".node.current").length === 1);
  expect("the last steps are backward", document.getElementById("step-text").textContent.startsWith("backward 12 of 14"));
  key("Escape");
  expect("Escape ends the walk", !view.classList.contains("stepping"));
  const before = svg.getAttribute("viewBox");
  key("+");
  key("d");
  expect("d changes the theme", document.documentElement.dataset.theme === "dark" && getComputedStyle(document.body).backgroundColor === "rgb(18, 23, 28)");
  setTimeout(() => {
    expect("+ zooms", svg.getAttribute("viewBox") !== before);
    expect("the typeface is there", document.fonts.check('20px "Adjoint Text"') && [...document.fonts].every(f => f.status !== "error"));
    document.body.setAttribute("data-result", failures.length ? failures.join("; ") : "passed");
  }, 500);
}, 50);
</script></body>`
	page = bytes.Replace(page, []byte("</body>"), []byte(check), 1)
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	// A loaded machine may starve the page until the browser gives up.
	var result [][]byte
	for try := 0; try < 3 && result == nil; try++ {
		command := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,800",
			"--virtual-time-budget=10000", "--user-data-dir="+t.TempDir(), "--dump-dom", "file://"+file)
		command.WaitDelay = 20 * time.Second
		out, err := command.Output()
		if err != nil {
			t.Skipf("the browser does not run here: %v", err)
		}
		result = regexp.MustCompile(`data-result="([^"]*)"`).FindSubmatch(out)
	}
	if result == nil {
		t.Fatal("the page did not report")
	}
	if string(result[1]) != "passed" {
		t.Error(string(result[1]))
	}
}
