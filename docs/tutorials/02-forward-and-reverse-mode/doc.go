// Package tutorial differentiates one formula forwards and backwards, with traces as tables and counted operations.
package tutorial
