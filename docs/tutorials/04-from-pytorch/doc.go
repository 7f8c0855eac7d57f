// Package tutorial says what requires_grad, backward, accumulation, no_grad, detach, retain_graph and hooks become, define-by-run and on static graphs.
package tutorial
