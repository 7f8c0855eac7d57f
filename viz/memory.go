package viz

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
	"github.com/adjoint-go/adjoint/vm"
)

// MemoryChart is a chart of the memory that a program uses: over the steps of its run the bytes in use,
// with the peak marked, and below them, by address, every value from the step that writes it to the last one that
// reads it. Its methods may be called in any order and any number of times, but not at the same time.
type MemoryChart struct {
	drawing  *draw.Drawing
	settings *settings
}

// NewMemoryChart prepares the chart of a verified program. A step is an instruction, or a micro-instruction
// where the program is all scalar code. Memory outside of the arena, such as inputs that are read in place and the
// scratch of kernels, is not drawn. Addresses are drawn to scale, but small values with a height that can be seen. Of
// the options those on title, summary, style, theme, scale and ids count. A program of more than 200000 live ranges is an
// error.
func NewMemoryChart(p *vm.Program, options ...Option) (*MemoryChart, error) {
	if p == nil {
		return nil, errors.New("viz: no program")
	}
	s := collect(options)
	m := lifetimes(p)
	if len(m.values) > maxLifetimes {
		return nil, fmt.Errorf("viz: the program has %d live ranges, more than the %d that a chart can show", len(m.values), maxLifetimes)
	}
	c := &memoryChart{memoryMap: m, settings: s}
	return &MemoryChart{c.draw(), s}, nil
}

const maxLifetimes = 200000

// SVG writes the chart as SVG.
func (c *MemoryChart) SVG(w io.Writer) error { return c.write(w, (*settings).writeSVG) }

// PNG writes the chart as PNG, at a smaller scale where it would have more than 64 million pixels or a side of more than 32767.
func (c *MemoryChart) PNG(w io.Writer) error { return c.write(w, (*settings).writePNG) }

// PDF writes the chart as a PDF of one page.
func (c *MemoryChart) PDF(w io.Writer) error { return c.write(w, (*settings).writePDF) }

// TikZ writes the chart as an environment tikzpicture, see Picture.TikZ.
func (c *MemoryChart) TikZ(w io.Writer) error { return c.write(w, (*settings).writeTikZ) }

// LaTeX writes the chart as a LaTeX document of its own.
func (c *MemoryChart) LaTeX(w io.Writer) error { return c.write(w, (*settings).writeLaTeX) }

// Warnings says what of the chart cannot be drawn in a format as it is meant, see Picture.Warnings.
func (c *MemoryChart) Warnings(format string) ([]string, error) {
	if c == nil || c.drawing == nil {
		return nil, errEmptyChart
	}
	return c.settings.warningsOf(c.drawing, format), nil
}

var errEmptyChart = errors.New("viz: the chart is empty: NewMemoryChart and NewScheduleChart make one, or say why not")

func (c *MemoryChart) write(w io.Writer, format func(*settings, io.Writer, *draw.Drawing) error) error {
	if c == nil || c.drawing == nil {
		return errEmptyChart
	}
	return format(c.settings, w, c.drawing)
}

// Memory draws the memory that a verified program uses as SVG, see NewMemoryChart.
func Memory(w io.Writer, p *vm.Program, options ...Option) error {
	c, err := NewMemoryChart(p, options...)
	if err != nil {
		return err
	}
	return c.SVG(w)
}

// memoryChart composes the chart.
type memoryChart struct {
	*memoryMap
	settings *settings
	drawing  *draw.Drawing

	column      float64   // width of a step
	curve, area geom.Rect // of the bytes in use, of the addresses
	bounds      []int64   // addresses at which values begin or end
	heights     []float64 // from the top of area, of each bound
}

// Sizes of the chart.
const (
	leastColumns, mostColumns = 420.0, 1000.0
	wideColumn                = 58.0
	curveHeight               = 120.0
	areaHeight                = 380.0
	leastHeight               = 3.0 // of a value
	chartText                 = 12.5
	axisRoom                  = 76.0
)

