package kernel

import (
	"fmt"
	"math"

	"github.com/adjoint-go/adjoint/internal/attr"
	"github.com/adjoint-go/adjoint/internal/cpu"
	"github.com/adjoint-go/adjoint/internal/dtype"
	"github.com/adjoint-go/adjoint/internal/gemm"
	"github.com/adjoint-go/adjoint/internal/linalg"
)

func init() {
	registerPlanned(newExponentials, &Kernel{
		Name: "expm",
		Work: matrixWork(100),
		Doc: "Exponential of square matrices: Padé approximant of degree 13 with scaling and squaring (Higham, The scaling and squaring method for the matrix exponential revisited, " +
			"SIAM J. Matrix Anal. Appl. 26, 2005). NaN, Inf and 1-norms above 1024 are errors." + linalgNote,
		Check:      func(in, out []Type, a attr.List) error { return checkSquareLike(in, out, a, 1, 1) },
		StateBytes: squareStateBytes,
		Run:        func(c *Call) error { return pickFloat(c.Out[0].DType, expm[float64], expm[float32])(c) },
	})
}

// padeCoefficients are those of the numerator of degree 13; the denominator's have alternating signs.
var padeCoefficients = [14]float64{64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
	670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1}

// padeNorm is the 1-norm up to which the approximant of degree 13 has an error below the unit roundoff.
const padeNorm = 5.371920351148152

const maxExpmNorm = 1024

func expm[T float](c *Call) error {
	p, work := c.State.(*exponentials), c.Work
	n := p.n
	src, dst := data[T](&c.In[0]), data[T](&c.Out[0])
	common := work[:p.shared()]
	work = work[scratchSize(p.shared(), 1):]
	a, a2, a4, a6 := take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n)
	u, v, w := take[float64](&work, n*n), take[float64](&work, n*n), take[float64](&work, n*n)
	product := func(dst, x, y []float64) { p.product(c, dst, x, y, false, false, common) }
	for i := 0; i*n*n < len(src); i++ {
		c.Poll(n * n * n)
		load(a, src[i*n*n:])
		norm := oneNorm(n, a)
		if !(norm <= maxExpmNorm) {
			return fmt.Errorf("%s has the 1-norm %v, above %d", matrixName(i, c.In[0].Shape), norm, maxExpmNorm)
		}
		squarings := 0
		if norm > padeNorm {
			_, squarings = math.Frexp(norm / padeNorm)
			scale := math.Ldexp(1, -squarings)
			for k := range a {
				a[k] *= scale
			}
		}
		product(a2, a, a)
		product(a4, a2, a2)
		product(a6, a4, a2)
		b := &padeCoefficients
		for k := range w {
			w[k] = float64(b[13]*a6[k]) + float64(b[11]*a4[k]) + float64(b[9]*a2[k])
		}
		product(v, a6, w)
		for k := range v {
			v[k] += float64(b[7]*a6[k]) + float64(b[5]*a4[k]) + float64(b[3]*a2[k])
		}
		addToDiagonal(n, v, b[1])
		product(u, a, v)
		for k := range w {
			w[k] = float64(b[12]*a6[k]) + float64(b[10]*a4[k]) + float64(b[8]*a2[k])
		}
		product(v, a6, w)
		for k := range v {
			v[k] += float64(b[6]*a6[k]) + float64(b[4]*a4[k]) + float64(b[2]*a2[k])
		}
		addToDiagonal(n, v, b[0])
		for k := range u {
			w[k], v[k] = v[k]-u[k], v[k]+u[k]
		}
		if p.solve.Run(c, linalg.Operands[float64]{A: w, B: v, X: u}, common, c.Workers) >= 0 {
			return fmt.Errorf("the Padé denominator of %s is singular", matrixName(i, c.In[0].Shape))
		}
		u, v = v, u
		for range squarings {
			product(u, v, v)
			u, v = v, u
		}
		store(dst[i*n*n:(i+1)*n*n], v)
	}
	return nil
}

// exponentials are the plans for exponentials of n×n matrices.
type exponentials struct {
	squares
	solve *linalg.Plan[float64]
}

func newExponentials(in, _ []Type, _ attr.List) linalgPlan {
	_, n := matrixSize(in[0])
	return &exponentials{newSquares(n), linalg.NewSolve[float64](1, n, n, cpu.Best())}
}

// shared is the scratch that plans share.
func (p *exponentials) shared() int { return max(p.solve.Work(), p.squares.shared()) }

// Work implements linalgPlan.
func (p *exponentials) Work() int { return scratchSize(p.shared(), 1) + 7*scratchSize(p.n*p.n, 8) }

// Each implements linalgPlan.
func (p *exponentials) Each() int { return max(p.solve.Each(), p.squares.each()) }

// squares are the plans for products of n×n matrices, of which the left or the right one may be transposed.
type squares struct {
	n     int
	plans [2][2]*gemm.Plan
}

func newSquares(n int) squares {
	s := squares{n: n}
	strides := [2]gemm.Strides{{Row: n, Col: 1}, {Row: 1, Col: n}}
	for left := range 2 {
		for right := range 2 {
			s.plans[left][right] = gemm.NewPlan(gemm.Product{DType: dtype.Float64, M: n, N: n, K: n, A: strides[left], B: strides[right], CRow: n}, cpu.Best())
		}
	}
	return s
}

func (s *squares) shared() int { return s.most((*gemm.Plan).Shared) }
func (s *squares) each() int   { return s.most((*gemm.Plan).Each) }

func (s *squares) most(of func(*gemm.Plan) int) int {
	n := 0
	for _, row := range s.plans {
		for _, p := range row {
			n = max(n, of(p))
		}
	}
	return n
}

// product sets dst to x·y, x and y being transposed if so is said.
func (s *squares) product(c *Call, dst, x, y []float64, left, right bool, common []byte) {
	p := &s.plans[0]
	if left {
		p = &s.plans[1]
	}
	plan := p[0]
	if right {
		plan = p[1]
	}
	plan.Run(c, address(x), address(y), address(dst), common, c.Workers)
}

// squareStateBytes bounds the memory of the plans for products and decompositions of square matrices.
func squareStateBytes(in, out []Type, a attr.List) int64 {
	return 2*planStateBytes(in, out, a) + 4*gemm.StateBytes(gemm.Product{})
}

func addToDiagonal(n int, x []float64, v float64) {
	for i := range n {
		x[i*n+i] += v
	}
}

// oneNorm is the largest sum of absolute values in a column; NaN wins.
func oneNorm(n int, x []float64) float64 {
	largest := 0.0
	for j := range n {
		sum := 0.0
		for i := range n {
			sum += math.Abs(x[i*n+j])
		}
		if sum > largest || sum != sum {
			largest = sum
		}
	}
	return largest
}
