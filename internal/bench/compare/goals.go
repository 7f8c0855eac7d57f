package main

// goal is a row of a page: what is to be reached on a workload.
type goal struct {
	work, dtype string
	// peer to compare with; the ratio is the peer's time over ours. Without one the measure is absolute.
	peer string
	// ours is the peer of ours that is meant: blocks are the executor without machine code.
	ours    string
	measure measure
	// reach is the least ratio, or for other measures the bound.
	reach float64
}

// measure is what a goal bounds.
type measure uint8

const (
	ratio        measure = iota // time of the peer over ours, at least reach
	seconds                     // of an evaluation, at most reach
	perPoint                    // seconds for each of 1e6 points and processor, at most reach
	triadShare                  // bytes per second, three arrays of 1e7, over STREAM's triad with all threads: at least reach
	oneTime                     // build, gradient and compilation in seconds, at most reach
	oneTimeRatio                // the peer's over ours, at least reach
)

const blocks = ours + ".blocks"

// oneThread is ours with one processor.
const oneThread = ours + ".thread"

// page is a page of docs/ that compares: its goals, in their order, and the peers that run unless others are named.
type page struct {
	title, command string
	goals          []goal
	peers          []string
}

// pages are the pages by the name that the flag -page takes.
var pages = map[string]page{
	"scalars":  {"Performance", "go run ./internal/bench/compare -markdown docs/PERFORMANCE.md", scalarGoals, []string{"go", "switch", blocks, "casadi", "torch.compile"}},
	"loops":    {"Performance of loops", "go run ./internal/bench/compare -page loops -markdown docs/PERFORMANCE_LOOPS.md", loopGoals, []string{"jax", "casadi"}},
	"models":   {"Performance of models", "go run ./internal/bench/compare -page models -markdown docs/PERFORMANCE_MODELS.md", modelGoals, []string{oneThread, "jax", "torch", "torch.compile"}},
	"matrix":   {"Performance of matrices", "go run ./internal/bench/compare -page matrix -markdown docs/PERFORMANCE_MATRIX.md", matrixGoals(), []string{oneThread, "jax", "numpy", "torch"}},
	"implicit": {"Performance of implicit functions and differential equations", "go run ./internal/bench/compare -page implicit -markdown docs/PERFORMANCE_IMPLICIT.md", implicitGoals, []string{"jax", "casadi", "numpy", "scipy", "diffrax"}},
}

// loopGoals bound loops. The bounds of tridiagonal and attractor are about twice what a loop written in C takes.
var loopGoals = []goal{
	{work: "attractor10000", dtype: "float64", measure: seconds, reach: 1e-3},
	{work: "attractor10000", dtype: "float64", peer: "jax", reach: 50},
	{work: "attractor100000", dtype: "float64", measure: seconds, reach: 10e-3},
	{work: "attractor100000", dtype: "float64", peer: "jax", reach: 50},
	{work: "attractor1000000.every1000", dtype: "float64", measure: seconds, reach: 100e-3},
	{work: "attractor10000.states50", dtype: "float64", measure: seconds, reach: 0},
	{work: "coupled", dtype: "float64", measure: seconds, reach: 2.5e-3},
	{work: "coupled", dtype: "float64", peer: "jax", reach: 11},
	{work: "tridiagonal", dtype: "float64", measure: seconds, reach: 5.8e-3},
	{work: "tridiagonal", dtype: "float64", peer: "jax", reach: 0},
	{work: "lorenz10000", dtype: "float64", peer: "jax", reach: 0},
	{work: "lorenz10000", dtype: "float32", peer: "jax", reach: 0},
}

