// Package definition lists the workloads of the comparison: names, dtypes, and
// the checksums that every implementation must reproduce. The formulas and inputs
// are in ../python, the inputs also in ../inputs.
package definition

import "math"

// Work is a workload.
type Work struct {
	Name string
	Doc  string
	// Check is the checksum in float64, or in float32 for the models, which exist in float32 only.
	Check []float64
	// Relative and Absolute bound the difference of a checksum from Check, by dtype; a dtype
	// without an entry does not exist.
	Relative, Absolute map[string]float64
}

// DTypes returns the dtypes that the workload exists in, float64 first.
func (w Work) DTypes() []string {
	var all []string
	for _, d := range []string{"float64", "float32"} {
		if _, ok := w.Relative[d]; ok {
			all = append(all, d)
		}
	}
	return all
}

// Agrees reports whether a checksum is that of the workload.
func (w Work) Agrees(dtype string, check []float64) bool {
	relative, ok := w.Relative[dtype]
	if !ok || len(check) != len(w.Check) {
		return false
	}
	for i, want := range w.Check {
		if !(math.Abs(check[i]-want) <= w.Absolute[dtype]+relative*math.Abs(want)) {
			return false
		}
	}
	return true
}

func f64(relative float64) map[string]float64 { return map[string]float64{"float64": relative} }
func f32(relative float64) map[string]float64 { return map[string]float64{"float32": relative} }
func both(in64, in32 float64) map[string]float64 {
	return map[string]float64{"float64": in64, "float32": in32}
}

