package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestServeShowsPagesOnlyWhereItIsTold(t *testing.T) {
	t.Parallel()
	const footer = "A footer of our own."
	on := serve(t, "BRIEFINGBOT_WEB_BRIEFINGS=on", "BRIEFINGBOT_FOOTER="+footer)
	for path, want := range map[string]string{
		"/briefings":                        "01. Case file audits",
		"/briefings/domestic-abuse":         "Lone male adults accessing services were not always asked if they had children.",
		"/briefings/domestic-abuse/meeting": "Plan for a team meeting of 7 minutes",
	} {
		if status, page := on.do(http.MethodGet, on.public, path, "", nil); status != http.StatusOK || !strings.Contains(page, want) || !strings.Contains(page, footer) {
			t.Errorf("%s: %d\n%s", path, status, page)
		}
		if status, _ := on.do(http.MethodGet, on.admin, path, "", nil); status != http.StatusNotFound {
			t.Errorf("%s on the inside address: status %d, want 404", path, status)
		}
	}
	off := serve(t)
	for _, path := range []string{"/briefings", "/briefings/domestic-abuse", "/static/base.css"} {
		if status, _ := off.do(http.MethodGet, off.public, path, "", nil); status != http.StatusNotFound {
			t.Errorf("off, %s: status %d, want 404", path, status)
		}
	}
}