func (c *memoryChart) draw() *draw.Drawing {
	c.drawing = &draw.Drawing{Title: "Memory", Summary: c.settings.summary}
	n := max(len(c.steps), 1)
	width := math.Min(math.Max(float64(n)*wideColumn, leastColumns), mostColumns)
	c.column = width / float64(n)

	title := scene.TextLine{Runs: upright("Live ranges"), Size: scene.TitleSize, Colour: scene.Ink}
	if c.settings.title != "" {
		title.Runs = mathRuns(c.settings.title, nil)
		c.drawing.Title = title.Plain()
	}
	subtitle := scene.TextLine{Runs: upright(c.facts()), Size: scene.LabelSize, Colour: scene.Muted}
	if c.drawing.Summary == "" {
		c.drawing.Summary = "Chart of the memory of a program: " + subtitle.Plain() + "."
	}
	room := math.Max(width+axisRoom, math.Max(title.Width(), subtitle.Width()))
	left := draw.Margin + axisRoom + (room-width-axisRoom)/2
	y := draw.Margin
	c.line("title", title, draw.Margin+(room-title.Width())/2, y+0.72*title.Size)
	y += title.Size + 10
	c.line("facts", subtitle, draw.Margin+(room-subtitle.Width())/2, y+0.72*subtitle.Size)
	y += subtitle.Size + 26
	c.curve = geom.Rect{Min: geom.Point{X: left, Y: y}, Max: geom.Point{X: left + width, Y: y + curveHeight}}
	y += curveHeight + 22
	c.scale()
	height := c.heights[len(c.heights)-1]
	c.area = geom.Rect{Min: geom.Point{X: left, Y: y}, Max: geom.Point{X: left + width, Y: y + height}}

	c.frames()
	c.use()
	for i := range c.values {
		c.value(i)
	}
	c.mark()
	c.addresses()
	bottom := c.stepAxis()
	bottom, right := c.key(bottom + 18)
	c.drawing.W, c.drawing.H = math.Ceil(math.Max(room+draw.Margin, right)+draw.Margin), math.Ceil(bottom+draw.Margin)
	slices.SortStableFunc(c.drawing.Groups, func(a, b draw.Group) int { return int(a.Kind) - int(b.Kind) })
	return c.drawing
}

// facts returns the numbers that the chart shows, in a line.
func (c *memoryChart) facts() string {
	text := "arena of " + formatBytes(c.program.ArenaBytes())
	if c.peak >= 0 {
		text += fmt.Sprintf(", peak of %s in use at step %d (%s)", formatBytes(c.live[c.peak]), c.peak, c.steps[c.peak])
	}
	if scratch := c.program.ScratchBytes(); scratch > 0 {
		text += ", scratch of " + formatBytes(scratch) + " besides"
	}
	return text
}

// line adds a line of text of its own.
func (c *memoryChart) line(id string, l scene.TextLine, x, y float64) {
	g := draw.Group{Kind: draw.TitleGroup, ID: id, Class: "title", Index: -1,
		Box: geom.Rect{Min: geom.Point{X: x, Y: y - 0.72*l.Size}, Max: geom.Point{X: x + l.Width(), Y: y + 0.28*l.Size}}}
	g.Line(l, geom.Point{X: x, Y: y})
	c.drawing.Groups = append(c.drawing.Groups, g)
}

// scale finds the height of every address at which a value begins or ends: to scale, but with room for small values
// and little for gaps that no value fills.
func (c *memoryChart) scale() {
	c.bounds = []int64{0, c.program.ArenaBytes()}
	for _, v := range c.values {
		c.bounds = append(c.bounds, v.lo, v.hi)
	}
	slices.Sort(c.bounds)
	c.bounds = slices.Compact(c.bounds)
	used := make([]int, len(c.bounds)+1)
	for _, v := range c.values {
		lo, _ := slices.BinarySearch(c.bounds, v.lo)
		hi, _ := slices.BinarySearch(c.bounds, v.hi)
		used[lo]++
		used[hi]--
	}
	total := 0
	for i, depth := 0, 0; i+1 < len(c.bounds); i++ {
		depth += used[i]
		used[i] = depth
		if depth > 0 {
			total++
		}
	}
	least := math.Min(leastHeight, areaHeight/2/float64(max(total, 1)))
	if total <= 24 {
		least = 16 // room for a name
	}
	perByte := areaHeight / float64(max(c.program.ArenaBytes(), 1))
	c.heights = make([]float64, len(c.bounds))
	for i := 1; i < len(c.bounds); i++ {
		h := perByte * float64(c.bounds[i]-c.bounds[i-1])
		if used[i-1] > 0 {
			h = math.Max(h, least)
		}
		c.heights[i] = c.heights[i-1] + h
	}
}

func (c *memoryChart) height(address int64) float64 {
	k, _ := slices.BinarySearch(c.bounds, address)
	return c.area.Min.Y + c.heights[k]
}

