package main

import (
	"context"
	"io"
)

// interrupted reads until ctx ends: whoever presses Ctrl-C at a prompt wants to leave.
type interrupted struct {
	ctx context.Context
	in  io.Reader
}

// Read implements io.Reader. What is read after ctx has ended is lost.
func (r interrupted) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	buf, done := make([]byte, len(p)), make(chan result, 1)
	go func() {
		n, err := r.in.Read(buf)
		done <- result{n, err}
	}()
	select {
	case got := <-done:
		return copy(p, buf[:got.n]), got.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
