package main

// goal is a row of docs/PERFORMANCE.md: what is to be reached on a workload.
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

// goals are the rows of the table, in its order.
var goals = []goal{
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

// markdownPeers are the peers of the table unless others are named.
var markdownPeers = []string{"go", "switch", blocks, "casadi", "torch.compile"}

// markdownWorks are the workloads of the goals, each once.
func markdownWorks() []string {
	var names []string
	seen := map[string]bool{}
	for _, g := range goals {
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
	"rosenbrock100000.hessian": "Scalar code whose entries go straight to their places; it is fetched from the third-level cache once for each evaluation.",
}
