package teams

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// benchActivity is a message in a channel as Teams sends it, with made-up ids.
const benchActivity = `{
  "text": "<at>Briefings</at>&nbsp;/da-briefing worries\n",
  "textFormat": "plain",
  "attachments": [{"contentType": "text/html", "content": "<p><span itemscope=\"\" itemtype=\"http://schema.skype.com/Mention\" itemid=\"0\">Briefings</span>&nbsp;/da-briefing worries</p>"}],
  "type": "message",
  "timestamp": "2026-03-02T09:00:00.1234567Z",
  "localTimestamp": "2026-03-02T09:00:00.1234567+00:00",
  "id": "1772442000123",
  "channelId": "msteams",
  "serviceUrl": "https://smba.trafficmanager.net/uk/",
  "from": {"id": "29:1aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789_aBcDeFg", "name": "A Person", "aadObjectId": "00000000-0000-4000-8000-000000000001"},
  "conversation": {
    "isGroup": true, "conversationType": "channel", "tenantId": "00000000-0000-4000-8000-000000000002",
    "id": "19:aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg1@thread.tacv2;messageid=1772442000123"
  },
  "recipient": {"id": "28:8c4c1d2e-7f0a-4a2b-9d35-0f5b6f0c9a11", "name": "Briefings"},
  "entities": [
    {"mentioned": {"id": "28:8c4c1d2e-7f0a-4a2b-9d35-0f5b6f0c9a11", "name": "Briefings"}, "text": "<at>Briefings</at>", "type": "mention"},
    {"locale": "en-GB", "country": "GB", "platform": "Windows", "timezone": "Europe/London", "type": "clientInfo"}
  ],
  "channelData": {
    "teamsChannelId": "19:aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg1@thread.tacv2",
    "teamsTeamId": "19:zYxWvUtSrQpOnMlKjIhGfEdCbA9876543210zYxWvUt1@thread.tacv2",
    "channel": {"id": "19:aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg1@thread.tacv2"},
    "team": {"id": "19:zYxWvUtSrQpOnMlKjIhGfEdCbA9876543210zYxWvUt1@thread.tacv2"},
    "tenant": {"id": "00000000-0000-4000-8000-000000000002"}
  },
  "locale": "en-GB",
  "localTimezone": "Europe/London"
}`

// BenchmarkToken compares what a verified activity costs with a cached key to
// what its RS256 check and its JSON cost alone: 1.3 times as much at most.
func BenchmarkToken(b *testing.B) {
	token, public := goodToken(), &rsaKey().PublicKey
	header, body := "Bearer "+token, []byte(benchActivity)

	b.Run("baseline", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dot := strings.LastIndexByte(token, '.')
			sum := sha256.Sum256([]byte(token[:dot]))
			signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
			if err != nil {
				b.Fatal(err)
			}
			if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
				b.Fatal(err)
			}
			payload, err := base64.RawURLEncoding.DecodeString(token[strings.IndexByte(token, '.')+1 : dot])
			if err != nil {
				b.Fatal(err)
			}
			var claims, activity map[string]any
			if err := json.Unmarshal(payload, &claims); err != nil {
				b.Fatal(err)
			}
			if err := json.Unmarshal(body, &activity); err != nil {
				b.Fatal(err)
			}
		}
	})

	b.Run("briefingbot", func(b *testing.B) {
		a := &Adapter{
			hosts:     []string{"smba.trafficmanager.net"},
			validator: newValidator(tokenApp, []string{tokenIssuer}, "https://login.example/metadata", http.DefaultClient, func() time.Time { return tokenTime }),
		}
		a.validator.keys.set.Store(&keySet{issuer: tokenIssuer, fetched: tokenTime, keys: map[string]*signingKey{"one": {public, []string{"msteams"}}}})
		r := httptest.NewRequest(http.MethodPost, "/api/messages", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		reader := bytes.NewReader(nil)
		b.ReportAllocs()
		for b.Loop() {
			reader.Reset(body)
			r.Body = io.NopCloser(reader)
			if _, err := a.receive(w, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
