package attr

import (
	"math"
	"strconv"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/linescan"
)

// maxStringText bounds the bytes of a string value in text.
const maxStringText = 1 << 16

// emptyFloats is the text of a float list without elements; [] is the integer list without elements.
const emptyFloats = "floats[]"

// functionsText begins the text of a list of functions, before their number; maxFunctions bounds it.
const (
	functionsText = "functions["
	maxFunctions  = 1 << 12
)

// String returns the kind's name as messages use it.
func (k Kind) String() string {
	switch k {
	case Int:
		return "an integer"
	case Float:
		return "a float (with a point or exponent)"
	case Bool:
		return "true or false"
	case String:
		return "a string in quotes"
	case Ints:
		return "a list of integers"
	case Floats:
		return "a list of floats (with points or exponents; floats[] if empty)"
	case Functions:
		return "a list of functions (functions[2]: two, on the lines below)"
	}
	return "no value"
}

// Text returns the value as canonical text that tells the kinds apart and is read back exactly by Scan: 3, 2.5, true, "s",
// [1 2], [1.5 2.0], floats[]. Of functions it gives the number, functions[2]; Scan reads as many that are nil.
func (v Value) Text() string {
	switch v.Kind {
	case Int:
		return strconv.FormatInt(v.Int, 10)
	case Float:
		return floatText(v.Float)
	case Bool:
		return strconv.FormatBool(v.Int != 0)
	case String:
		return strconv.Quote(v.String)
	case Ints:
		s := make([]string, len(v.Ints))
		for i, x := range v.Ints {
			s[i] = strconv.Itoa(x)
		}
		return "[" + strings.Join(s, " ") + "]"
	case Floats:
		if len(v.Floats) == 0 {
			return emptyFloats
		}
		s := make([]string, len(v.Floats))
		for i, x := range v.Floats {
			s[i] = floatText(x)
		}
		return "[" + strings.Join(s, " ") + "]"
	}
	if v.Kind == Functions {
		return functionsText + strconv.Itoa(len(v.Funcs)) + "]"
	}
	return "none"
}

// floatText always has a point, exponent, Inf or NaN, so that text tells floats from integers.
func floatText(x float64) string {
	s := dtype.FormatBits(dtype.Float64, math.Float64bits(x))
	if !strings.ContainsAny(s, ".eIN") {
		s += ".0"
	}
	return s
}

// Scan reads a list as "{key=value, key=value}", or nothing if no brace comes next. Keys must be in ascending
// order. Offsets holds where each key stands.
func Scan(s *linescan.Scanner) (list List, offsets []int, err error) {
	if !s.Accept("{") {
		return nil, nil, nil
	}
	for {
		at := s.Start()
		key, err := s.ExpectWord("an attribute")
		if err != nil {
			return nil, nil, err
		}
		if len(list) > 0 && key <= list[len(list)-1].Key {
			return nil, nil, linescan.Errorf(at, "attribute %s stands twice or not in alphabetical order", key)
		}
		if err := s.Expect("="); err != nil {
			return nil, nil, err
		}
		v, err := scanValue(s)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, Named{key, v})
		offsets = append(offsets, at)
		if s.Accept(",") {
			continue
		}
		return list, offsets, s.Expect("}")
	}
}

func scanValue(s *linescan.Scanner) (Value, error) {
	switch c := s.Peek(); {
	case c == '"':
		v, err := s.Quoted("the string", maxStringText)
		return Value{Kind: String, String: v}, err
	case c == '[':
		return scanList(s)
	case s.Accept(emptyFloats):
		return Value{Kind: Floats, Floats: []float64{}}, nil
	case s.Accept(functionsText):
		n, err := s.Uint("the number of functions", maxFunctions)
		if err == nil {
			err = s.Expect("]")
		}
		return Value{Kind: Functions, Funcs: make([]Function, n)}, err
	case s.Keyword("true"):
		return Value{Kind: Bool, Int: 1}, nil
	case s.Keyword("false"):
		return Value{Kind: Bool}, nil
	}
	return scanNumber(s)
}

func scanList(s *linescan.Scanner) (Value, error) {
	start := s.Start()
	s.Accept("[")
	list := Value{Kind: Ints, Ints: []int{}}
	for n := 0; !s.Accept("]"); n++ {
		v, err := scanNumber(s)
		if err != nil {
			return Value{}, err
		}
		if n == 0 && v.Kind == Float {
			list = Value{Kind: Floats}
		}
		switch {
		case list.Kind == Ints && v.Kind == Int && int64(int(v.Int)) == v.Int:
			list.Ints = append(list.Ints, int(v.Int))
		case list.Kind == Floats && v.Kind == Float:
			list.Floats = append(list.Floats, v.Float)
		default:
			return Value{}, linescan.Errorf(start, "a list holds either integers or floats, which have a point or exponent")
		}
	}
	return list, nil
}

func scanNumber(s *linescan.Scanner) (Value, error) {
	at := s.Start()
	text := s.Literal()
	d := dtype.Int64
	if strings.ContainsAny(text, ".eEIN") {
		d = dtype.Float64
	}
	bits, err := dtype.ParseBits(d, text)
	if err != nil {
		return Value{}, &linescan.Error{Offset: at, Err: err}
	}
	if d == dtype.Int64 {
		return Value{Kind: Int, Int: int64(bits)}, nil
	}
	return Value{Kind: Float, Float: math.Float64frombits(bits)}, nil
}
