package vm

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"gonum.org/v1/gonum/mat"

	"github.com/adjoint-go/adjoint/internal/dtype"
)

// Array is a value: the elements of an array in row-major order. Data is a []float64, []float32, []int64, []int32 or []bool; the shape of a scalar is empty, and its
// data has one element.
type Array struct {
	Shape []int
	Data  any
}

// ArrayOf returns a Go value as an array:
//
//   - a number (an int is an int64) or a bool, a scalar;
//   - slices and arrays of these, nested to any depth, of which those of one depth have one length; slices of slices are copied;
//   - a gonum matrix or vector, of shape [rows, columns] or [n], copied;
//   - a *tensor.Dense, whose memory it shares if that is contiguous and row-major;
//   - an Array, as it is.
//
// Other types of numbers (uint8, …) become int64, or float64 where an int64 does not hold all their values.
func ArrayOf(v any) (Array, error) {
	switch x := v.(type) {
	case Array:
		if _, err := x.check(); err != nil {
			return Array{}, err
		}
		return x, nil
	case []float64, []float32, []int64, []int32, []bool:
		return Array{[]int{reflect.ValueOf(v).Len()}, v}, nil
	case float64:
		return Array{nil, []float64{x}}, nil
	case float32:
		return Array{nil, []float32{x}}, nil
	case int64:
		return Array{nil, []int64{x}}, nil
	case int32:
		return Array{nil, []int32{x}}, nil
	case int:
		return Array{nil, []int64{int64(x)}}, nil
	case bool:
		return Array{nil, []bool{x}}, nil
	case mat.Matrix:
		return ofMatrix(x)
	case nil:
		return Array{}, errors.New("got nil")
	}
	if a, known, err := ofTensor(v); known {
		return a, err
	}
	return nested(reflect.ValueOf(v))
}

// ofMatrix copies a gonum matrix or vector.
func ofMatrix(x mat.Matrix) (a Array, err error) {
	if r := reflect.ValueOf(x); r.Kind() == reflect.Pointer && r.IsNil() {
		return Array{}, fmt.Errorf("got a nil %T", x)
	}
	rows, columns := x.Dims()
	a.Shape = []int{rows, columns}
	if _, ok := x.(mat.Vector); ok {
		a.Shape = a.Shape[:1]
	}
	data := make([]float64, 0, rows*columns)
	for i := range rows {
		for j := range columns {
			data = append(data, x.At(i, j))
		}
	}
	a.Data = data
	return a, nil
}

// nested flattens slices of slices.
func nested(v reflect.Value) (Array, error) {
	var shape []int
	of, at := v.Type(), v
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Array {
		n := 0
		if at.IsValid() {
			n = at.Len()
		}
		if shape = append(shape, n); n > 0 {
			at = at.Index(0)
		} else {
			at = reflect.Value{}
		}
		of = of.Elem()
	}
	switch of.Kind() {
	case reflect.Float64:
		return flat(v, shape, reflect.Value.Float)
	case reflect.Float32:
		return flat(v, shape, func(v reflect.Value) float32 { return float32(v.Float()) })
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int64:
		return flat(v, shape, reflect.Value.Int)
	case reflect.Int32:
		return flat(v, shape, func(v reflect.Value) int32 { return int32(v.Int()) })
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return flat(v, shape, func(v reflect.Value) int64 { return int64(v.Uint()) })
	case reflect.Uint, reflect.Uint64:
		return flat(v, shape, func(v reflect.Value) float64 { return float64(v.Uint()) })
	case reflect.Bool:
		return flat(v, shape, reflect.Value.Bool)
	}
	return Array{}, fmt.Errorf("got a value of type %v, which holds no numbers", v.Type())
}

