package kernel

import (
	"fmt"
	"slices"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/shape"
)

// maxElements bounds the elements of one tensor, so that sizes in bytes never overflow.
const maxElements = dtype.MaxElements

// dtypeSet is a set of dtypes, one bit each.
type dtypeSet uint8

const (
	boolSet    dtypeSet = 1 << dtype.Bool
	intSet     dtypeSet = 1<<dtype.Int32 | 1<<dtype.Int64
	floatSet   dtypeSet = 1<<dtype.Float32 | 1<<dtype.Float64
	numericSet          = intSet | floatSet
	anySet              = numericSet | boolSet
)

func (s dtypeSet) has(d dtype.DType) bool { return d.Valid() && s&(1<<d) != 0 }

func (s dtypeSet) String() string {
	text := ""
	for d := dtype.Bool; d < dtype.Count; d++ {
		if s.has(d) {
			if text != "" {
				text += ", "
			}
			text += d.String()
		}
	}
	return text
}

// attrRule describes an attribute that a kernel takes.
type attrRule struct {
	key      string
	kind     attr.Kind
	optional bool
}

func need(key string, kind attr.Kind) attrRule   { return attrRule{key, kind, false} }
func option(key string, kind attr.Kind) attrRule { return attrRule{key, kind, true} }

// checkCall checks what all kernels have in common: the numbers of operands (at least −nIn if
// nIn < 0) and results, that every type is valid and not too large, and that exactly the
// attributes of the rules are there, each with its kind.
func checkCall(in, out []Type, a attr.List, nIn, nOut int, rules ...attrRule) error {
	if nIn < 0 && len(in) < -nIn {
		return fmt.Errorf("needs at least %d operands, not %d", -nIn, len(in))
	}
	if nIn >= 0 && len(in) != nIn {
		return fmt.Errorf("needs %d operands, not %d", nIn, len(in))
	}
	if len(out) != nOut {
		return fmt.Errorf("needs %d results, not %d", nOut, len(out))
	}
	for i, t := range in {
		if err := checkType(t); err != nil {
			return fmt.Errorf("operand %d: %w", i, err)
		}
	}
	for i, t := range out {
		if err := checkType(t); err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	for i, n := range a {
		k := slices.IndexFunc(rules, func(r attrRule) bool { return r.key == n.Key })
		if k < 0 {
			return fmt.Errorf("unknown attribute %q", n.Key)
		}
		if n.Value.Kind != rules[k].kind {
			return fmt.Errorf("attribute %q has the wrong kind", n.Key)
		}
		for _, m := range a[:i] {
			if m.Key == n.Key {
				return fmt.Errorf("attribute %q given twice", n.Key)
			}
		}
	}
	for _, r := range rules {
		if !r.optional && !a.Has(r.key) {
			return fmt.Errorf("attribute %q is missing", r.key)
		}
	}
	return nil
}

func checkType(t Type) error {
	if !t.DType.Valid() {
		return fmt.Errorf("invalid dtype %v", t.DType)
	}
	if slices.Contains(t.Shape, 0) {
		return fmt.Errorf("shape %v has no elements", t.Shape)
	}
	return shape.Check(t.Shape)
}

// checkDType reports operands or results whose dtype is not the one wanted.
func checkDType(want dtype.DType, ts ...Type) error {
	for _, t := range ts {
		if t.DType != want {
			return fmt.Errorf("dtype is %v, needs %v", t.DType, want)
		}
	}
	return nil
}

// checkAmong reports a dtype outside of the set.
func checkAmong(s dtypeSet, t Type) error {
	if !s.has(t.DType) {
		return fmt.Errorf("dtype %v is not one of %v", t.DType, s)
	}
	return nil
}

// wantShape reports a shape that is not the expected one.
func wantShape(what string, got, want []int) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s has shape %v, needs %v", what, got, want)
	}
	return nil
}

// wantAttrShape reports an attribute that does not repeat the result's shape.
func wantAttrShape(a attr.List, key string, shape []int) error {
	if !slices.Equal(a.Ints(key), shape) {
		return fmt.Errorf("attribute %q is %v, but the result has shape %v", key, a.Ints(key), shape)
	}
	return nil
}

// checkAxis reports an axis outside [0, rank).
func checkAxis(axis, rank int) error {
	if axis < 0 || axis >= rank {
		return fmt.Errorf("axis %d is out of range for rank %d", axis, rank)
	}
	return nil
}

// checkAxes reports axes outside [0, rank) or given twice.
func checkAxes(axes []int, rank int) error {
	if len(axes) > rank {
		return fmt.Errorf("%d axes for rank %d", len(axes), rank)
	}
	for i, x := range axes {
		if err := checkAxis(x, rank); err != nil {
			return err
		}
		if slices.Contains(axes[:i], x) {
			return fmt.Errorf("axis %d given twice", x)
		}
	}
	return nil
}

// firstOf returns the first error that is not nil.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
