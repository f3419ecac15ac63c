package briefing

import (
	"errors"
	"strings"
	"time"
)

// Channel is where a weekly question goes. Platform, Tenant and ID are its
// identity: the ids of one tenant say nothing about another's.
type Channel struct {
	Platform Platform
	Tenant   string // the platform's id of a Slack workspace or a Teams organisation
	ID       string // the platform's id; empty in a private chat, which can have no weekly question
	Route    string // what the adapter needs to post there, opaque to everyone else
}

// Tenant is a Slack workspace or a Teams organisation.
type Tenant struct {
	Platform Platform
	ID       string
}

// Subscription is a channel's wish for a weekly question.
type Subscription struct {
	Channel  Channel
	Rule     Rule
	Pool     string // name of the pool that questions come from; empty for every pool
	Briefing string // id of the briefing that they come from; empty for all
	Holidays Region // whose bank holidays are skipped; NoRegion for nobody's
	Neutral  bool   // a notification shows the title alone
	Paused   Cause  // why nothing is posted; empty where it is
	Until    Date   // with Paused: the day on which it goes on by itself; empty where it does not
	NextSlot Slot   // the next one; its time is zero while paused without an end
	Rotation Rotation
}

// Rotation is which questions a channel was asked, so that every one comes once
// before any comes again.
type Rotation struct {
	Round int      // how often all have been asked
	Last  string   // id of the question that was asked last
	Asked []string // ids of those asked in this round
}

// Rule is when a weekly question comes, in the local time of its zone.
type Rule struct {
	Every        int // weeks from one slot to the next: 1 or 2
	Day          time.Weekday
	Hour, Minute int
	Zone         string // IANA name, e.g. "Europe/London"
	From         Date   // where Every is 2, the date of any one slot
}

// Date is a day of the calendar, as "2026-11-30". The empty string is none.
type Date string

// Slot is one planned time of a subscription. Its key is its local date and time,
// which stays what it is when clocks change or are set.
type Slot struct {
	Key string    // "2026-11-30T09:30"; what is posted out of turn has a key of its own
	At  time.Time // the instant, UTC
}

// outOfTurn begins the key of a slot that no rule planned.
const outOfTurn = "now "

// SlotNow is a slot out of turn. There is one a minute, so that what is asked for
// twice at a time is posted once.
func SlotNow(now time.Time) Slot {
	return Slot{Key: outOfTurn + now.UTC().Format("2006-01-02T15:04Z"), At: now}
}

// Date is the day of the slot, in its local time; of one out of turn, in UTC.
func (s Slot) Date() Date {
	day, _, _ := strings.Cut(strings.TrimPrefix(s.Key, outOfTurn), "T")
	return Date(day)
}

// Region is a part of the United Kingdom with bank holidays of its own.
type Region string

// The regions.
const (
	NoRegion        Region = "none"
	EnglandAndWales Region = "england-and-wales"
	Scotland        Region = "scotland"
	NorthernIreland Region = "northern-ireland"
)

// Regions lists every region that has holidays.
var Regions = []Region{EnglandAndWales, Scotland, NorthernIreland}

// PostState says how a post's delivery stands.
type PostState string

// The states of a post.
const (
	PostDue         PostState = "due"         // to be sent
	PostSending     PostState = "sending"     // on its way
	PostSent        PostState = "sent"        // the platform took it
	PostUnconfirmed PostState = "unconfirmed" // it may have been taken; nobody knows
	PostFailed      PostState = "failed"      // the platform said no
	PostSkipped     PostState = "skipped"     // on purpose
)

// Cause says why a post was not sent, or why a subscription is paused. It is
// stored, so the values stay as they are.
type Cause string

// The causes.
const (
	CauseAsked       Cause = "asked"        // somebody in the channel wanted it so
	CauseHoliday     Cause = "holiday"      // a bank holiday
	CauseLate        Cause = "late"         // the bot was off when it was due
	CauseGone        Cause = "gone"         // the channel is archived or deleted
	CauseRemoved     Cause = "removed"      // the bot is not, or no longer, in the channel
	CauseRevoked     Cause = "revoked"      // the bot's access to the platform has ended
	CauseNoQuestions Cause = "no-questions" // the pool or the briefing is no longer there
	CauseRejected    Cause = "rejected"     // the platform did not take this message
	CauseNoAnswer    Cause = "no-answer"    // the platform did not say whether it took it
	CauseStopped     Cause = "stopped"      // the bot was stopped while it was sending
	CauseFault       Cause = "fault"        // the bot failed over this post
	CauseZone        Cause = "zone"         // the time zone is no longer known
)

// Post is a slot's question and how its delivery stands.
type Post struct {
	Channel  Channel
	Slot     Slot
	State    PostState
	Cause    Cause
	Question string    // id; empty until it is chosen
	Neutral  bool      // a notification shows the title alone
	Tries    int       // how often the platform said that it did not take it
	Resent   bool      // it was unconfirmed, and is being sent once more
	Claim    string    // which attempt is under way, so that a late answer is not taken for another's
	SentAt   time.Time // zero until it is sent
	Message  string    // the platform's id of what was sent
}

// Claimed is what somebody who delivers for a tenant has to do.
type Claimed struct {
	Elsewhere bool      // another process delivers for the tenant
	Posts     []Post    // to be sent now, with the channels' routes
	Next      time.Time // when there may be more; zero where there is nothing else
}

// Result is what became of a post that was claimed.
type Result struct {
	Post  Post      // with its state, cause, tries, resent, message and time of sending
	TryAt time.Time // when a post that is due again is to be tried
	Pause Cause     // why the channel gets nothing from now on; empty where it does
	Hold  time.Time // until when nothing is sent for the tenant; zero for no wait
}

// Outcome says what is known about a delivery that did not succeed.
type Outcome int

// The outcomes.
const (
	Unknown    Outcome = iota // it may have been taken: a timeout, an end of the connection, a 5xx after the request was written
	Throttled                 // not taken, and nothing of this tenant is until RetryAfter has passed
	NotSent                   // not taken: no connection, or no token for now; to be tried again
	Impossible                // not taken, and nothing will be in this channel until somebody acts: see Cause
	Rejected                  // this message was not taken, and would not be; the next one may
)

// DeliveryError says why a post was not delivered, and whether to try again.
type DeliveryError struct {
	Outcome    Outcome
	RetryAfter time.Duration // with Throttled: how long the platform asks to wait; 0 where it does not say
	Cause      Cause         // with Impossible: CauseGone, CauseRemoved or CauseRevoked
	Err        error         // for the log: holds no address, no id and nothing that the platform wrote but its error code
}

// Error implements error.
func (e *DeliveryError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *DeliveryError) Unwrap() error { return e.Err }

// Errors of a store of subscriptions.
var (
	ErrNoSubscription = errors.New("the channel has no weekly question")
	ErrTaken          = errors.New("the slot has a post already")
)
