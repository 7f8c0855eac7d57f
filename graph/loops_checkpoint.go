package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/checkpoint"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// Reverse sweeps that keep few states of the forward run: what the compiler makes of a scan and the reverse scan that reads all of its states. They are made behind
// all derivatives.

// The operators of this file.
var opSnapshots, opReverseSweep *Op

var scheduleAttrs = []AttrSpec{
	{Key: "slots", Kind: attr.Int, Doc: "how many states are kept at once"},
	{Key: "every", Kind: attr.Int, Doc: "a state is kept at every so many steps; 0 for the schedule with the fewest steps forward"},
	{Key: "recorded", Kind: attr.Ints, Optional: true, Doc: "values of the body of the loop of which a slot keeps those of a step or a state, as a mixed schedule says: what the reversal of a step reads"},
}

func init() {
	opSnapshots = Register(&Op{
		Name: "snapshots", Family: FamilyControl, MinArity: 1, MaxArity: 1, Builtin: true,
		Attrs: append([]AttrSpec{{Key: "carry", Kind: attr.Int, Doc: "the number of the carry, or, behind all of them, of a recorded value for which no carry has a place"}}, scheduleAttrs...),
		Doc: "A carry of a loop as it goes into those steps at which the schedule of a reverse sweep keeps it first, by slot; other slots hold 0. A value that is recorded lies in the place of the first carry of its size that no other one has. Where the number of steps is not known before the run, " +
			"these are the multiples of a stride: of every, or of the smallest power of two with which they are no more than slots.",
		NoDerivative: "it is made behind all derivatives",
		Infer: func(in []*Node, a attr.List) (Type, error) {
			of := in[0].extra.attrs
			length := of.Int("length")
			switch {
			case in[0].op == opWhile:
				length = of.Int("limit")
			case in[0].op != opScan:
				return Type{}, fmt.Errorf("%s keeps no states", in[0].op.Name)
			}
			slots, err := slotsOf(length, a)
			if err != nil {
				return Type{}, err
			}
			bodies := bodiesOf(of)
			parts, err := unitOf(bodies[len(bodies)-1], in[0].extra.results[:of.Int("carries")], a)
			if err != nil {
				return Type{}, err
			}
			c := a.Int("carry")
			switch {
			case c < 0 || c >= len(parts):
				return Type{}, fmt.Errorf("the loop has no carry %d", c)
			case len(a.Ints("recorded")) > 0 && in[0].op != opScan:
				return Type{}, fmt.Errorf("%s records nothing", in[0].op.Name)
			}
			return stacked(parts[c], slots), nil
		},
		Samples: []Sample{{NoDifferences: "covered by the compiler's tests of checkpoints"}},
	})
	opReverseSweep = Register(&Op{
		Name: "reverse_sweep", Family: FamilyControl, MinArity: 1, MaxArity: -1, Builtin: true,
		Attrs: append([]AttrSpec{bodiesAttr, {Key: "forward", Kind: attr.Int, Doc: "how many operands, the first ones, are the scan's captured values"},
			{Key: "states", Kind: attr.Int, Doc: "how many carries the scan has"}, {Key: "elements", Kind: attr.Int, Doc: "how many operands the scan goes through"},
			capturedAttr, carriesAttr, {Key: "length", Kind: attr.Int, Doc: "the number of steps; the most, or 0 for no bound, if they are counted"},
			{Key: "counted", Kind: attr.Bool, Optional: true, Doc: "the first operand, an int64, is the number of steps"},
			{Key: "online", Kind: attr.Bool, Optional: true, Doc: "the snapshots are those of a while loop"},
			{Key: "reverse", Kind: attr.Bool, Doc: "whether the scan goes from the last elements to the first"},
			{Key: "sources", Kind: attr.Ints, Doc: "for each element of the second body: the carry of the scan that it is, the number of a recorded value if there are some, or −1 for an operand"}}, scheduleAttrs...),
		Doc: "A scan over the steps of another one in opposite order, which takes the carries that went into each. These are not stored, but for a few: the first body computes them once more. " +
			"Operands are the captured values of the other scan, what it goes through, the snapshots of its carries and of what is recorded beside them, and then those of this scan.",
		NoDerivative: "it is made behind all derivatives",
		InferMany:    inferReverseSweep,
		Samples:      []Sample{{NoDifferences: "covered by the compiler's tests of checkpoints"}},
	})
}

// slotsOf returns the number of slots of the schedule that the attributes slots and every describe; a length of 0 has no bound.
func slotsOf(length int, a attr.List) (int, error) {
	if length == 0 {
		length = maxLimit
	}
	n := checkpoint.Slots(length, a.Int("slots"), a.Int("every"))
	if len(a.Ints("recorded")) > 0 {
		if n = checkpoint.MixedSlots(length, a.Int("slots")); a.Int("every") != 0 {
			n = -1
		}
	}
	if n < 0 {
		return 0, fmt.Errorf("%d states at once, at every %d steps, of %d steps", a.Int("slots"), a.Int("every"), length)
	}
	return n, nil
}

