package viz

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/adjoint-go/adjoint/compile"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/geom"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// ScheduleChart is a chart of how a reverse sweep over a loop keeps few states: from left to right what is run, from bottom to top the steps of the loop. Lines that
// rise are steps run forward, those that fall steps reversed, and bars the states that are kept, each from when it is reached until its step is reversed. Its
// methods may be called in any order and any number of times, but not at the same time.
type ScheduleChart MemoryChart

// mostScheduled is the number of steps, forward and in reverse, that a chart shows at most.
const mostScheduled = 100000

// NewScheduleChart prepares the chart of the sweep over a loop of so many steps, at least 1, that keeps states as compile.Config.Checkpoints says: a number of them, or
// those at every so many steps; the zero value keeps all. Mixed, units are states, or what is recorded of a step. A number of bytes, and a sweep that runs more than 100000 steps, are errors. Of the options those count that
// NewMemoryChart knows.
func NewScheduleChart(steps int, keep compile.Checkpoints, options ...Option) (*ScheduleChart, error) {
	switch {
	case steps < 1 || steps > mostScheduled/2:
		return nil, fmt.Errorf("viz: a loop of %d steps: a chart shows 1 to %d", steps, mostScheduled/2)
	case keep.Mixed && keep.States == 0:
		return nil, errors.New("viz: mixed checkpoints need a number of states")
	case keep.States < 0 || keep.Every < 0 || keep.Bytes != 0 || keep.States > 0 && keep.Every > 0:
		return nil, fmt.Errorf("viz: checkpoints of %d states, %d bytes, or at every %d steps: a chart needs a number of states or of steps", keep.States, keep.Bytes, keep.Every)
	}
	slots := steps
	if keep.States > 0 {
		slots = keep.States
	}
	s, forwards := checkpoint.New(steps, slots), checkpoint.Forwards(steps, slots, keep.Every)
	switch {
	case keep.Every > 0:
		s = checkpoint.NewEvery(steps, keep.Every)
	case keep.Mixed:
		s, forwards = checkpoint.NewMixed(steps, slots), checkpoint.ForwardsMixed(steps, slots)
	}
	if all := forwards + float64(steps); all > mostScheduled {
		return nil, fmt.Errorf("viz: the sweep runs %.0f steps, more than the %d that a chart can show", all, mostScheduled)
	}
	c := &scheduleChart{settings: collect(options), steps: steps, mixed: keep.Mixed}
	c.follow(s)
	return &ScheduleChart{c.draw(), c.settings}, nil
}

// SVG writes the chart as SVG.
func (c *ScheduleChart) SVG(w io.Writer) error { return (*MemoryChart)(c).SVG(w) }

// PNG writes the chart as PNG, at a smaller scale where it would have more than 64 million pixels or a side of more than 32767.
func (c *ScheduleChart) PNG(w io.Writer) error { return (*MemoryChart)(c).PNG(w) }

// PDF writes the chart as a PDF of one page.
func (c *ScheduleChart) PDF(w io.Writer) error { return (*MemoryChart)(c).PDF(w) }

// TikZ writes the chart as an environment tikzpicture, see Picture.TikZ.
func (c *ScheduleChart) TikZ(w io.Writer) error { return (*MemoryChart)(c).TikZ(w) }

// LaTeX writes the chart as a LaTeX document of its own.
func (c *ScheduleChart) LaTeX(w io.Writer) error { return (*MemoryChart)(c).LaTeX(w) }

// Warnings says what of the chart cannot be drawn in a format as it is meant, see Picture.Warnings.
func (c *ScheduleChart) Warnings(format string) ([]string, error) {
	return (*MemoryChart)(c).Warnings(format)
}

var errNoSchedule = errors.New("viz: a schedule reverses a step whose state it does not keep")

// keptState is a state, or what is recorded of a step, that is kept for a time. Times count the steps that are run, forward and in reverse.
type keptState struct {
	step, slot, from, to int
	recorded             bool
}

// stepRun is steps that are run one after the other.
type stepRun struct {
	from, to int // steps; to is less where they are reversed
	at       int // time
}

// scheduleChart composes the chart.
type scheduleChart struct {
	settings *settings
	steps    int
	mixed    bool
	kept     []keptState
	runs     []stepRun
	time     int // of all of it
	forwards int
	most     int // states, or records of steps, at once
}

