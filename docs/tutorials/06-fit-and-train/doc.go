// Package tutorial fits a curve with standard errors and trains a small network, by the same gradients.
package tutorial
