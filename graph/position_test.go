package graph

import (
	"path"
	"runtime"
	"testing"
)

// Frames are ours by name or, for closures of functions that the compiler inlined into the user's, by file.
func TestFramesOfTheUser(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	folder := path.Dir(file)
	for _, c := range []struct {
		function, file string
		ours           bool
	}{
		{modulePrefix + "graph.Sin", folder + "/math.go", true},
		{modulePrefix + "compile.Gradient", path.Dir(folder) + "/compile/gradient.go", true},
		{"main.main.Sin.func1", folder + "/math.go", true},
		{"main.main.Gradient.func1", path.Dir(folder) + "/compile/gradient.go", true},
		{"main.main", "/home/user/graph/main.go", false},
		{"main.main.func1", "/home/user/model.go", false},
		{modulePrefix + "graph_test.TestSin", folder + "/math_test.go", false},
		{modulePrefix + "graph.TestSin", folder + "/math_test.go", false},
		{modulePrefix + "examples/gmm.model", path.Dir(folder) + "/examples/gmm/model.go", false},
	} {
		if got := ours(runtime.Frame{Function: c.function, File: c.file}); got != c.ours {
			t.Errorf("%s in %s: ours is %v", c.function, c.file, got)
		}
	}
}