// follow runs through the schedule.
func (c *scheduleChart) follow(s *checkpoint.Schedule) {
	held := map[int]int{} // by step, where its state stands in kept
	keep := func(step, slot, at int, recorded bool) {
		held[step] = len(c.kept)
		c.kept = append(c.kept, keptState{step, slot, at, -1, recorded})
		c.most = max(c.most, len(held))
	}
	keep(0, 0, 0, false)
	s.Reset()
	for a := s.Next(); a.Kind != checkpoint.Done; a = s.Next() {
		n := a.Forwards()
		switch a.Kind {
		case checkpoint.Advance:
			c.runs = append(c.runs, stepRun{a.From, a.To, c.time})
			keep(a.To, a.Slot, c.time+n, false)
		case checkpoint.Fill:
			c.runs = append(c.runs, stepRun{a.From, a.To - 1, c.time})
			for k := 1; k <= n; k++ {
				keep(a.From+k, a.Slot+k, c.time+k, false)
			}
		case checkpoint.Record:
			c.runs = append(c.runs, stepRun{a.From, a.To, c.time})
			c.kept[held[a.From]].to = c.time // its slot is that of the first record
			for k := range n {
				keep(a.From+k, a.Slot+k, c.time+k+1, true)
			}
		case checkpoint.Reverse:
			c.runs = append(c.runs, stepRun{a.To, a.From, c.time})
			for step := a.To - 1; step >= a.From; step-- {
				i, found := held[step]
				if !found {
					panic("BUG: " + errNoSchedule.Error())
				}
				c.kept[i].to = c.time + a.To - step
				delete(held, step)
			}
			c.time += a.To - a.From
		}
		c.time += n
		c.forwards += n
	}
}

// Sizes of the chart.
const (
	scheduleWidth  = 720.0
	scheduleHeight = 320.0
)