// implicitGoals bound implicit functions and differential equations, each with its gradient. The bounds in seconds are up to twice what C takes that is written by hand for the problem; other problems are one entry each, here, in
// package definition, and in package work.
var implicitGoals = []goal{
	{work: "kepler", dtype: "float64", measure: seconds, reach: 4e-3},
	{work: "kepler", dtype: "float64", peer: "jax", reach: 4.6},
	{work: "kepler", dtype: "float64", peer: "numpy", reach: 7.7},
	{work: "lotka_volterra", dtype: "float64", measure: seconds, reach: 0.5e-3},
	{work: "lotka_volterra", dtype: "float64", peer: "diffrax", reach: 4.2},
	{work: "lotka_volterra", dtype: "float64", peer: "casadi", reach: 14},
	{work: "lorenz96.fit", dtype: "float64", measure: seconds, reach: 1.5e-3},
	{work: "lorenz96.fit", dtype: "float64", peer: "diffrax", reach: 7},
	{work: "lorenz96.fit", dtype: "float64", peer: "casadi", reach: 16},
	{work: "robertson", dtype: "float64", peer: "diffrax", reach: 1},
	{work: "robertson", dtype: "float64", peer: "casadi", reach: 1},
	{work: "poisson100", dtype: "float64", measure: seconds, reach: 10e-3},
	{work: "poisson100", dtype: "float64", peer: "scipy", reach: 3.5},
	{work: "poisson100", dtype: "float64", peer: "jax", reach: 8},
	{work: "poisson10000", dtype: "float64", measure: seconds, reach: 0.4e-3},
	{work: "poisson10000", dtype: "float64", peer: "scipy", reach: 2.5},
	{work: "poisson10000", dtype: "float64", peer: "jax", reach: 3},
	{work: "acoustic", dtype: "float32", measure: seconds, reach: 500 * 0.04e-3}, // of 500 steps
	{work: "acoustic", dtype: "float32", peer: "jax", reach: 3.5},
	{work: "acoustic.gradient", dtype: "float32", measure: seconds, reach: 500 * 0.18e-3},
	{work: "acoustic.gradient", dtype: "float32", peer: "jax", reach: 2.8},
	{work: "minimum1000", dtype: "float64", measure: seconds, reach: 40e-3},
	{work: "nist", dtype: "float64", measure: seconds, reach: 50e-3},
}

var bothDTypes, bothPeers = []string{"float64", "float32"}, []string{"jax", "numpy"}

// matrixGoals ask for no less than the best of the peers.
func matrixGoals() []goal {
	var goals []goal
	for _, g := range []struct {
		work           string
		reach, reach32 float64
	}{{"gemm64", 1, 2}, {"gemm256", 1, 1.7}, {"gemm1024", 1, 1}, {"gemm2048", 1, 1}, {"product_row", 1, 1}, {"product_odd", 1, 1}, {"product_outer", 1, 1}, {"product_batch", 1, 1}} {
		for _, peer := range []string{"jax", "numpy"} {
			goals = append(goals, goal{work: g.work, dtype: "float64", peer: peer, reach: g.reach}, goal{work: g.work, dtype: "float32", peer: peer, reach: g.reach32})
		}
	}
	for _, g := range []struct {
		work   string
		dtypes []string
		peers  []string
	}{
		{"cholesky64", bothDTypes, bothPeers}, {"cholesky512", bothDTypes, bothPeers}, {"cholesky1024", bothDTypes, bothPeers}, {"solve512", bothDTypes, bothPeers},
		{"solve512.many", bothDTypes[:1], bothPeers}, {"triangular512", bothDTypes[:1], bothPeers[:1]}, {"lu512", bothDTypes[:1], bothPeers[:1]},
		{"qr512", bothDTypes[:1], bothPeers}, {"eigh256", bothDTypes, bothPeers}, {"svd256", bothDTypes[:1], bothPeers}, {"cholesky8.batch", bothDTypes, bothPeers},
		{"solve4.batch", bothDTypes[:1], bothPeers}, {"solve32.batch", bothDTypes[:1], bothPeers}, {"eigh3.batch", bothDTypes[:1], bothPeers},
		{"cholesky512.gradient", bothDTypes[:1], bothPeers[:1]}, {"logdet512.gradient", bothDTypes[:1], bothPeers[:1]}, {"solve512.gradient", bothDTypes[:1], bothPeers[:1]},
	} {
		for _, peer := range g.peers {
			for _, dtype := range g.dtypes {
				goals = append(goals, goal{work: g.work, dtype: dtype, peer: peer, reach: 1})
			}
		}
	}
	return append(goals, layerGoals...)
}

