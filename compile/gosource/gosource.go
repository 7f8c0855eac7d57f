// Package gosource writes compiled programs as Go source: one file, gofmt-ed, that needs nothing but the standard library, and package vm/kernels where the program calls
// kernels (matrix products, convolutions, reductions over single axes, sorts, linear algebra). Firmware, servers and programs built by TinyGo so have the values, gradients and Jacobians of a graph without building it.
//
// Results have the bits that machines of package vm give: sums are added in their order, products and sums are rounded one by one unless the program joined them (compile.Config{Disable: []string{"contract"}}
// leaves them apart, which is faster on processors without such an instruction), and functions such as exp are the project's own, whose source the file carries. The sign and payload of a NaN is
// any.
//
// A program becomes a function. Scalars are float64, float32, int64, int32 or bool arguments and results; arrays are pointers to Go arrays in row-major order, those of the inputs first, then those of
// outputs, which the function fills. A program that calls kernels, or needs more memory for values in between than belongs on a stack, becomes a method of a type that
// has the memory, one for each goroutine. Nothing is allocated by a call. What a file declares beside the function begins with the function's name, unless that is the default, so that files of several functions may share a package.
//
// Go's compiler has no vectors: Config.GenerateAssembly writes loops over arrays as Go assembly too, in files beside the one in Go.
package gosource

import (
	"bytes"
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// Config says what the source is called. The zero Config gives func Run of package generated.
type Config struct {
	// Package is the name of the package; "" means generated.
	Package string
	// Func is the name of the function, or of the type whose method Run it is if it needs memory; "" means Run.
	Func string
	// Doc is the text of the function's comment behind its name, such as "returns the energy and its gradient."; "" means one that lists the outputs.
	Doc string
}

const defaultFunc = "Run"

// stackBytes is what a function without memory of its own may have on the stack for arrays.
const stackBytes = 4 << 10

// Generate returns the program as a Go file. An error names an operator that has no form in Go source (user's kernels, sweeps with checkpoints), with the user's line. The same program and
// configuration give the same bytes. Memory of arrays is that of the program, that of bodies of loops added.
func (c Config) Generate(p *vm.Program) ([]byte, error) {
	_, text, err := c.generate(p, false)
	if err != nil {
		return nil, err
	}
	return c.own([]File{{"generated.go", text}})[0].Text, nil
}

// generate returns the file, and with assembly the loops that it calls.
func (c *Config) generate(p *vm.Program, assembly bool) (*generator, []byte, error) {
	if c.Package == "" {
		c.Package = "generated"
	}
	if c.Func == "" {
		c.Func = defaultFunc
	}
	for _, n := range [2]string{c.Package, c.Func} {
		if !token.IsIdentifier(n) || predeclared[n] {
			return nil, nil, fmt.Errorf("gosource: %q cannot be the name of a package or function", n)
		}
	}
	g := &generator{
		code: p.Code(), plans: map[int]*plan{}, names: map[string]bool{c.Func: true, c.Package: true}, imports: map[string]bool{}, helpers: map[string]bool{}, carried: map[string]bool{},
		folds: map[string]string{}, arena: map[dtype.DType]int{}, constant: map[string]string{}, counter: map[string]int{},
		assembly: assembly, byCode: map[string]*vectorLoop{}, stretches: map[stretch]*vectorLoop{},
	}
	if assembly {
		for _, n := range assemblyNames {
			g.names[n] = true
		}
	}
	for _, n := range indexNames {
		g.names[n] = true
	}
	for _, n := range []string{"sum64", "sum32", "product64", "product32", "total64", "total32", "New" + c.Func} {
		g.names[n] = true
	}
	f, err := g.function()
	if err == nil {
		text, err := g.file(*c, f)
		return g, text, err
	}
	if at, ok := err.(*instrError); ok {
		if w := g.code.Debug.Where(first(at.in.Nodes)); w != "" {
			return nil, nil, fmt.Errorf("gosource: %s: %w", w, at.err)
		}
		err = at.err
	}
	return nil, nil, fmt.Errorf("gosource: %w", err)
}

// Generate is Config.Generate with the zero Config.
func Generate(p *vm.Program) ([]byte, error) { return Config{}.Generate(p) }

func first(nodes []int32) int32 {
	if len(nodes) == 0 {
		return -1
	}
	return nodes[0]
}

// parameter is an argument or result.
type parameter struct {
	name, typ string
	doc       string
}

// signature is the function's head.
type signature struct {
	args, results []parameter
	outputs       []string // what the results are, for the comment
}

// declared returns "a, b float64, x *[3]float64".
func declared(list []parameter) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.name)
		if i == len(list)-1 || list[i+1].typ != p.typ {
			b.WriteString(" " + p.typ)
		}
	}
	return b.String()
}

