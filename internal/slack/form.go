package slack

import (
	"bytes"
	"errors"
	"net/url"
)

// The fields of a request's body that are used.
const (
	fieldCommand = iota
	fieldText
	fieldResponseURL
	fieldSSLCheck
	fieldPayload
	fieldCount
)

var fieldNames = [fieldCount]string{"command", "text", "response_url", "ssl_check", "payload"}

// maxFields is more than twice what Slack sends.
const maxFields = 64

var (
	errForm     = errors.New("body is not a form")
	errRepeated = errors.New("body repeats a field")
)

// parseForm reads the fields that are used from a form body, and refuses one in
// which any field stands twice: two readers could take different ones. It looks
// at nothing but the body, and decodes no other field, names of people among them.
func parseForm(body []byte) (form [fieldCount]string, err error) {
	var (
		keys [maxFields][]byte
		n    int
	)
	for len(body) > 0 {
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte("&"))
		if len(pair) == 0 {
			continue
		}
		key, value, _ := bytes.Cut(pair, []byte("="))
		if bytes.ContainsAny(key, "%+") {
			plain, err := url.QueryUnescape(string(key))
			if err != nil {
				return form, errForm
			}
			key = []byte(plain)
		}
		if n == maxFields {
			return form, errForm
		}
		for _, k := range keys[:n] {
			if bytes.Equal(k, key) {
				return form, errRepeated
			}
		}
		keys[n] = key
		n++
		for i, name := range fieldNames {
			if string(key) != name {
				continue
			}
			if form[i], err = url.QueryUnescape(string(value)); err != nil {
				return form, errForm
			}
		}
	}
	return form, nil
}