// layerGoals are the rows about layers of neural networks.
var layerGoals = []goal{
	{work: "conv", dtype: "float32", peer: "jax", reach: 1},
	{work: "conv", dtype: "float32", measure: seconds, reach: 14e-3},
	{work: "conv.winograd", dtype: "float32", measure: seconds, reach: 9e-3},
	{work: "conv.depthwise", dtype: "float32", peer: "jax", reach: 1},
	{work: "attention2048", dtype: "float32", peer: "jax", reach: 1},
	{work: "mlp", dtype: "float32", peer: "jax", reach: 1},
	{work: "mlp", dtype: "float32", measure: seconds, reach: 100e-6},
	{work: "mlp.separate", dtype: "float32", measure: seconds, reach: 0},
	{work: "gemm64", dtype: "float64", peer: oneThread, reach: 1},
	{work: "gemm1024", dtype: "float32", peer: oneThread, reach: 1.8},
	{work: "gemm1024", dtype: "float64", peer: oneThread, reach: 1.8},
	{work: "gemm2048", dtype: "float32", peer: oneThread, reach: 1.8},
	{work: "product_odd", dtype: "float64", peer: oneThread, reach: 1},
	{work: "product_batch", dtype: "float32", peer: oneThread, reach: 1.8},
	{work: "conv", dtype: "float32", peer: oneThread, reach: 1.8},
	{work: "conv.winograd", dtype: "float32", peer: oneThread, reach: 1.8},
	{work: "conv.depthwise", dtype: "float32", peer: oneThread, reach: 1},
	{work: "attention2048", dtype: "float32", peer: oneThread, reach: 1.8},
	{work: "mlp", dtype: "float32", peer: oneThread, reach: 1},
}

// modelGoals are the rows about steps of training and gradients of whole models.
var modelGoals = []goal{
	{work: "mlp", dtype: "float32", measure: seconds, reach: 120e-6},
	{work: "mlp", dtype: "float32", peer: "jax", reach: 2},
	{work: "mlp", dtype: "float32", peer: "torch", reach: 2.2},
	{work: "lenet", dtype: "float32", measure: seconds, reach: 1.2e-3},
	{work: "lenet", dtype: "float32", peer: "torch.compile", reach: 2},
	{work: "lenet", dtype: "float32", peer: "torch", reach: 2.4},
	{work: "lenet", dtype: "float32", peer: "jax", reach: 4.6},
	{work: "transformer", dtype: "float32", measure: seconds, reach: 36e-3},
	{work: "transformer", dtype: "float32", peer: "torch.compile", reach: 2},
	{work: "transformer", dtype: "float32", peer: "jax", reach: 2},
	{work: "gmm", dtype: "float64", measure: seconds, reach: 6e-3},
	{work: "gmm", dtype: "float64", peer: "torch", reach: 2.7},
	{work: "gmm", dtype: "float64", peer: "jax", reach: 4.6},
	{work: "lstm", dtype: "float32", ours: oneThread, measure: seconds, reach: 260e-3},
	{work: "lstm", dtype: "float32", peer: "torch", reach: 1},
	{work: "lstm", dtype: "float32", peer: "jax", reach: 1},
	{work: "gru", dtype: "float32", ours: oneThread, measure: seconds, reach: 220e-3},
	{work: "gru", dtype: "float32", peer: "torch", reach: 1},
	{work: "gru", dtype: "float32", peer: "jax", reach: 1},
	{work: "small", dtype: "float32", peer: "torch", reach: 10},
	{work: "small", dtype: "float32", peer: "torch.compile", reach: 10},
	{work: "small", dtype: "float32", peer: "jax", reach: 10},
}

