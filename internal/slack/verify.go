package slack

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"briefingbot/internal/briefing"
)

// slack-go has a verifier too. It asks the clock itself, and so could not be held
// against Slack's published example; it takes several headers of one name and
// digits in upper case; and it keeps no memory against replays.

const (
	maxBody = 64 << 10 // bytes; Slack's requests have a few hundred
	maxSkew = 300      // seconds either way
)

// refusal is why a request is not served, in words of ours.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	errHeaders   = &refusal{http.StatusUnauthorized, "signature or timestamp missing, repeated or malformed"}
	errStale     = &refusal{http.StatusUnauthorized, "timestamp more than 300 s from now"}
	errSignature = &refusal{http.StatusUnauthorized, "signature wrong"}
	errReplay    = &refusal{http.StatusUnauthorized, "request replayed"}
	errTooLarge  = &refusal{http.StatusRequestEntityTooLarge, "body over 64 KiB"}
)

// verifier checks that requests are from Slack, and are new.
// https://docs.slack.dev/authentication/verifying-requests-from-slack
type verifier struct {
	now  func() time.Time
	macs sync.Pool // of *mac
	seen *replays
}

type mac struct {
	hash.Hash
	scratch, written []byte
}

func newVerifier(secret briefing.Private, now func() time.Time) *verifier {
	key := []byte(secret.Reveal())
	v := &verifier{now: now, seen: &replays{}}
	v.macs.New = func() any {
		return &mac{Hash: hmac.New(sha256.New, key), scratch: make([]byte, 0, 96), written: make([]byte, 0, 96)}
	}
	return v
}

// signature is what a request's headers claim.
type signature struct{ timestamp, sum string }

const signaturePrefix = "v0="

// headers checks what can be checked before the body is read.
func (v *verifier) headers(h http.Header) (signature, error) {
	sums, stamps := h["X-Slack-Signature"], h["X-Slack-Request-Timestamp"]
	if len(sums) != 1 || len(stamps) != 1 || len(sums[0]) != len(signaturePrefix)+2*sha256.Size {
		return signature{}, errHeaders
	}
	sig := signature{stamps[0], sums[0]}
	for _, c := range []byte(sig.timestamp) {
		if c < '0' || c > '9' {
			return signature{}, errHeaders
		}
	}
	seconds, err := strconv.ParseInt(sig.timestamp, 10, 64)
	if err != nil {
		return signature{}, errHeaders
	}
	if age := v.now().Unix() - seconds; age > maxSkew || age < -maxSkew {
		return signature{}, errStale
	}
	return sig, nil
}

// body checks the signature over the body, and that it was not seen before. What
// is claimed is compared as it was written: in lower case, or it is wrong.
func (v *verifier) body(sig signature, body []byte) error {
	m := v.macs.Get().(*mac)
	defer v.macs.Put(m)
	m.Reset()
	m.scratch = append(m.scratch[:0], "v0:"...)
	m.scratch = append(m.scratch, sig.timestamp...)
	m.scratch = append(m.scratch, ':')
	m.Write(m.scratch)
	m.Write(body)
	m.scratch = m.Sum(m.scratch[:0])
	key := [16]byte(m.scratch[:16])
	written := append(m.written[:0], signaturePrefix...)
	m.written = hex.AppendEncode(written, m.scratch)
	m.scratch = append(m.scratch[:0], sig.sum...)
	if !hmac.Equal(m.scratch, m.written) {
		return errSignature
	}
	if !v.seen.add(key, v.now()) {
		return errReplay
	}
	return nil
}

// replays remembers the signatures of requests that were served, for as long as
// they would be taken again. Only requests with a good signature get in. Its
// memory is bounded: two sets of maxSeen, of which the older is forgotten when
// the newer is full or has served its time. It is this process's alone: another
// replica takes the same request once more.
type replays struct {
	mu         sync.Mutex
	new, old   map[[16]byte]struct{}
	startedNew time.Time
}

// maxSeen is how many requests are remembered at least; 100,000 in ten minutes
// is more than 160 a second. A set takes some 4 MB when it is full.
const maxSeen = 100_000

// add reports whether the signature is new, and remembers it.
func (r *replays) add(key [16]byte, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	// A timestamp may be 300 s ahead, and is good until 300 s behind.
	if r.new == nil || len(r.new) >= maxSeen || now.Sub(r.startedNew) > 2*maxSkew*time.Second {
		r.old, r.new, r.startedNew = r.new, map[[16]byte]struct{}{}, now
	}
	if _, ok := r.new[key]; ok {
		return false
	}
	if _, ok := r.old[key]; ok {
		return false
	}
	r.new[key] = struct{}{}
	return true
}

// buffer holds a request's body; buffers are used again.
type buffer struct{ bytes.Buffer }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func putBuffer(b *buffer) {
	clear(b.Bytes()) // what people typed does not stay in memory
	b.Reset()
	buffers.Put(b)
}

// read fills the buffer from the body, up to maxBody.
func (b *buffer) read(w http.ResponseWriter, r *http.Request) error {
	b.Reset()
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, maxBody)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}
