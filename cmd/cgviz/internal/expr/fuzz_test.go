package expr

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse checks on any text that Parse returns either a program, whose
// canonical text is read back to the same program, or mistakes whose places lie
// in the text and which can be reported.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"z = x1^2 + x2^2 + x1*x2", "z = x₁² + x₂² + x₁·x₂", "u = x1*x2; z = sin(u) + u", "-x^2", "2^-1", "2x1(y)", "x⁻¹",
		"z = sin(x1+x2) + x2²x3", "where(c && a<b || !d, 1e-3, .5)", "a/(b*c)/d", "1/2x", "x = x", "a=1;a=2", "π r", "(((", "x²(y)",
		"x + \x80", "漢字 $", "x\u0304", "0x1F", "1e999", "a +\n b # c\n", "\uFEFFx", "--!x", "x² ³",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		prog, err := Parse(src)
		if err != nil {
			var list ErrorList
			if prog != nil || !errors.As(err, &list) || len(list) == 0 || len(list) > maxErrors+1 {
				t.Fatalf("program %v, error %v", prog, err)
			}
			for _, e := range list {
				if e.Span.Start < 0 || e.Span.End < e.Span.Start || e.Span.End > len(src) || e.Message == "" {
					t.Fatalf("error %+v", e)
				}
			}
			report := list.Report()
			if !utf8.ValidString(report) || strings.ContainsAny(report, "\x1b\r\x00\u202E") {
				t.Fatalf("report %q", report)
			}
			return
		}
		for _, s := range prog.Statements {
			walk(s.Expr, func(e Expr) {
				if sp := e.Span(); sp.Start < 0 || sp.End <= sp.Start || sp.End > len(src) {
					t.Fatalf("span %v of %s", sp, Format(e))
				}
			})
		}
		text := prog.String()
		if len(text) > MaxLength {
			return
		}
		back, err := Parse(text)
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", src, text, err)
		}
		if len(back.Statements) != len(prog.Statements) {
			t.Fatalf("%q is printed as %q", src, text)
		}
		for i, s := range prog.Statements {
			if b := back.Statements[i]; b.Name != s.Name || !Equal(b.Expr, s.Expr) {
				t.Fatalf("%q is printed as %q", src, text)
			}
		}
		if again := back.String(); again != text {
			t.Fatalf("%q is printed as %q, then as %q", src, text, again)
		}
	})
}
