package dtype

import _ "embed"

// ConvertSource is this file: generated Go has these functions too.
//
//go:embed convert.go
var ConvertSource string

// FloatToInt64 truncates toward zero and saturates; NaN gives 0.
func FloatToInt64(v float64) int64 {
	switch {
	case v != v:
		return 0
	case v >= 1<<63:
		return 1<<63 - 1
	case v < -1<<63:
		return -1 << 63
	}
	return int64(v)
}

// FloatToInt32 truncates toward zero and saturates; NaN gives 0.
func FloatToInt32(v float64) int32 {
	switch {
	case v != v:
		return 0
	case v >= 1<<31:
		return 1<<31 - 1
	case v <= -1<<31:
		return -1 << 31
	}
	return int32(v)
}