func (c *memoryChart) x(step int) float64 { return c.area.Min.X + float64(step)*c.column }

func (c *memoryChart) frames() {
	for k, r := range []geom.Rect{c.curve, c.area} {
		c.drawing.Groups = append(c.drawing.Groups, draw.Group{Kind: draw.ClusterGroup, ID: "panel-" + strconv.Itoa(k), Class: "panel", Index: -1, Box: r,
			Shapes: []draw.Shape{{Kind: draw.RectShape, Rect: r, Fill: scene.ScopeTint, Stroke: scene.ScopeBorder, Width: 1}}})
	}
}

// use draws the bytes in use as steps.
func (c *memoryChart) use() {
	if c.peak < 0 || c.live[c.peak] == 0 {
		return
	}
	y := func(bytes int64) float64 {
		return c.curve.Max.Y - float64(bytes)/float64(c.live[c.peak])*(curveHeight-16)
	}
	points := []geom.Point{{X: c.x(0), Y: c.curve.Max.Y}}
	for i, bytes := range c.live {
		points = append(points, geom.Point{X: c.x(i), Y: y(bytes)}, geom.Point{X: c.x(i + 1), Y: y(bytes)})
	}
	points = append(points, geom.Point{X: c.x(len(c.live)), Y: c.curve.Max.Y})
	g := draw.Group{Kind: draw.EdgeGroup, ID: "use", Class: "use", Index: -1, Box: c.curve}
	g.Shapes = append(g.Shapes, draw.Shape{Kind: draw.PolygonShape, Points: points, Fill: scene.InputFill})
	var outline geom.Path
	for i := 1; i+2 < len(points); i++ {
		outline = append(outline, geom.Straight(points[i], points[i+1]))
	}
	g.Shapes = append(g.Shapes, draw.Shape{Kind: draw.CurveShape, Path: outline, Stroke: scene.InputLine, Width: 1.5})
	c.drawing.Groups = append(c.drawing.Groups, g)
	c.axisLabel("use-most", formatBytes(c.live[c.peak]), y(c.live[c.peak]))
	c.axisLabel("use-none", "0", c.curve.Max.Y)
}

// axisLabel writes at the left of the panels.
func (c *memoryChart) axisLabel(id, text string, y float64) {
	l := scene.TextLine{Runs: upright(text), Size: chartText, Colour: scene.Muted}
	x := c.area.Min.X - 10 - l.Width()
	g := draw.Group{Kind: draw.LabelGroup, ID: id, Class: "label", Index: -1,
		Box: geom.Rect{Min: geom.Point{X: x, Y: y - 0.5*l.Size}, Max: geom.Point{X: x + l.Width(), Y: y + 0.5*l.Size}}}
	g.Line(l, geom.Point{X: x, Y: y + 0.33*l.Size})
	c.drawing.Groups = append(c.drawing.Groups, g)
}

// colours returns the roles of a value.
func (c *memoryChart) colours(v *lifetime) (fill, stroke, text scene.Role) {
	switch v.kind {
	case inputLifetime:
		return scene.InputFill, scene.InputLine, scene.Ink
	case constantLifetime:
		return scene.ConstantFill, scene.ConstantFill, scene.ConstantText
	case outputLifetime:
		return scene.OutputFill, scene.OutputLine, scene.Ink
	}
	if c.atPeak(v) {
		return scene.WarnFill, scene.WarnLine, scene.Ink
	}
	return scene.Paper, scene.Line, scene.Ink
}

