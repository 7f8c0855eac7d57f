package attr

import (
	"math"
	"testing"

	"github.com/adjoint-go/adjoint/internal/linescan"
)

func TestTextRoundTrip(t *testing.T) {
	for _, c := range []struct {
		list List
		text string
	}{
		{nil, ""},
		{Make(I("k", -3), F("x", 2), F("y", 1e300), B("b", true), B("c", false)), "{b=true, c=false, k=-3, x=2.0, y=1e+300}"},
		{Make(S("s", "a \"b\"\n#}")), `{s="a \"b\"\n#}"}`},
		{Make(L("a", nil), L("b", []int{1, -2}), Fs("c", nil), Fs("d", []float64{1, math.Inf(-1), math.Copysign(0, -1)})),
			"{a=[], b=[1 -2], c=floats[], d=[1.0 -Inf -0.0]}"},
		{Make(F("n", math.NaN()), F("m", math.Float64frombits(0xfff8000000000000))), "{m=NaN(0xfff8000000000000), n=NaN}"},
	} {
		if got := "{" + c.list.String() + "}"; len(c.list) > 0 && got != c.text {
			t.Errorf("text %s, want %s", got, c.text)
		}
		s := linescan.Scanner{Line: c.text}
		got, _, err := Scan(&s)
		if err != nil || !got.Equal(c.list) || !s.End() {
			t.Errorf("%s reads as %v, %v", c.text, got, err)
		}
	}
}

func TestScanErrors(t *testing.T) {
	for _, text := range []string{"{", "{}", "{a}", "{a=}", "{a=1", "{a=1,}", "{b=1, a=2}", "{a=1, a=1}", "{a=[1 2.0]}", "{a=[1", "{a=\"x}",
		"{a=99999999999999999999}", "{a=maybe}", "{a=[1, 2]}"} {
		s := linescan.Scanner{Line: text}
		if got, _, err := Scan(&s); err == nil {
			t.Errorf("%s reads as %v, want an error", text, got)
		}
	}
}