// flat appends the elements of v, slices of the shape.
func flat[T any](v reflect.Value, shape []int, element func(reflect.Value) T) (Array, error) {
	data := []T{}
	var walk func(v reflect.Value, index []int) error
	walk = func(v reflect.Value, index []int) error {
		depth := len(index)
		if depth == len(shape) {
			data = append(data, element(v))
			return nil
		}
		if v.Len() != shape[depth] {
			return fmt.Errorf("got slices of different lengths: %d elements at %v, %d before", v.Len(), index, shape[depth])
		}
		if depth == len(shape)-1 {
			if row, ok := v.Interface().([]T); ok {
				data = append(data, row...)
				return nil
			}
		}
		for i := range v.Len() {
			if err := walk(v.Index(i), append(index[:depth:depth], i)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(v, nil); err != nil {
		return Array{}, err
	}
	return Array{shape, data}, nil
}

// Type returns the dtype and shape; the zero Type, whose dtype is invalid, if the data are no elements of such an array.
func (a Array) Type() Type {
	t, _ := a.check()
	return t
}

// check returns the type, or an error if the data are no elements of such an array.
func (a Array) check() (Type, error) {
	d := a.dtype()
	if d == dtype.Invalid {
		return Type{}, fmt.Errorf("got an array of %T", a.Data)
	}
	size := 1
	for _, n := range a.Shape {
		if n < 0 || n > 0 && size > dtype.MaxElements/n {
			return Type{}, fmt.Errorf("got an array of shape %v", a.Shape)
		}
		size *= n
	}
	if n := reflect.ValueOf(a.Data).Len(); n != size {
		return Type{}, fmt.Errorf("got an array of shape %v with %d elements", a.Shape, n)
	}
	return Type{DType: d, Shape: a.Shape}, nil
}

func (a Array) dtype() dtype.DType {
	switch a.Data.(type) {
	case []float64:
		return dtype.Float64
	case []float32:
		return dtype.Float32
	case []int64:
		return dtype.Int64
	case []int32:
		return dtype.Int32
	case []bool:
		return dtype.Bool
	}
	return dtype.Invalid
}

// Float64s returns the elements as float64, false as 0 and true as 1: the array's own memory if it is of float64, else a copy. It is nil if the array has no data.
func (a Array) Float64s() []float64 {
	switch d := a.Data.(type) {
	case []float64:
		return d
	case []float32:
		return converted[float64](d)
	case []int64:
		return converted[float64](d)
	case []int32:
		return converted[float64](d)
	case []bool:
		out := make([]float64, len(d))
		for i, v := range d {
			if v {
				out[i] = 1
			}
		}
		return out
	}
	return nil
}

func converted[T, F interface {
	float64 | float32 | int64 | int32
}](from []F) []T {
	out := make([]T, len(from))
	for i, v := range from {
		out[i] = T(v)
	}
	return out
}

// Item returns the only element as Float64s does; NaN if there is not exactly one.
func (a Array) Item() float64 {
	if v := a.Float64s(); len(v) == 1 {
		return v[0]
	}
	return math.NaN()
}

// Matrix returns an array of rank 2 as a gonum matrix, one of rank 1 as a column. It shares the array's memory if that is of float64. Other ranks, and extents of 0, are an error.
func (a Array) Matrix() (*mat.Dense, error) {
	if _, err := a.check(); err != nil {
		return nil, fmt.Errorf("vm: %w", err)
	}
	if len(a.Shape) == 0 || len(a.Shape) > 2 || slices.Contains(a.Shape, 0) {
		return nil, fmt.Errorf("vm: an array of shape %v is no matrix", a.Shape)
	}
	columns := 1
	if len(a.Shape) == 2 {
		columns = a.Shape[1]
	}
	return mat.NewDense(a.Shape[0], columns, a.Float64s()), nil
}

// Set copies the elements of another array of the same dtype and shape.
func (a Array) Set(from Array) error {
	to, err := a.check()
	if err != nil {
		return err
	}
	t, err := from.check()
	if err != nil {
		return err
	}
	if t.DType != to.DType || !slices.Equal(t.Shape, to.Shape) {
		return fmt.Errorf("got an array of %v with shape %v", t.DType, t.Shape)
	}
	reflect.Copy(reflect.ValueOf(a.Data), reflect.ValueOf(from.Data))
	return nil
}

// Clone returns a copy that shares no memory.
func (a Array) Clone() Array {
	a.Shape = slices.Clone(a.Shape)
	switch d := a.Data.(type) {
	case []float64:
		a.Data = slices.Clone(d)
	case []float32:
		a.Data = slices.Clone(d)
	case []int64:
		a.Data = slices.Clone(d)
	case []int32:
		a.Data = slices.Clone(d)
	case []bool:
		a.Data = slices.Clone(d)
	}
	return a
}

// shownElements is how many elements of each axis String writes from either end, where the array has more than shownWhole.
const (
	shownElements = 3
	shownWhole    = 200
)

// String returns the elements in brackets, a row in a line, with … for what is left out of large arrays.
func (a Array) String() string {
	t, err := a.check()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	var b strings.Builder
	data := reflect.ValueOf(a.Data)
	var write func(depth, first int)
	write = func(depth, first int) {
		if depth == len(t.Shape) {
			fmt.Fprint(&b, data.Index(first).Interface())
			return
		}
		stride := 1
		for _, n := range t.Shape[depth+1:] {
			stride *= n
		}
		b.WriteByte('[')
		n := t.Shape[depth]
		for i := 0; i < n; i++ {
			if i > 0 {
				b.WriteString(map[bool]string{true: " ", false: "\n" + strings.Repeat(" ", depth+1)}[depth == len(t.Shape)-1])
			}
			if data.Len() > shownWhole && n > 2*shownElements && i == shownElements {
				b.WriteString("…")
				i = n - shownElements - 1
				continue
			}
			write(depth+1, first+i*stride)
		}
		b.WriteByte(']')
	}
	write(0, 0)
	return b.String()
}

// pointer returns where the elements begin.
func (a Array) pointer() unsafe.Pointer { return reflect.ValueOf(a.Data).UnsafePointer() }

// arrayAt returns the elements at p as an array that shares their memory.
func arrayAt(p unsafe.Pointer, t Type) Array {
	a, n := Array{Shape: slices.Clone(t.Shape)}, t.Size()
	switch t.DType {
	case dtype.Float64:
		a.Data = unsafe.Slice((*float64)(p), n)
	case dtype.Float32:
		a.Data = unsafe.Slice((*float32)(p), n)
	case dtype.Int64:
		a.Data = unsafe.Slice((*int64)(p), n)
	case dtype.Int32:
		a.Data = unsafe.Slice((*int32)(p), n)
	default:
		a.Data = unsafe.Slice((*bool)(p), n)
	}
	return a
}

// as returns the array with elements of dtype d. Whole numbers become floating-point ones and other integers where that holds their value, and float64 is rounded to float32.
func (a Array) as(d dtype.DType) (Array, error) {
	from := a.dtype()
	if from == d {
		return a, nil
	}
	lossy := func(i int, v any) (Array, error) {
		return Array{}, fmt.Errorf("%v (element %d) is no %v", v, i, d)
	}
	ints, whole := a.Data.([]int64)
	if narrow, ok := a.Data.([]int32); ok {
		ints, whole = converted[int64](narrow), true
	}
	switch {
	case from == dtype.Float64 && d == dtype.Float32:
		values := a.Data.([]float64)
		for i, v := range values {
			if math.IsInf(float64(float32(v)), 0) && !math.IsInf(v, 0) {
				return lossy(i, v)
			}
		}
		a.Data = converted[float32](values)
	case from == dtype.Float32 && d == dtype.Float64:
		a.Data = a.Float64s()
	case whole && d == dtype.Float64:
		for i, v := range ints {
			if v != int64(float64(v)) || v == math.MaxInt64 {
				return lossy(i, v)
			}
		}
		a.Data = converted[float64](ints)
	case whole && d == dtype.Float32:
		for i, v := range ints {
			if f := float32(v); float64(f) != float64(v) || v != int64(float64(v)) || v == math.MaxInt64 {
				return lossy(i, v)
			}
		}
		a.Data = converted[float32](ints)
	case whole && d == dtype.Int64:
		a.Data = ints
	case whole && d == dtype.Int32:
		for i, v := range ints {
			if v != int64(int32(v)) {
				return lossy(i, v)
			}
		}
		a.Data = converted[int32](ints)
	default:
		return Array{}, fmt.Errorf("got values of %v", from)
	}
	return a, nil
}
