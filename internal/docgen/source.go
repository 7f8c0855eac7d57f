package docgen

import (
	"bytes"
	"go/ast"
	"go/format"
	"strings"
)

// declaration formats a type without its documentation and unexported fields; exported fields keep their comments.
func (s *sources) declaration(t *ast.TypeSpec) string {
	st, ok := t.Type.(*ast.StructType)
	if !ok {
		s.fail("%s is no struct", t.Name.Name)
		return ""
	}
	b := bytes.NewBufferString("type " + t.Name.Name + " struct {\n")
	for _, f := range st.Fields.List {
		var names []string
		for _, n := range f.Names {
			if n.IsExported() {
				names = append(names, n.Name)
			}
		}
		if len(names) == 0 && len(f.Names) > 0 {
			continue
		}
		if f.Doc != nil {
			for line := range strings.Lines(strings.TrimSpace(f.Doc.Text())) {
				b.WriteString("// " + strings.TrimSpace(line) + "\n")
			}
		}
		b.WriteString(strings.Join(names, ", ") + " ")
		if err := format.Node(b, s.fset, f.Type); err != nil {
			s.fail("%w", err)
		}
		if c := strings.TrimSpace(f.Comment.Text()); c != "" {
			b.WriteString(" // " + c)
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	out, err := format.Source(b.Bytes())
	if err != nil {
		s.fail("%w", err)
	}
	return strings.TrimSpace(string(out))
}