// Works are all workloads in the order in which the comparison runs them. The
// checksums were computed by CasADi, PyTorch, JAX or NumPy, those of the random
// graphs by dag.Graph.Evaluate.
var Works = []Work{
	{Name: "seed", Doc: "z = x1² + x2² + x1·x2 and its gradient at (3, 4): z, ∂z/∂x1, ∂z/∂x2",
		Check: []float64{37, 10, 11}, Relative: f64(0)},
	{Name: "seed1e6", Doc: "the same at 1e6 points: Σz, Σ(∂z/∂x1)², Σ(∂z/∂x2)²",
		Check: []float64{1000001.0674297262, 2500007.401896538, 2500003.101309002}, Relative: f64(1e-11)},
	{Name: "chain", Doc: "y = Σ exp(−x²)·sin x + x/(1+x²) over 1e6 points from −4 to 4, and its gradient: y, |∇y|²",
		Check: []float64{0, 379502.9845778248}, Relative: both(1e-11, 1e-6), Absolute: both(1e-8, 0.5)},
	{Name: "add1e7", Doc: "sum of two arrays of 1e7 elements: |c|²",
		Check: []float64{10000001.406104697}, Relative: both(1e-11, 1e-7)},
	{Name: "mul1e7", Doc: "product of two arrays of 1e7 elements: |c|²",
		Check: []float64{2500000.856877167}, Relative: both(1e-11, 1e-6)},
	{Name: "pairwise", Doc: "Σ exp(−|xᵢ−xⱼ|²) of 512 points in space, and its gradient: y, |∇y|²",
		Check: []float64{81658.20050025858, 20217713.68431121}, Relative: both(1e-11, 1e-5)},
	{Name: "rows3", Doc: "Σ √(1+|xᵢ|²) of 1e5 points in space, and its gradient: y, |∇y|²",
		Check: []float64{155531.63918512675, 53952.66550091641}, Relative: both(1e-11, 1e-6)},
	{Name: "middle", Doc: "squares of the sums over the middle axis of [2048, 4, 64], and the gradient: y, |∇y|²",
		Check: []float64{8129.6171031860695, 130073.87365097711}, Relative: both(1e-11, 1e-6)},
	{Name: "softmax_rows", Doc: "weighted sum of the softmax of 2048 rows of 100, and its gradient: y, |∇y|²",
		Check: []float64{0.16774343464183006, 14.305484808276898}, Relative: both(1e-10, 1e-5), Absolute: both(0, 1e-5)},
	{Name: "logsumexp_rows", Doc: "sum of the logsumexp of 2048 rows of 100, and its gradient: y, |∇y|²",
		Check: []float64{9914.39311366076, 29.124229527659228}, Relative: both(1e-11, 1e-6)},
	{Name: "gather_scalars", Doc: "squares of 8192 gathered scalars, some of them twice, and the gradient: y, |∇y|²",
		Check: []float64{4094.806610058906, 32758.452880471246}, Relative: both(1e-11, 1e-6)},
	{Name: "small_matrices", Doc: "sum of the product of 32 matrices 8×8, and its gradient: y, |∇y|²",
		Check: []float64{-0.602706251384943, 17685.687815421996}, Relative: both(1e-9, 1e-3)},
	{Name: "rosenbrock1000", Doc: "chained Rosenbrock function of 1000 scalars and its gradient: y, |∇y|²",
		Check: []float64{26689.809152107333, 40521473.726340115}, Relative: f64(1e-11)},
	{Name: "rosenbrock100000", Doc: "the same of 1e5 scalars",
		Check: []float64{2672648.586289706, 4045621245.3776035}, Relative: f64(1e-11)},
	{Name: "rosenbrock1000.hessian", Doc: "its sparse Hessian (upper and lower triangle): entries, their sum, sum of squares",
		Check: []float64{2998, 352325.8217172822, 2255468099.3667917}, Relative: f64(1e-11)},
	{Name: "rosenbrock100000.hessian", Doc: "the same of 1e5 scalars",
		Check: []float64{299998, 35200882.731201075, 225481463006.4228}, Relative: f64(1e-11)},
	{Name: "dag20000", Doc: "random graph of 2e4 scalar nodes and its gradient: y, |∇y|²",
		Check: []float64{-12.77406490751827, 241.4579448772075}, Relative: f64(1e-11)},
	{Name: "dag1000000", Doc: "random graph of 1e6 scalar nodes and its gradient: y, |∇y|²",
		Check: []float64{-52.84176437917422, 9856.274657977585}, Relative: f64(1e-11)},
	{Name: "lorenz100", Doc: "Lorenz-96, 40 variables, Runge-Kutta to T = 1 in 100 steps: ½|x(T)|² and the first entry of its gradient for x(0)",
		Check: []float64{701.7859681953313, 18.195227268629953}, Relative: both(1e-10, 5e-4)},
	{Name: "lorenz10000", Doc: "the same in 1e4 steps",
		Check: []float64{701.778835275903, 18.22191307563308}, Relative: both(1e-10, 2e-3)},
	{Name: "attractor10000", Doc: "mean of z on Lorenz's attractor, Runge-Kutta to T = 10 in 1e4 steps, and its gradient for σ, ρ, β and the start",
		Check:    []float64{23.189320103002057, -2.2232753060587362, -24.115815232218438, 56.71235726446359, 62.82674930571716, 95.0769988773811, 14.808501371787889},
		Relative: f64(1e-9)},
	{Name: "attractor100000", Doc: "the same in 1e5 steps",
		Check:    []float64{23.18924781590755, -2.2281900559911643, -24.171277757239583, 56.84624208443516, 62.96722774705616, 95.28959011652462, 14.841614725854805},
		Relative: f64(1e-8)},
	{Name: "attractor1000000", Doc: "the same in 1e6 steps",
		Check:    []float64{23.189240578153186, -2.22868399, -24.1768505, 56.8596927, 62.981342, 95.31094974, 14.84494172},
		Relative: f64(1e-6)},
	{Name: "attractor10000.states50", Doc: "attractor10000 with 50 states kept for the reverse sweep",
		Check:    []float64{23.189320103002057, -2.2232753060587362, -24.115815232218438, 56.71235726446359, 62.82674930571716, 95.0769988773811, 14.808501371787889},
		Relative: f64(1e-9)},
	{Name: "attractor1000000.every1000", Doc: "attractor1000000 with the state at every 1000th step kept for the reverse sweep",
		Check:    []float64{23.189240578153186, -2.22868399, -24.1768505, 56.8596927, 62.981342, 95.31094974, 14.84494172},
		Relative: f64(1e-6)},
	{Name: "coupled", Doc: "614 steps of 60 coupled scalars, 1700 operations each: y, and the first and last entries of its gradient",
		Check: []float64{1.3465487814482648e-07, 3.0102225001036188e-09, 3.008283766505713e-09}, Relative: f64(1e-9)},
	{Name: "tridiagonal", Doc: "1e5 equations with three diagonals by two loops: |x|², and the squared norms of its gradients for the diagonals and the right side",
		Check: []float64{265737.3027823419, 768615.7488396867, 902998.0108282468, 801489.4284973033, 244509.31528458267}, Relative: f64(1e-9)},
	{Name: "kepler", Doc: "1e5 roots of Kepler's equation E − e·sin E = M, with both derivatives: ΣE, Σ(∂E/∂M)², Σ(∂E/∂e)², and 1 if no residual is above 2e-15",
		Check: []float64{314159.3124611482, 124421.64924787334, 54777.23000191567, 1}, Relative: f64(1e-12)},
	{Name: "poisson100", Doc: "−div(a·grad u) = f on 100×100 points, ½∫(u − o)² and its gradient by log a, by a sparse decomposition: cost, product of the gradient with cos 0.01k, its norm",
		Check: []float64{0.0008028279546329144, 8.031284788226357e-06, 2.0718325003073272e-05}, Relative: f64(1e-9)},
	{Name: "poisson10000", Doc: "the same with 10000 points on a line, by elimination",
		Check: []float64{0.004293836967, 0.000153045942, 0.000139812202}, Relative: f64(1e-7)},
	{Name: "acoustic", Doc: "500 steps of the wave equation from one source on 200×200 points with damping layers of 20, differences of fourth order, 8 receivers: the misfit to the traces of another model",
		Check: []float64{0.00851764925376}, Relative: f32(1e-3)},
	{Name: "acoustic.gradient", Doc: "the same with the gradient by the velocities: misfit, product of the gradient with sin 0.1i·cos 0.07j, its norm",
		Check: []float64{0.00851764925376, -3.7926506706e-05, 4.05450978573e-05}, Relative: f32(1e-3)},
	{Name: "minimum100", Doc: "the minimum of Rosenbrock's chain of 100 numbers, Σ 100·(x[i+1] − x[i]²)² + (1 − x[i])², from −1.2, 1, −1.2, … on by L-BFGS-B until no element of the gradient is above 1e-6: 1 if no number is more than 1e-5 from 1, 1 if the gradient is so small",
		Check: []float64{1, 1}, Relative: f64(1e-12)},
	{Name: "minimum1000", Doc: "the same with 1000 numbers",
		Check: []float64{1, 1}, Relative: f64(1e-12)},
	{Name: "nist", Doc: "27 nonlinear least squares problems of NIST's reference datasets from two starts: fits with 6 and with 8 certified digits of all parameters",
		Check: []float64{54, 54}, Relative: f64(1e-12)},
	{Name: "lotka_volterra", Doc: "Lotka–Volterra to t = 10, rtol = atol = 1e-8, fit to observations at 100 times: cost, product of its gradient for 4 parameters and the start with cos k, its norm",
		Check: []float64{382.538015472047, 1077.744722597235, 1817.8104968481275}, Relative: f64(1e-5)},
	{Name: "lorenz96.fit", Doc: "Lorenz-96 with 40 variables to t = 2, rtol = atol = 1e-8, fit to observations at 20 times: cost, product of its gradient for forces and start with cos k, its norm",
		Check: []float64{29913.400085889, -68774.60111611823, 82304.00065591659}, Relative: f64(1e-3)},
	{Name: "robertson", Doc: "Robertson's stiff problem to t = 1e4, rtol = 1e-6: square of the solution, and its gradient for the rates, in units of 1, 1e-9, 1e-5",
		Check: []float64{0.808425046968, 5.40012242, 3.58083198, -2.1484872}, Relative: f64(1e-4)},
	{Name: "gmm", Doc: "ADBench's Gaussian mixture, D = 64, K = 25, N = 1000, objective and gradient: objective, squared norms of the gradients for α, μ, q, l",
		Check:    []float64{-203687.9438208561, 116797.61329527466, 11198330.386970606, 7610574.811362653, 102578321.785797},
		Relative: f64(1e-10)},
	{Name: "gemm64", Doc: "matrix product 64×64×64: trace", Check: []float64{-1.1845333637934647}, Relative: both(1e-11, 1e-5)},
	{Name: "gemm256", Doc: "matrix product 256×256×256: trace", Check: []float64{-1.0380424968119124}, Relative: both(1e-11, 5e-5)},
	{Name: "gemm1024", Doc: "matrix product 1024×1024×1024: trace", Check: []float64{-3.7961900760653613}, Relative: both(1e-10, 2e-4)},
	{Name: "gemm2048", Doc: "matrix product 2048×2048×2048: trace", Check: []float64{1.0655859648956594}, Relative: both(1e-10, 5e-4)},
	{Name: "product_row", Doc: "matrix product 1×4096×4096: sum of squares", Check: []float64{731.8733882610526}, Relative: both(1e-9, 5e-3)},
	{Name: "product_odd", Doc: "matrix product 7×13×5: sum of squares", Check: []float64{476.8139413971761}, Relative: both(1e-12, 1e-5)},
	{Name: "product_outer", Doc: "matrix product 1000×3×1000: sum of squares", Check: []float64{186184.52877666365}, Relative: both(1e-12, 1e-5)},
	{Name: "product_batch", Doc: "512 matrix products 128×64×32: sum of squares", Check: []float64{277968.3180389907}, Relative: both(1e-9, 1e-4)},
	{Name: "cholesky64", Doc: "Cholesky decomposition of a 64×64 matrix: sum of its elements",
		Check: []float64{258.061876665969}, Relative: both(1e-11, 1e-6)},
	{Name: "cholesky512", Doc: "Cholesky decomposition of a 512×512 matrix: sum of its elements",
		Check: []float64{5787.86265204183}, Relative: both(1e-11, 1e-6)},
	{Name: "cholesky1024", Doc: "Cholesky decomposition of a 1024×1024 matrix: sum of its elements",
		Check: []float64{16382.12298788225}, Relative: both(1e-11, 1e-6)},
	{Name: "solve512", Doc: "512 linear equations, one right-hand side: sum of squares",
		Check: []float64{18509.904568782888}, Relative: both(1e-8, 5e-3)},
	{Name: "solve512.many", Doc: "512 linear equations, 512 right-hand sides: sum of squares",
		Check: []float64{25351.26018595601}, Relative: f64(1e-8)},
	{Name: "triangular512", Doc: "512 triangular equations, 512 right-hand sides: sum of squares",
		Check: []float64{1.338138678529261}, Relative: f64(1e-11)},
	{Name: "lu512", Doc: "LU decomposition of a 512×512 matrix: sum of squares of both factors",
		Check: []float64{437356.15411913465}, Relative: f64(1e-9)},
	{Name: "qr512", Doc: "QR decomposition of a 512×512 matrix: sum of |Rᵢᵢ|, sum of squares of Q",
		Check: []float64{2230.776782883877, 512}, Relative: f64(1e-11)},
	{Name: "eigh256", Doc: "eigenvalues and eigenvectors of a symmetric 256×256 matrix: sum of cubed values, sum of fourth powers of the vectors",
		Check: []float64{293.829472540433, 2.978599971075952}, Relative: both(1e-9, 1e-4)},
	{Name: "svd256", Doc: "singular values and vectors of a 256×256 matrix: sum of cubed values, sum of fourth powers of the left vectors",
		Check: []float64{34009.97983586677, 2.974817188787652}, Relative: f64(1e-9)},
	{Name: "cholesky8.batch", Doc: "Cholesky decompositions of 10 000 8×8 matrices: sum of their elements",
		Check: []float64{110531.24180871021}, Relative: both(1e-11, 1e-6)},
	{Name: "solve4.batch", Doc: "10 000 times 4 linear equations, one right-hand side: sum of squares",
		Check: []float64{302039.1916270223}, Relative: f64(1e-9)},
	{Name: "solve32.batch", Doc: "1000 times 32 linear equations, one right-hand side: sum of squares",
		Check: []float64{44.131904013726924}, Relative: f64(1e-11)},
	{Name: "eigh3.batch", Doc: "eigenvalues and eigenvectors of 1000 symmetric 3×3 matrices: sum of cubed values, sum of fourth powers of the vectors",
		Check: []float64{8.651567185413713, 1792.7255314497986}, Relative: f64(1e-9)},
	{Name: "cholesky512.gradient", Doc: "gradient of ln det A = 2·Σ ln Lᵢᵢ of a 512×512 matrix through its Cholesky decomposition: sum of squares",
		Check: []float64{0.03136694845863643}, Relative: f64(1e-10)},
	{Name: "logdet512.gradient", Doc: "gradient of ln |det A| of a 512×512 matrix: sum of squares",
		Check: []float64{0.03136694845863644}, Relative: f64(1e-10)},
	{Name: "solve512.gradient", Doc: "gradients of |x|² for the 512×512 matrix and the right-hand side of A·x = b: sums of squares",
		Check: []float64{1.4624210751292672e-09, 6.017753551118138e-07}, Relative: f64(1e-10)},
	{Name: "conv", Doc: "3×3 convolution, 64→64 channels, 56×56, batch 8: squared norms of the gradients of ½|y|² for input and filter",
		Check: []float64{11144.844888855108, 1173774629.1498814}, Relative: f32(1e-5)},
	{Name: "conv.winograd", Doc: "conv by Winograd's F(4×4, 3×3)", Check: []float64{11144.844888855108, 1173774629.1498814}, Relative: f32(5e-5)},
	{Name: "conv.depthwise", Doc: "conv with 64 groups of one channel and filters of 0.5·sin",
		Check: []float64{19677540.43303279, 214172278667.23914}, Relative: f32(1e-5)},
	{Name: "attention2048", Doc: "causal attention of 4 heads, 2048 tokens, width 64: squared norms of the gradients of ½|y|² for q, k and v",
		Check: []float64{18.7060552089864, 53.2072885838377, 278.01590417838133}, Relative: f32(1e-4)},
	{Name: "mlp", Doc: "784-128-10, relu, cross entropy, batch 64, step of gradient descent: losses of steps 1 to 3",
		Check: []float64{2.302607536315918, 2.3015048503875732, 2.3007397651672363}, Relative: f32(2e-6)},
	{Name: "mlp.separate", Doc: "mlp without epilogues: loops behind products are passes of their own",
		Check: []float64{2.302607536315918, 2.3015048503875732, 2.3007397651672363}, Relative: f32(2e-6)},
	{Name: "lenet", Doc: "LeNet-5, batch 64, step of gradient descent: losses of steps 1 to 3",
		Check: []float64{2.3025827407836914, 2.3025639057159424, 2.3025453090667725}, Relative: f32(2e-6)},
	{Name: "transformer", Doc: "4 blocks of width 256, batch 4, 128 tokens, step of gradient descent: losses of steps 1 to 3",
		Check: []float64{0.5003523230552673, 0.49735110998153687, 0.4946252107620239}, Relative: f32(5e-6)},
	{Name: "lstm", Doc: "LSTM, 1000 steps, batch 32, 64 inputs, 128 units: mean of the squared outputs, and the norms of its gradients for the input's and the state's weights and biases",
		Check: []float64{0.005216082092374563, 0.018109639658591192, 0.0035730423896986017, 0.004291066684807441, 0.004291066684807441}, Relative: f32(1e-5)},
	{Name: "gru", Doc: "the same with a GRU",
		Check: []float64{0.01735033094882965, 0.07286467573415928, 0.012304184791959214, 0.013258579190249642, 0.006666091835079256}, Relative: f32(1e-5)},
	{Name: "small", Doc: "2-64-64-2, tanh, cross entropy, batch 64, step of Adam: losses of steps 1 to 3",
		Check: []float64{0.6932222843170166, 0.6943023800849915, 0.6932520270347595}, Relative: f32(2e-6)},
}