// scalarGoals are the rows about scalars and elements.
var scalarGoals = []goal{
	{work: "seed", dtype: "float64", measure: seconds, reach: 10e-9},
	{work: "seed", dtype: "float64", peer: "casadi", reach: 1},
	{work: "seed", dtype: "float64", peer: "go", reach: 0},
	{work: "seed1e6", dtype: "float64", measure: perPoint, reach: 1e-9},
	{work: "chain", dtype: "float64", peer: "torch.compile", reach: 3.3},
	{work: "chain", dtype: "float64", peer: "torch.compile", ours: blocks, reach: 2.3},
	{work: "chain", dtype: "float32", peer: "torch.compile", reach: 2},
	{work: "add1e7", dtype: "float64", measure: triadShare, reach: 0.85},
	{work: "mul1e7", dtype: "float64", measure: triadShare, reach: 0.85},
	{work: "rosenbrock1000", dtype: "float64", peer: "casadi", reach: 12},
	{work: "rosenbrock100000", dtype: "float64", peer: "casadi", reach: 12},
	{work: "dag20000", dtype: "float64", peer: "switch", reach: 15},
	{work: "dag1000000", dtype: "float64", peer: "switch", reach: 15},
	{work: "rosenbrock100000", dtype: "float64", measure: oneTime, reach: 1.5},
	{work: "dag1000000", dtype: "float64", measure: oneTime, reach: 5},
	{work: "rosenbrock100000.hessian", dtype: "float64", peer: "casadi", reach: 5},
	{work: "rosenbrock100000.hessian", dtype: "float64", peer: "casadi", measure: oneTimeRatio, reach: 1},
}

// works are the workloads of the goals, each once.
func (p page) works() []string {
	var names []string
	seen := map[string]bool{}
	for _, g := range p.goals {
		if !seen[g.work] {
			seen[g.work] = true
			names = append(names, g.work)
		}
	}
	return names
}