// value draws a live range.
func (c *memoryChart) value(i int) {
	v := &c.values[i]
	end := min(v.to+1, len(c.steps))
	if v.replaced {
		end--
	}
	r := geom.Rect{Min: geom.Point{X: c.x(max(v.from, 0)), Y: c.height(v.lo)}, Max: geom.Point{X: c.x(end), Y: c.height(v.hi)}}
	if r.W() <= 0 || r.H() <= 0 {
		return
	}
	// Neighbours stay apart where there is room.
	r = geom.Rect{Min: r.Min.Add(geom.Point{X: math.Min(1, r.W()/8), Y: math.Min(0.7, r.H()/8)}),
		Max: r.Max.Sub(geom.Point{X: math.Min(1, r.W()/8), Y: math.Min(0.7, r.H()/8)})}
	fill, stroke, colour := c.colours(v)
	g := draw.Group{Kind: draw.NodeGroup, ID: "value-" + strconv.Itoa(i), Class: "value", Index: -1, Box: r, Tooltip: c.details(v)}
	g.Shapes = append(g.Shapes, draw.Shape{Kind: draw.RectShape, Rect: r, Radius: math.Min(4, math.Min(r.W(), r.H())/3), Fill: fill, Stroke: stroke,
		Width: math.Min(1, math.Min(r.W(), r.H())/4)})
	name := upright(v.name)
	if v.variable {
		name = nameRuns(v.name)
	}
	for _, runs := range [][]scene.Run{joinRuns(name, upright("  "+formatBytes(v.hi-v.lo))), name} {
		l := scene.TextLine{Runs: runs, Size: chartText, Colour: colour}
		if len(v.name) > 0 && r.H() >= 12 && l.Width()+8 <= r.W() {
			g.Line(l, geom.Point{X: r.Min.X + 5 + math.Max(0, math.Min(12, (r.W()-l.Width())/2-5)), Y: r.Centre().Y + 0.29*l.Size})
			break
		}
	}
	c.drawing.Groups = append(c.drawing.Groups, g)
}

// details lists what is known of a value, for hovering.
func (c *memoryChart) details(v *lifetime) string {
	text := v.name + "\n" + formatBytes(v.hi-v.lo) + fmt.Sprintf(" at address %d", v.lo)
	if v.from >= 0 {
		text += fmt.Sprintf("\nwritten by step %d, %s", v.from, c.steps[v.from])
	}
	switch {
	case v.kind == outputLifetime:
		text += "\nan output"
	case v.kind != valueLifetime:
		text += "\nheld for the whole run"
	case v.to > v.from:
		text += fmt.Sprintf("\nlast read by step %d, %s", v.to, c.steps[v.to])
		if v.replaced {
			text += ", in place"
		}
	}
	if v.source != "" {
		text += "\nsource: " + v.source
	}
	return text
}

// mark draws the peak through both panels.
func (c *memoryChart) mark() {
	if c.peak < 0 {
		return
	}
	x := c.x(c.peak) + c.column/2
	l := scene.TextLine{Runs: upright("peak"), Size: chartText, Colour: scene.Ink}
	top := c.curve.Min.Y - 8
	g := draw.Group{Kind: draw.LabelGroup, ID: "peak", Class: "peak", Index: -1, Tooltip: fmt.Sprintf("peak: %s at step %d", formatBytes(c.live[c.peak]), c.peak),
		Box: geom.Rect{Min: geom.Point{X: x - l.Width()/2, Y: top - l.Size}, Max: geom.Point{X: x + l.Width()/2, Y: c.area.Max.Y}}}
	dashed := func(top, bottom float64) draw.Shape {
		return draw.Shape{Kind: draw.CurveShape, Path: geom.Path{geom.Straight(geom.Point{X: x, Y: top}, geom.Point{X: x, Y: bottom})},
			Stroke: scene.AdjointLine, Width: 1.2, Dash: draw.GhostDash}
	}
	g.Shapes = append(g.Shapes, dashed(c.curve.Min.Y-4, c.curve.Max.Y))
	// Behind the values, so that it crosses no name.
	c.drawing.Groups = append(c.drawing.Groups, draw.Group{Kind: draw.EdgeGroup, ID: "peak-line", Class: "peak", Index: -1, Box: c.area,
		Shapes: []draw.Shape{dashed(c.area.Min.Y, c.area.Max.Y)}})
	g.Line(l, geom.Point{X: x - l.Width()/2, Y: top - 0.1*l.Size})
	c.drawing.Groups = append(c.drawing.Groups, g)
}

// addresses labels the bounds of values as far as there is room.
func (c *memoryChart) addresses() {
	const apart = 22
	last := math.Inf(-1)
	end := c.bounds[len(c.bounds)-1]
	for _, at := range c.bounds {
		y := c.height(at)
		if y-last < apart || at != end && c.height(end)-y < apart {
			continue
		}
		last = y
		text := "0x" + strconv.FormatInt(at, 16)
		c.axisLabel("address-"+strconv.FormatInt(at, 10), text, y)
		c.drawing.Groups = append(c.drawing.Groups, draw.Group{Kind: draw.EdgeGroup, ID: "tick-" + strconv.FormatInt(at, 10), Class: "tick", Index: -1,
			Shapes: []draw.Shape{{Kind: draw.CurveShape, Path: geom.Path{geom.Straight(geom.Point{X: c.area.Min.X - 5, Y: y}, geom.Point{X: c.area.Min.X, Y: y})}, Stroke: scene.Line, Width: 1}}})
	}
}

