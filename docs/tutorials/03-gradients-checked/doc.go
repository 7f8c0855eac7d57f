// Package tutorial checks derivatives in three ways: by finite differences with their V-curve, by the complex step, and by formulas.
package tutorial
