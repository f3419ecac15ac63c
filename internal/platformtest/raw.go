package platformtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// StatusWithoutBody announces a POST of so many bytes, sends none of them, and
// returns the status of the answer that comes all the same.
func StatusWithoutBody(t *testing.T, server *httptest.Server, path string, h http.Header, length int) int {
	t.Helper()
	address := server.Listener.Addr().String()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", path, address, length)
	err = errors.Join(h.Write(&head), conn.SetDeadline(time.Now().Add(5*time.Second)))
	if err == nil {
		_, err = io.WriteString(conn, head.String()+"\r\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer before the body: %v", err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
