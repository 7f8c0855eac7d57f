package gosource

import (
	"fmt"
	"strings"

	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/vm"
)

// kernelsPackage is what generated source imports for kernels.
const kernelsPackage = "github.com/adjoint-go/adjoint/vm/kernels"

// field is the field of a kernel's tensor that holds elements of the type.
func field(d dtype.DType) string {
	switch d {
	case dtype.Float64:
		return "F64"
	case dtype.Float32:
		return "F32"
	case dtype.Int64:
		return "I64"
	case dtype.Int32:
		return "I32"
	}
	return "Bool"
}

// kernel writes a call of a kernel.
func (g *generator) kernel(x *instance, in *vm.Instr, st *step) error {
	if strings.HasPrefix(in.Kernel, "user_") {
		return fmt.Errorf("kernel %s is one of this process, which the source does not have", in.Kernel)
	}
	for _, a := range in.Attrs {
		if len(a.Value.Funcs) > 0 {
			return fmt.Errorf("kernel %s calls functions, which has no form in Go source", in.Kernel)
		}
	}
	k := fmt.Sprintf("m.kernel%d", len(g.kernels)+1)
	comment := g.comment(in, 0)
	g.kernels = append(g.kernels, fmt.Sprintf("kernels.New(%q, %q, %q, %q, %q)", in.Kernel, attributes(in), types(in.In), types(in.Out), g.where(in, 0)))
	for side, refs := range [2][]ref{st.in, st.out} {
		operands, list := in.In, "In"
		if side == 1 {
			operands, list = in.Out, "Out"
		}
		for i, r := range refs {
			s, _, _ := x.at(r)
			if !s.array {
				// Only what was bound from outside is no array.
				to := g.extra(operands[i].DType, 1)
				g.put("%s[0] = %s", to.variable, x.read(r).text)
				g.put("%s.%s[%d].%s = %s[:]", k, list, i, field(operands[i].DType), to.variable)
				continue
			}
			g.put("%s.%s[%d].%s = %s%s", k, list, i, field(operands[i].DType), x.part(r, operands[i].Size()), comment)
			comment = ""
		}
	}
	g.fails = true
	g.put("if err = %s.Run(); err != nil {", k)
	g.put("return")
	g.put("}")
	return nil
}

// attributes returns the attributes of a kernel as kernels.New reads them.
func attributes(in *vm.Instr) string {
	if len(in.Attrs) == 0 {
		return ""
	}
	return "{" + in.Attrs.String() + "}"
}

// types returns the types of operands as kernels.New reads them.
func types(list []vm.Operand) string {
	s := make([]string, len(list))
	for i, o := range list {
		s[i] = o.DType.Short()
		if len(o.Shape) > 0 {
			s[i] += strings.ReplaceAll(fmt.Sprint(o.Shape), " ", ",")
		}
	}
	return strings.Join(s, " ")
}
