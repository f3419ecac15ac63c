package briefing

import "fmt"

// Private is a string that must not get into a log, an error or a reply: a
// credential, or what a person typed, which may hold details of a case. However
// it is printed or marshalled it reads "[redacted]". The zero value is empty.
type Private struct{ s string }

// NewPrivate wraps s.
func NewPrivate(s string) Private { return Private{s} }

// Reveal returns the string itself, for the one place that needs it.
func (p Private) Reveal() string { return p.s }

// Empty reports whether there is nothing in it.
func (p Private) Empty() bool { return p.s == "" }

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Private) String() string { return redacted }

// Format implements fmt.Formatter: every verb, %v, %+v, %#v, %x and %q among them.
func (Private) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (Private) MarshalText() ([]byte, error) { return []byte(redacted), nil }
