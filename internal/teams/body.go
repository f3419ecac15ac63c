package teams

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// sending is a request's body that knows whether any of it was taken to be sent.
// A request without its body does nothing, so where none was, nothing was sent.
//
// httptrace's WroteHeaders says much the same, but from the goroutine that
// writes: between looking and giving up, it could still write. This one shuts.
type sending struct {
	body  []byte
	state atomic.Int32
}

const (
	untouched int32 = iota
	taken
	shut
)

// attach makes s the body of r.
func (s *sending) attach(r *http.Request) {
	r.ContentLength = int64(len(s.body))
	r.Body = s.reader()
	// net/http asks for the body again where it found that nothing was written, as
	// on a connection that had gone. It sends no POST again for anything else.
	r.GetBody = func() (io.ReadCloser, error) {
		s.state.CompareAndSwap(taken, untouched)
		return s.reader(), nil
	}
}

// shut reports whether nothing was sent, and sees that nothing will be.
func (s *sending) shut() bool { return s.state.CompareAndSwap(untouched, shut) }

func (s *sending) reader() io.ReadCloser {
	return io.NopCloser(&sendingReader{s, bytes.NewReader(s.body)})
}

type sendingReader struct {
	of   *sending
	rest *bytes.Reader
}

var errShut = errors.New("the request was given up")

// Read implements io.Reader.
func (r *sendingReader) Read(p []byte) (int, error) {
	if !r.of.state.CompareAndSwap(untouched, taken) && r.of.state.Load() == shut {
		return 0, errShut
	}
	return r.rest.Read(p)
}
