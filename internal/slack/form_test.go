package slack

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// fields is a form whose values are decoded.
type fields struct{ command, text, responseURL, sslCheck, payload, team, channel, user, trigger string }

// readForm reads every field that is used, as the handlers do between them.
func readForm(body []byte) (f fields, err error) {
	raw, err := parseForm(body)
	if err != nil {
		return f, err
	}
	for _, field := range []struct {
		to   *string
		from []byte
	}{
		{&f.command, raw.command}, {&f.text, raw.text}, {&f.responseURL, raw.responseURL},
		{&f.sslCheck, raw.sslCheck}, {&f.payload, raw.payload},
		{&f.team, raw.team}, {&f.channel, raw.channel}, {&f.user, raw.user}, {&f.trigger, raw.trigger},
	} {
		if *field.to, err = decode(field.from); err != nil {
			return fields{}, err
		}
	}
	return f, nil
}

func TestFormFieldsAreRead(t *testing.T) {
	tests := []struct {
		name, body string
		want       fields
	}{
		{"nothing", "", fields{}},
		{"separators alone", "&&&", fields{}},
		{"every field", "command=c&text=t&response_url=r&ssl_check=1&payload=p&team_id=T&channel_id=C&user_id=U&trigger_id=1.2", fields{"c", "t", "r", "1", "p", "T", "C", "U", "1.2"}},
		{"percent escapes", "command=%2Fda-briefing&text=what%20worked%20well%3F", fields{command: "/da-briefing", text: "what worked well?"}},
		{"plus is a space", "text=what+worked++well%2B", fields{text: "what worked  well+"}},
		{"letters beyond ASCII", "text=caf%C3%A9+%E2%80%93", fields{text: "café –"}},
		{"escapes in upper and lower case", "text=%c3%A9", fields{text: "é"}},
		{"an escaped ampersand and equals sign", "text=a%26command%3Db", fields{text: "a&command=b"}},
		{"equals sign in a value", "text=a=b=c", fields{text: "a=b=c"}},
		{"a field without a value", "command=c&text=", fields{command: "c"}},
		{"a field without an equals sign", "command=c&text", fields{command: "c"}},
		{"an escaped name", "comm%61nd=c", fields{command: "c"}},
		{"a name with a plus is another", "response+url=r&+text=t", fields{}},
		{"upper case is another field", "Command=c&TEXT=t", fields{}},
		{"other fields are left alone", "user_name=roadrunner&command=c&team_domain=t", fields{command: "c"}},
		{"escapes of other fields are not looked at", "user_name=%zz&command=c", fields{command: "c"}},
		{"a semicolon does not separate", "text=a;command=b", fields{text: "a;command=b"}},
		{"empty pairs between", "command=c&&text=t&", fields{command: "c", text: "t"}},
		{"Slack's own example", publishedBody, fields{
			command: "/webhook-collect", responseURL: "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN",
			team: "T1DC2JH3J", channel: "G8PSS9T3V", user: "U2CERLKJA", trigger: "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readForm([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestFormsThatTwoReadersCouldReadDifferentlyAreRefused(t *testing.T) {
	tests := []struct {
		name, body string
		want       error
	}{
		{"a field twice", "text=a&command=c&text=b", errRepeated},
		{"a field twice with one value", "text=a&text=a", errRepeated},
		{"an escaped name after a plain one", "command=a&comm%61nd=b", errRepeated},
		{"an escaped name before a plain one", "comm%61nd=a&command=b", errRepeated},
		{"two ways to escape a name", "comm%61nd=a&c%6fmmand=b", errRepeated},
		{"a repeated field without a value", "text&text", errRepeated},
		{"a repeated field that is not used", "user_id=U1&user_id=U2", errRepeated},
		{"a space written in two ways", "a+b=1&a%20b=2", errRepeated},
		{"a bad escape in a value", "text=100%", errForm},
		{"a bad escape of letters", "text=%zz", errForm},
		{"a bad escape in a name", "te%xt=a", errForm},
		{"a cut escape at the end of a name", "text%6=a", errForm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readForm([]byte(tt.body)); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func TestFormsOfTooManyFieldsAreRefused(t *testing.T) {
	of := func(n int) []byte {
		pairs := make([]string, n)
		for i := range pairs {
			pairs[i] = fmt.Sprintf("f%d=v", i)
		}
		return []byte(strings.Join(pairs, "&"))
	}
	if _, err := parseForm(of(maxFields)); err != nil {
		t.Errorf("%d fields: %v", maxFields, err)
	}
	if _, err := parseForm(of(maxFields + 1)); !errors.Is(err, errForm) {
		t.Errorf("%d fields: %v, want %v", maxFields+1, err, errForm)
	}
}

func FuzzFormAgreesWithPackageURL(f *testing.F) {
	for _, seed := range []string{
		"", "&", "=", "text", "text=a+b%20c", "comm%61nd=x", "command=a&comm%61nd=b", "text=%", "text=%zz&command=c",
		"payload=%7B%22type%22%3A1%7D", "text=a;b", "%=1&text=2", "+text=1", "text=\xff%ff", "ssl_check=1&token=x", publishedBody,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := string(body)
		got, err := readForm(body)
		if string(body) != before {
			t.Fatal("the body was changed")
		}
		// package url takes a semicolon for a mistake, and counts empty pairs.
		if err != nil || strings.Contains(before, ";") || strings.Count(before, "&") > 1000 {
			return
		}
		// Its error is about a field that is not used here: the others are there.
		want, _ := url.ParseQuery(before)
		for name, values := range want {
			if len(values) > 1 {
				t.Errorf("%q repeats %s, and was taken", before, name)
			}
		}
		if want := (fields{
			want.Get("command"), want.Get("text"), want.Get("response_url"), want.Get("ssl_check"), want.Get("payload"),
			want.Get("team_id"), want.Get("channel_id"), want.Get("user_id"), want.Get("trigger_id"),
		}); got != want {
			t.Errorf("%q is %q, and package url reads %q", before, got, want)
		}
	})
}