func isScalar(t vm.Type) bool { return len(t.Shape) == 0 }

func arrayType(t vm.Type) string { return fmt.Sprintf("*[%d]%s", t.Size(), goType(t.DType)) }

func describe(t vm.Type) string {
	s := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		s[i] = fmt.Sprint(d)
	}
	return strings.Join(s, "×")
}

// function writes the body of the function and returns its head.
func (g *generator) function() (*signature, error) {
	p, err := newPlan(&g.code.Block)
	if err != nil {
		return nil, err
	}
	sig := &signature{}
	bound := map[int32]*storage{}
	inputs := make([]string, len(p.b.Inputs))
	for i := range p.b.Inputs {
		s := &p.b.Inputs[i]
		n := g.identifier(s.Name, fmt.Sprint("in", i))
		inputs[i] = n
		par := parameter{name: n, typ: goType(s.DType)}
		st := &storage{value: name(n)}
		if !isScalar(s.Type) {
			par.typ = arrayType(s.Type)
			par.doc = describe(s.Type)
			st = &storage{array: true, variable: n, length: s.Size()}
		}
		if s.Update > 0 {
			par.doc = strings.TrimPrefix(par.doc+", set to its next value", ", ")
			if isScalar(s.Type) {
				par.doc = "" // the caller has the result
			}
		}
		sig.args = append(sig.args, par)
		if v := p.inputs[i]; v != none {
			if p.values[v].slice && !st.array {
				st = g.extra(s.DType, 1)
				g.put("%s[0] = %s", st.variable, n)
			}
			bound[v] = st
		}
	}
	updates := make([]int, len(p.b.Outputs)) // 1 + the input that an output is the next value of
	for i := range p.b.Inputs {
		if s := &p.b.Inputs[i]; s.Update > 0 && !isScalar(s.Type) {
			updates[s.Update-1] = i + 1
		}
	}
	var copies []func(x *instance)
	var returned []string
	for k := range p.b.Outputs {
		s := &p.b.Outputs[k]
		r := p.outputs[k]
		v, number, _ := p.root(r)
		whole := bound[number] == nil && v.kind == temporary && v.elements() == s.Size()
		if i := updates[k]; i > 0 {
			in := &p.b.Inputs[i-1]
			to := &storage{array: true, variable: inputs[i-1], length: s.Size()}
			if whole && in.Ref == s.Ref {
				bound[number] = to
				continue
			}
			copies = append(copies, func(x *instance) { g.copyTo(to, x, r, s.Size()) })
			continue
		}
		n := g.identifier(s.Name, fmt.Sprint("out", k))
		if isScalar(s.Type) {
			sig.results = append(sig.results, parameter{name: n, typ: goType(s.DType)})
			returned = append(returned, n)
			if whole && !v.slice {
				bound[number] = &storage{variable: n, declared: true}
				continue
			}
			copies = append(copies, func(x *instance) { g.put("%s = %s", n, x.read(r).text) })
			continue
		}
		sig.args = append(sig.args, parameter{name: n, typ: arrayType(s.Type), doc: "output, " + describe(s.Type)})
		to := &storage{array: true, variable: n, length: s.Size()}
		if whole {
			bound[number] = to
			continue
		}
		copies = append(copies, func(x *instance) { g.copyTo(to, x, r, s.Size()) })
	}
	x, err := g.instance(p, bound)
	if err != nil {
		return nil, err
	}
	if err := g.block(x); err != nil {
		return nil, err
	}
	for _, c := range copies {
		c(x)
	}
	sig.outputs = slices.Clone(returned)
	if g.fails {
		sig.results = append(sig.results, parameter{name: "err", typ: "error"})
		returned = append(returned, "nil")
	}
	if len(returned) > 0 {
		g.put("return %s", strings.Join(returned, ", "))
	}
	return sig, nil
}

