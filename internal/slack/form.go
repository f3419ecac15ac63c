package slack

import (
	"bytes"
	"errors"
	"net/url"
)

// form is the fields of a request's body that are used, still escaped. It points
// into the body.
type form struct {
	command, text, responseURL, sslCheck, payload []byte
	team, channel, user, trigger                  []byte
}

// maxFields is more than twice what Slack sends.
const maxFields = 32

var (
	errForm     = errors.New("body is not a form")
	errRepeated = errors.New("body repeats a field")
)

// parseForm reads a form body, and refuses one in which any field stands twice:
// two readers could take different ones. It looks at nothing but the body, and
// decodes no field that is not asked for, names of people among them.
func parseForm(body []byte) (f form, err error) {
	var (
		keys [maxFields][]byte
		n    int
		seen uint64 // a bit for the hash of every key, to compare only those that may be alike
	)
	for len(body) > 0 {
		pair := body
		if i := bytes.IndexByte(body, '&'); i >= 0 {
			pair, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		if len(pair) == 0 {
			continue
		}
		key, value := pair, []byte(nil)
		if i := bytes.IndexByte(pair, '='); i >= 0 {
			key, value = pair[:i], pair[i+1:]
		}
		if escaped(key) {
			plain, err := url.QueryUnescape(string(key))
			if err != nil {
				return form{}, errForm
			}
			key = []byte(plain)
		}
		if n == maxFields {
			return form{}, errForm
		}
		hash := len(key)
		if len(key) > 0 {
			hash += 7*int(key[0]) + 3*int(key[len(key)-1])
		}
		if bit := uint64(1) << (hash & 63); seen&bit == 0 {
			seen |= bit
		} else {
			for _, k := range keys[:n] {
				if bytes.Equal(k, key) {
					return form{}, errRepeated
				}
			}
		}
		keys[n] = key
		n++
		switch string(key) {
		case "command":
			f.command = value
		case "text":
			f.text = value
		case "response_url":
			f.responseURL = value
		case "ssl_check":
			f.sslCheck = value
		case "payload":
			f.payload = value
		case "team_id":
			f.team = value
		case "channel_id":
			f.channel = value
		case "user_id":
			f.user = value
		case "trigger_id":
			f.trigger = value
		}
	}
	return f, nil
}

func escaped(b []byte) bool {
	for _, c := range b {
		if c == '%' || c == '+' {
			return true
		}
	}
	return false
}

// decode is a field's value.
func decode(value []byte) (string, error) {
	if !escaped(value) {
		return string(value), nil
	}
	s, err := url.QueryUnescape(string(value))
	if err != nil {
		return "", errForm
	}
	return s, nil
}
