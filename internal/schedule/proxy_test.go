package schedule_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a scheduler and PostgreSQL, and can be cut.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex // guards what follows
	isCut    bool
	open     []net.Conn
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l}
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
	})
	return p
}

// forward is a database's address through the proxy.
func (p *proxy) forward(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	u.Host = p.listener.Addr().String()
	go func() {
		for {
			in, err := p.listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			p.mu.Lock()
			if err != nil || p.isCut {
				_ = in.Close()
				if err == nil {
					_ = out.Close()
				}
				p.mu.Unlock()
				continue
			}
			p.open = append(p.open, in, out)
			p.mu.Unlock()
			go p.copy(in, out)
			go p.copy(out, in)
		}
	}()
	return u.String()
}

func (p *proxy) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from) // however it ends
	_ = to.Close()
	_ = from.Close()
}

// cut ends every connection, and each that comes.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = true
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = false
}