// file puts the file together.
func (g *generator) file(c Config, f *signature) ([]byte, error) {
	functions := ""
	if len(g.carried) > 0 {
		text, err := sources().closure(slices.Sorted(maps.Keys(g.carried)))
		if err != nil {
			return nil, fmt.Errorf("gosource: %w", err)
		}
		functions = text
	}
	text := strings.Join(pruned(g.lines), "\n")
	read := map[string]bool{}
	for _, n := range identifiers.FindAllString(text, -1) {
		read[n] = true
	}
	clear(g.arena)
	for _, a := range g.arrays {
		if read[a.name] {
			g.arena[a.typ] = max(g.arena[a.typ], a.offset+a.length)
		}
	}
	bytesOfArrays := 0
	for t, n := range g.arena {
		bytesOfArrays += n * t.Size()
	}
	method := len(g.kernels) > 0 || bytesOfArrays > stackBytes
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\npackage %s\n\n", header, c.Package)
	if strings.Contains(functions, "math.") {
		g.imports["math"] = true
	}
	var imports []string
	for _, n := range []string{"errors", "math"} {
		if g.imports[n] {
			imports = append(imports, fmt.Sprintf("%q", n))
		}
	}
	if len(g.kernels) > 0 {
		imports = append(imports, "", fmt.Sprintf("%q", kernelsPackage))
	}
	switch {
	case len(imports) == 1:
		fmt.Fprintf(&b, "import %s\n\n", imports[0])
	case len(imports) > 0:
		fmt.Fprintf(&b, "import (\n%s\n)\n\n", strings.Join(imports, "\n"))
	}
	if method {
		g.typeOf(&b, c.Func)
	}
	called := c.Func
	if method {
		called = "Run"
	}
	b.WriteString(comment(called, c.Doc, f))
	receiver := ""
	if method {
		receiver = fmt.Sprintf("(m *%s) ", c.Func)
	}
	fmt.Fprintf(&b, "func %s%s(%s) ", receiver, called, declared(f.args))
	if len(f.results) > 0 {
		fmt.Fprintf(&b, "(%s) ", declared(f.results))
	}
	b.WriteString("{\n")
	for _, a := range g.arrays {
		if !read[a.name] {
			continue
		}
		if method {
			fmt.Fprintf(&b, "%s := (*[%d]%s)(m.%s[%d:%d])\n", a.name, a.length, goType(a.typ), a.typ.Short(), a.offset, a.offset+a.length)
		} else {
			fmt.Fprintf(&b, "var %s [%d]%s\n", a.name, a.length, goType(a.typ))
		}
	}
	b.WriteString(text + "\n}\n")
	for _, s := range g.constants {
		b.WriteString("\n" + s)
	}
	for _, h := range helperText {
		if g.helpers[h.name] {
			b.WriteString(h.text)
		}
	}
	folds := make([]string, 0, len(g.folds))
	for n := range g.folds {
		folds = append(folds, n)
	}
	slices.Sort(folds)
	for _, n := range folds {
		b.WriteString(g.folds[n])
	}
	b.WriteString(functions)
	return formatted(b.Bytes()), nil
}

// typeOf writes the type that has the function's memory.
func (g *generator) typeOf(b *bytes.Buffer, name string) {
	fmt.Fprintf(b, "// %[1]s is the memory of a function: use one for each goroutine, made by New%[1]s.\ntype %[1]s struct {\n", name)
	for t := dtype.Bool; t < dtype.Count; t++ {
		if n := g.arena[t]; n > 0 {
			fmt.Fprintf(b, "%s [%d]%s\n", t.Short(), n, goType(t))
		}
	}
	for k := range g.kernels {
		fmt.Fprintf(b, "kernel%d *kernels.Call\n", k+1)
	}
	fmt.Fprintf(b, "}\n\n// New%[1]s returns memory for calls of Run.\nfunc New%[1]s() *%[1]s {\n", name)
	if len(g.kernels) == 0 {
		fmt.Fprintf(b, "return new(%s)\n}\n\n", name)
		return
	}
	fmt.Fprintf(b, "return &%s{\n", name)
	for k, text := range g.kernels {
		fmt.Fprintf(b, "kernel%d: %s,\n", k+1, text)
	}
	b.WriteString("}\n}\n\n")
}

// comment returns the function's comment: what it returns, and the shapes of arrays.
func comment(name, doc string, f *signature) string {
	if doc == "" {
		switch n := len(f.outputs); {
		case n == 0:
			doc = "computes the outputs."
		case n == 1:
			doc = "returns " + f.outputs[0] + "."
		default:
			doc = "returns " + strings.Join(f.outputs[:n-1], ", ") + " and " + f.outputs[n-1] + "."
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "// %s %s\n", name, doc)
	var arrays []parameter
	for _, p := range f.args {
		if p.doc != "" {
			arrays = append(arrays, p)
		}
	}
	if len(arrays) > 0 {
		b.WriteString("//\n// Arrays are row-major, and those that are written overlap no other:\n//\n")
		for _, p := range arrays {
			fmt.Fprintf(&b, "//   - %s: %s\n", p.name, p.doc)
		}
	}
	return b.String()
}