func (c *scheduleChart) draw() *draw.Drawing {
	d := &draw.Drawing{Title: "Checkpoints", Summary: c.settings.summary}
	title := scene.TextLine{Runs: upright("Checkpoints"), Size: scene.TitleSize, Colour: scene.Ink}
	if c.settings.title != "" {
		title.Runs = mathRuns(c.settings.title, nil)
		d.Title = title.Plain()
	}
	one, what := c.steps-1, "state"
	if c.mixed {
		one, what = c.steps, "unit"
	}
	facts := scene.TextLine{Size: scene.LabelSize, Colour: scene.Muted, Runs: upright(fmt.Sprintf("%s, at most %s at once, that at hand included; %s forward, %.3g times the %d of one run",
		plural(c.steps, "step"), plural(c.most, what), plural(c.forwards, "step"), float64(c.forwards)/float64(max(1, one)), one))}
	if d.Summary == "" {
		d.Summary = "Chart of the schedule of a reverse sweep: " + facts.Plain() + "."
	}
	room := math.Max(scheduleWidth+axisRoom, math.Max(title.Width(), facts.Width()))
	text := func(kind draw.GroupKind, id, class string, l scene.TextLine, x, y float64) {
		g := draw.Group{Kind: kind, ID: id, Class: class, Index: -1,
			Box: geom.Rect{Min: geom.Point{X: x, Y: y - 0.72*l.Size}, Max: geom.Point{X: x + l.Width(), Y: y + 0.28*l.Size}}}
		g.Line(l, geom.Point{X: x, Y: y})
		d.Groups = append(d.Groups, g)
	}
	y := draw.Margin
	text(draw.TitleGroup, "title", "title", title, draw.Margin+(room-title.Width())/2, y+0.72*title.Size)
	y += title.Size + 10
	text(draw.TitleGroup, "facts", "title", facts, draw.Margin+(room-facts.Width())/2, y+0.72*facts.Size)
	y += facts.Size + 26
	left := draw.Margin + axisRoom + (room-scheduleWidth-axisRoom)/2
	area := geom.Rect{Min: geom.Point{X: left, Y: y}, Max: geom.Point{X: left + scheduleWidth, Y: y + scheduleHeight}}
	d.Groups = append(d.Groups, draw.Group{Kind: draw.ClusterGroup, ID: "panel", Class: "panel", Index: -1, Box: area,
		Shapes: []draw.Shape{{Kind: draw.RectShape, Rect: area, Fill: scene.ScopeTint, Stroke: scene.ScopeBorder, Width: 1}}})
	const inset = 12
	at := func(time, step int) geom.Point {
		return geom.Point{X: area.Min.X + inset + float64(time)/float64(c.time)*(area.W()-2*inset), Y: area.Max.Y - inset - float64(step)/float64(c.steps)*(area.H()-2*inset)}
	}
	half := math.Min(3, (area.H()-2*inset)/float64(c.steps)/2*0.7)
	for i, k := range c.kept {
		a, b := at(k.from, k.step), at(k.to, k.step)
		r := geom.Rect{Min: geom.Point{X: a.X, Y: a.Y - half}, Max: geom.Point{X: b.X, Y: b.Y + half}}
		what := "state at"
		if k.recorded {
			what = "record of"
		}
		d.Groups = append(d.Groups, draw.Group{Kind: draw.EdgeGroup, ID: "state-" + strconv.Itoa(i), Class: "state", Index: -1, Box: r,
			Tooltip: fmt.Sprintf("%s step %d\nin slot %d", what, k.step, k.slot),
			Shapes:  []draw.Shape{keptBar(r, k.recorded, math.Min(1, half/2))}})
	}
	for i, r := range c.runs {
		length, stroke, class, what := r.to-r.from, scene.Line, "forward", "forward"
		if length < 0 {
			length, stroke, class, what = -length, scene.AdjointLine, "reverse", "in reverse"
		}
		a, b := at(r.at, r.from), at(r.at+length, r.to)
		d.Groups = append(d.Groups, draw.Group{Kind: draw.EdgeGroup, ID: "run-" + strconv.Itoa(i), Class: "run " + class, Index: -1,
			Box:     geom.Rect{Min: a, Max: a}.Union(geom.Rect{Min: b, Max: b}),
			Tooltip: fmt.Sprintf("from step %d to %d, %s", r.from, r.to, what),
			Shapes:  []draw.Shape{{Kind: draw.CurveShape, Path: geom.Path{geom.Straight(a, b)}, Stroke: stroke, Width: 1.6}}})
	}
	small := func(s string, colour scene.Role) scene.TextLine {
		return scene.TextLine{Runs: upright(s), Size: chartText, Colour: colour}
	}
	for _, step := range slices.Compact([]int{0, c.steps}) {
		l := small("step "+strconv.Itoa(step), scene.Muted)
		text(draw.LabelGroup, "step-"+strconv.Itoa(step), "label", l, area.Min.X-10-l.Width(), at(0, step).Y+0.33*l.Size)
	}
	for _, time := range []int{0, c.time} {
		l := small(strconv.Itoa(time), scene.Muted)
		text(draw.LabelGroup, "time-"+strconv.Itoa(time), "label", l, at(time, 0).X-l.Width()/2, area.Max.Y+16)
	}
	l := small("steps run, forward and in reverse", scene.Muted)
	text(draw.LabelGroup, "time", "label", l, area.Centre().X-l.Width()/2, area.Max.Y+16)
	bottom := area.Max.Y + 44
	x := area.Min.X
	entries := []struct {
		text            string
		stroke          scene.Role
		state, recorded bool
	}{{"run forward", scene.Line, false, false}, {"reversed", scene.AdjointLine, false, false}, {"state kept", scene.InputLine, true, false}, {"step recorded", scene.InputLine, true, true}}
	if !c.mixed {
		entries = entries[:3]
	}
	for k, e := range entries {
		g := draw.Group{Kind: draw.LegendGroup, ID: "key-" + strconv.Itoa(k), Class: "legend", Index: -1}
		a, b := geom.Point{X: x, Y: bottom}, geom.Point{X: x + 26, Y: bottom}
		if e.state {
			g.Shapes = append(g.Shapes, keptBar(geom.Rect{Min: geom.Point{X: a.X, Y: a.Y - 3}, Max: geom.Point{X: b.X, Y: b.Y + 3}}, e.recorded, 1))
		} else {
			g.Shapes = append(g.Shapes, draw.Shape{Kind: draw.CurveShape, Path: geom.Path{geom.Straight(a, b)}, Stroke: e.stroke, Width: 1.6})
		}
		l := small(e.text, scene.Ink)
		g.Line(l, geom.Point{X: b.X + 8, Y: bottom + 0.33*l.Size})
		g.Box = geom.Rect{Min: geom.Point{X: x, Y: bottom - l.Size/2}, Max: geom.Point{X: b.X + 8 + l.Width(), Y: bottom + l.Size/2}}
		d.Groups = append(d.Groups, g)
		x = g.Box.Max.X + 28
	}
	d.W, d.H = math.Ceil(room+2*draw.Margin), math.Ceil(bottom+chartText+draw.Margin)
	slices.SortStableFunc(d.Groups, func(a, b draw.Group) int { return int(a.Kind) - int(b.Kind) })
	return d
}

// keptBar is the bar of a state, or of what is recorded of a step.
func keptBar(r geom.Rect, recorded bool, width float64) draw.Shape {
	s := draw.Shape{Kind: draw.RectShape, Rect: r, Radius: r.H() / 2, Fill: scene.InputFill, Stroke: scene.InputLine, Width: width}
	if recorded {
		s.Fill, s.Stroke = scene.AdjointFill, scene.AdjointLine
	}
	return s
}