// stepAxis numbers the steps and names them where there is room, and returns the bottom.
func (c *memoryChart) stepAxis() float64 {
	y := c.area.Max.Y + 8 + 0.72*chartText
	widest := 0.0
	number := func(i int) scene.TextLine {
		return scene.TextLine{Runs: upright(strconv.Itoa(i)), Size: chartText, Colour: scene.Muted}
	}
	if n := len(c.steps); n > 0 {
		widest = number(n-1).Width() + 14
	}
	every := 1
	for _, next := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000} {
		if every = next; float64(every)*c.column >= widest {
			break
		}
	}
	named := c.column >= wideColumn-10
	for i := 0; i < len(c.steps); i += every {
		l := number(i)
		x := c.x(i) + c.column/2
		g := draw.Group{Kind: draw.LabelGroup, ID: "step-" + strconv.Itoa(i), Class: "label", Index: -1, Tooltip: fmt.Sprintf("step %d: %s, %s in use", i, c.steps[i], formatBytes(c.live[i])),
			Box: geom.Rect{Min: geom.Point{X: x - l.Width()/2, Y: y - 0.72*l.Size}, Max: geom.Point{X: x + l.Width()/2, Y: y + 0.28*l.Size}}}
		g.Line(l, geom.Point{X: x - l.Width()/2, Y: y})
		if named {
			name := scene.TextLine{Runs: upright(c.steps[i]), Size: 11, Colour: scene.Ink}
			for text := []rune(c.steps[i]); len(text) > 1 && name.Width() > c.column-4; {
				text = text[:len(text)-1]
				name.Runs = upright(string(text) + "…")
			}
			g.Line(name, geom.Point{X: x - name.Width()/2, Y: y + 15})
		}
		c.drawing.Groups = append(c.drawing.Groups, g)
	}
	if named {
		y += 15
	}
	caption := scene.TextLine{Runs: upright("instruction"), Size: chartText, Colour: scene.Muted}
	if c.expanded {
		caption.Runs = upright("micro-instruction")
	}
	y += 20
	c.line("steps", caption, c.area.Centre().X-caption.Width()/2, y)
	return y + 0.28*chartText
}

// key explains the colours, and returns where it ends.
func (c *memoryChart) key(top float64) (bottom, right float64) {
	const swatch, gap = 22.0, 24.0
	type entry struct {
		fill, stroke scene.Role
		text         scene.TextLine
	}
	var list []entry
	seen := map[scene.Role]bool{}
	names := map[scene.Role]string{scene.InputFill: "input", scene.ConstantFill: "constants", scene.Paper: "value", scene.WarnFill: "value in use at the peak", scene.OutputFill: "output"}
	for i := range c.values {
		fill, stroke, _ := c.colours(&c.values[i])
		if !seen[fill] {
			seen[fill] = true
			list = append(list, entry{fill, stroke, scene.TextLine{Runs: upright(names[fill]), Size: scene.LegendSize, Colour: scene.Ink}})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return int(a.fill) - int(b.fill) })
	width := -gap
	for _, e := range list {
		width += swatch + 8 + e.text.Width() + gap
	}
	x, y := math.Max(c.area.Centre().X-width/2, draw.Margin), top+0.72*scene.LegendSize
	g := draw.Group{Kind: draw.LegendGroup, ID: "legend", Class: "legend", Index: -1,
		Box: geom.Rect{Min: geom.Point{X: x, Y: top}, Max: geom.Point{X: x + width, Y: top + scene.LegendSize}}}
	for _, e := range list {
		g.Shapes = append(g.Shapes, draw.Shape{Kind: draw.RectShape, Radius: 4, Fill: e.fill, Stroke: e.stroke, Width: 1,
			Rect: geom.Around(geom.Point{X: x + swatch/2, Y: y - 0.24*scene.LegendSize}, swatch, 14)})
		g.Line(e.text, geom.Point{X: x + swatch + 8, Y: y})
		x += swatch + 8 + e.text.Width() + gap
	}
	if len(list) > 0 {
		c.drawing.Groups = append(c.drawing.Groups, g)
	}
	return top + scene.LegendSize, g.Box.Max.X
}
