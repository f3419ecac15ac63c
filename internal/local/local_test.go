package local_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"briefingbot/internal/local"
)

func TestHostNamesThisMachine(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "127.0.0.1": true, "127.9.9.9:8080": true, "::1": true, "[::1]": true, "[::1]:8080": true,
		"": false, ":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.0.2.1": false, "localhost.example": false,
		"127.0.0.1.example": false, "example:127.0.0.1": false, "2130706433": false, "localhost:1:2": false,
	} {
		if got := local.Host(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestRequestOfThisMachineIsToldFromAProxys(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*http.Request)
		want   bool
	}{
		{"a program here", func(*http.Request) {}, true},
		{"a program here in HTTP/2", func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 }, true},
		{"another machine", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:4711" }, false},
		{"nobody knows", func(r *http.Request) { r.RemoteAddr = "" }, false},
		{"another name", func(r *http.Request) { r.Host = "bot.example" }, false},
		{"no name", func(r *http.Request) { r.Host = "" }, false},
		{"an old proxy", func(r *http.Request) { r.ProtoMinor = 0 }, false},
	}
	for _, header := range []string{"Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-anything"} {
		cases = append(cases, struct {
			name   string
			change func(*http.Request)
			want   bool
		}{"a proxy with " + header, func(r *http.Request) { r.Header.Set(header, "") }, false})
	}
	for _, tt := range cases {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8080/", nil)
		r.RemoteAddr = "127.0.0.1:4711"
		tt.change(r)
		if got := local.Request(r); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