// where says for each workload where the time goes that is not at a limit of the machine.
var where = map[string]string{
	"seed": "Machine code of eleven bytes an instruction: half of the time is the call through Step, the rest the loads, the chain of " +
		"dependent operations and the stores.",
	"seed1e6": "Two arrays in, three out: bound by memory. What is missing to the roofline is the reading of the lines that are written.",
	"chain": "Bound by arithmetic: exp, sine and cosine are about 60 operations an element, three divisions take four cycles each for eight " +
		"elements. The roofline counts a transcendental function as 20 operations and divisions as one. Without machine code every " +
		"micro-operation reads and writes blocks of 4 KB in the first-level cache besides.",
	"add1e7": "Bound by memory.",
	"mul1e7": "Bound by memory.",
	"rosenbrock1000": "Vector code found in scalar code. What is left is the sum of 2000 terms in the order of the graph: each addition waits two cycles " +
		"or more for the one before.",
	"rosenbrock100000": "As for 1000: the sum alone takes more than half of the time. The rest fetches 4.8 MB of code from the third-level cache.",
	"dag20000": "The graph has no pattern, so each instruction's code runs once and the time is that of fetching it: ten bytes an " +
		"instruction from the second-level cache at about 40 GB/s. Four of them are the displacement of an operand in memory.",
	"dag1000000": "40 MB of code, ten bytes an instruction, more than the third-level cache holds: two fifths of the time read it from memory at 38 GB/s, ahead of the chunk that runs; " +
		"the rest fetches it from the second-level cache and waits for operands, which are spread over 5 MB. Less than seven bytes an instruction would keep it in the third-level cache, " +
		"where one takes half the time.",
	"attractor10000":             "Machine code of the whole loop, forward and back: both wait for chains of dependent operations, as a loop in C does.",
	"attractor100000":            "As for 1e4: 3 MB of states are written once and read once.",
	"attractor10000.states50":    "Each step is run forward nearly three times, in parts of up to fifty steps, between which Go follows the schedule.",
	"attractor1000000.every1000": "Each step is run forward twice, in parts of 1000 steps.",
	"kepler":                     "Machine code of four of Halley's steps at a time for all lanes, until the last lane is done: a sine, a cosine and two quotients each.",
	"acoustic":                   "A step of the scheme is one pass over memory, which reads the wave with its neighbours, the wave before and three coefficients, and writes one.",
	"acoustic.gradient":          "The same, and the adjoint's step, a stencil too; all waves are kept, so that they are written once and read once.",
	"lotka_volterra":             "Machine code of the loop of steps, forward and back.",
	"lorenz96.fit":               "Machine code of the loop of steps, in scalars, forward and back.",
	"robertson":                  "Steps in scalars, machine code; between them a few operations on arrays of three elements.",
	"minimum1000":                "Some thousand evaluations of the function and its gradient, machine code; the memory of the method times vectors.",
	"nist":                       "Compiled programs of residuals and Jacobians of some ten parameters; decompositions of small matrices.",
	"poisson100":                 "The decomposition in supernodes: half of it are products of dense blocks, the rest brings them to their places; one sweep over the factor for each of four triangular solutions.",
	"poisson10000":               "Two tridiagonal systems, each by elimination from both ends, so that two chains of dependent quotients run at once; then loops over arrays.",
	"lorenz10000":                "Machine code of the whole loop.",
	"gemm64":                     "Arithmetic, without packing.", "gemm256": "Arithmetic, without packing.", "gemm1024": "Arithmetic, and packing.",
	"gemm2048": "Arithmetic, and packing.", "product_row": "Bound by memory: the matrix is read once, at less than the triad's rate.", "product_odd": "A few hundred operations: the call.",
	"product_outer": "Bound by memory: the result is written once.", "product_batch": "Arithmetic, one product after another.",
	"cholesky64": "Blocks of eight rows: square roots and quotients wait for one another.", "cholesky512": "Arithmetic; making the matrix symmetric before takes part of the time.",
	"cholesky1024": "Arithmetic; making the matrix symmetric before takes part of the time.", "solve512": "Panels of columns, which the first goroutine decomposes while others take them off the rest.", "solve512.many": "Arithmetic, and panels of columns.",
	"triangular512": "Arithmetic.", "lu512": "Panels of columns, which the first goroutine decomposes while others take them off the rest.", "qr512": "Reflectors of a panel, which the first goroutine finds while others apply those before to the rest.", "eigh256": "Reduction to tridiagonal form on one goroutine, bound by the second-level cache; then rotations, found by one goroutine while others apply them.",
	"svd256": "As for eigenvalues, with two sets of vectors.", "cholesky8.batch": "In lanes: the matrix is made symmetric before, which takes as long.", "solve4.batch": "In lanes.", "solve32.batch": "In lanes; rows are exchanged one by one.",
	"eigh3.batch": "One matrix after another, on all goroutines.", "cholesky512.gradient": "Products and triangular solutions of whole matrices.", "logdet512.gradient": "The inverse.", "solve512.gradient": "Two decompositions of the matrix, of which the second is that of its transposed.",
	"conv":                     "Arithmetic: rows of the input are read where they lie.",
	"conv.winograd":            "Products of transformed tiles, 36 small ones an item; the transforms take a quarter.",
	"conv.depthwise":           "Reading and writing: planes are copied with their padding first, and the gradient of a filter reads each row of a plane nine times.",
	"attention2048":            "Products of blocks of 512 keys, and exponentials; masked blocks are computed as well.",
	"mlp":                      "Two products of the first layer take nine tenths; bias, relu and the step of descent are done on their parts.",
	"lenet":                    "Convolutions and their gradients, those of the second layer by vectors of images; tanh and its derivative are a sixth of all. Then averages of windows, and products of the last layers.",
	"transformer":              "Products, and the passes over their results: attention by its parts.",
	"gmm":                      "Products of 25 matrices with all points, three of them for value and gradient.",
	"lstm":                     "Products of 32 rows, a thousand one after another, forward and back; then gates, whose derivatives take exponentials again.",
	"gru":                      "As for lstm.",
	"small":                    "Products of 64 rows; about fifty instructions, of which many take less than a microsecond.",
	"mlp.separate":             "As mlp, with passes over the results of products.",
	"coupled":                  "Machine code of the whole loop: about 1700 operations a step forward and twice as many back, more code than the first-level cache holds.",
	"tridiagonal":              "Divisions: each step waits for that of the step before.",
	"rosenbrock100000.hessian": "Scalar code whose entries go straight to their places; it is fetched from the third-level cache once for each evaluation.",
}