// unitOf returns the types of what a slot has places for: the carries of a loop, and of the recorded values of its body those that have no carry's place.
func unitOf(b *Body, carries []Type, a attr.List) ([]Type, error) {
	var recorded []Type
	for _, v := range a.Ints("recorded") {
		if v < 0 || v >= b.g.nodes.len() || b.g.nodes.at(v).extra.results != nil {
			return nil, fmt.Errorf("the body has no value %d", v)
		}
		recorded = append(recorded, *b.g.nodes.at(v).typ)
	}
	parts := slices.Clone(carries)
	at, _ := checkpoint.Places(bytesOf(carries), bytesOf(recorded))
	for i, part := range at {
		if part >= len(carries) {
			parts = append(parts, recorded[i])
		}
	}
	return parts, nil
}

func bytesOf(types []Type) []int64 {
	var bytes []int64
	for _, t := range types {
		bytes = append(bytes, int64(t.Shape.Size())*int64(t.DType.Size()))
	}
	return bytes
}

func inferReverseSweep(in []*Node, a attr.List) ([]Type, error) {
	counted := a.Bool("counted")
	if counted {
		if len(in) == 0 || !in[0].typ.Equal(Type{DType: Int64}) {
			return nil, errors.New("needs the number of steps, an int64 without a shape, as first operand")
		}
		in = in[1:]
	}
	length, captured, states, elements := a.Int("length"), a.Int("forward"), a.Int("states"), a.Int("elements")
	online := a.Bool("online")
	if length < 0 || length == 0 && !counted || online && !counted || captured < 0 || states < 1 || elements < 0 || captured > len(in) || elements > len(in) || states > len(in) || captured+elements+states > len(in) {
		return nil, fmt.Errorf("%d steps, %d captured values, %d elements and %d states of %d operands", length, captured, elements, states, len(in))
	}
	slots, err := slotsOf(length, a)
	if err != nil {
		return nil, err
	}
	types := typesOf(in)
	stackedSteps := length
	if counted {
		stackedSteps = shape.StackedSteps(length)
	}
	if stackedSteps == 0 && (elements > 0 || slices.Contains(a.Ints("sources"), -1)) {
		return nil, errors.New("so many steps have no elements")
	}
	bodies := bodiesOf(a)
	if len(bodies) != 2 {
		return nil, fmt.Errorf("has %d bodies", len(bodies))
	}
	forward, xs := types[:captured], types[captured:captured+elements]
	var carries []Type
	for i, t := range types[captured+elements : captured+elements+states] {
		if len(t.Shape) == 0 || t.Shape[0] != slots {
			return nil, fmt.Errorf("the snapshots of carry %d are %v: need %d of them", i, t, slots)
		}
		carries = append(carries, element(t))
	}
	parts, err := unitOf(bodies[0], carries, a)
	if err != nil {
		return nil, err
	}
	rest := types[captured+elements+states:]
	for i, t := range parts[states:] {
		if online || i >= len(rest) || !rest[i].Equal(stacked(t, slots)) {
			return nil, fmt.Errorf("what is recorded beside the carries needs an operand of type %v", stacked(t, slots))
		}
	}
	rest = rest[len(parts)-states:]
	read := carries // what the second body reads of the loop's steps
	if recorded := a.Ints("recorded"); len(recorded) > 0 {
		read = nil
		for _, v := range recorded {
			read = append(read, *bodies[0].g.nodes.at(v).typ)
		}
	}
	params := append(append([]Type{}, forward...), carries...)
	through := func(ts []Type) ([]Type, error) {
		var out []Type
		for _, t := range ts {
			if len(t.Shape) == 0 || t.Shape[0] != stackedSteps {
				return nil, fmt.Errorf("an operand to go through is %v: its first axis needs the extent %d, the length", t, stackedSteps)
			}
			out = append(out, element(t))
		}
		return out, nil
	}
	el, err := through(xs)
	if err != nil {
		return nil, err
	}
	if _, err := checkBodies(attr.Make(attr.Fn("bodies", bodies[0])), 1, append(params, el...)); err != nil {
		return nil, err
	}
	k, c := a.Int("captured"), a.Int("carries")
	if k < 0 || c < 0 || k > len(rest) || c > len(rest)-k {
		return nil, fmt.Errorf("%d captured values and %d carries of %d operands", k, c, len(rest))
	}
	if el, err = through(rest[k+c:]); err != nil {
		return nil, err
	}
	params = append([]Type{}, rest[:k+c]...)
	for _, from := range a.Ints("sources") {
		switch {
		case from < 0 && len(el) > 0:
			params, el = append(params, el[0]), el[1:]
		case from >= 0 && from < len(read):
			params = append(params, read[from])
		default:
			return nil, fmt.Errorf("an element comes from %d of %d values", from, len(read))
		}
	}
	if len(el) > 0 {
		return nil, fmt.Errorf("%d operands too many", len(el))
	}
	if _, err := checkBodies(attr.Make(attr.Fn("bodies", bodies[1])), 1, params); err != nil {
		return nil, err
	}
	results := bodies[1].results
	if len(results) < c {
		return nil, fmt.Errorf("%d carries go into a step and %d come out", c, len(results))
	}
	for i := range c {
		if !results[i].typ.Equal(rest[k+i]) {
			return nil, fmt.Errorf("carry %d is %v at the start and %v behind a step", i, rest[k+i], results[i].typ)
		}
	}
	return rest[k : k+c : k+c], nil
}
