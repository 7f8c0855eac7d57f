package native

import (
	"fmt"
	"runtime"
)

// codePages are executable pages, unmapped when nothing refers to them any more. Whoever
// uses code must keep the codePages alive until it has returned.
type codePages struct {
	code    []byte
	mapped  []byte // code and what is behind it
	cleanup runtime.Cleanup
}

func newCodePages(code []byte) (*codePages, error) {
	mapped, err := mapCode(code)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	p := &codePages{code: mapped[:len(code)], mapped: mapped}
	p.cleanup = runtime.AddCleanup(p, unmapCode, mapped)
	return p, nil
}

func (p *codePages) listing() string {
	text := host.listing(p.code)
	runtime.KeepAlive(p)
	return text
}

func (p *codePages) close() {
	if p.code == nil {
		return
	}
	p.cleanup.Stop()
	unmapCode(p.mapped)
	p.code, p.mapped = nil, nil
}
