package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"briefingbot/internal/briefing"
	"briefingbot/internal/storetest"
)

// full is a subscription of which no field is empty but the rotation, which is not
// for Change to set.
func full() briefing.Subscription {
	return briefing.Subscription{
		Channel: briefing.Channel{Platform: briefing.Teams, Tenant: "a tenant", ID: "19:an'id\"@thread.tacv2", Route: `{"url":"https://example.org/é/"}`},
		Rule:    briefing.Rule{Every: 2, Day: time.Thursday, Hour: 23, Minute: 59, Zone: "Europe/Dublin", From: "2026-12-03"},
		Pool:    "casework", Briefing: "domestic-abuse", Holidays: briefing.NorthernIreland, Neutral: true,
		Paused: briefing.CauseAsked, Until: "2027-01-05",
		NextSlot: briefing.Slot{Key: "2027-01-07T23:59", At: time.Date(2027, 1, 7, 23, 59, 0, 123e6, time.UTC)},
	}
}

func TestChangeKeepsEveryField(t *testing.T) {
	want := full()
	unset(t, "", reflect.ValueOf(want))
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		if err := s.Change(t.Context(), want.Channel, func(sub *briefing.Subscription, exists bool) ([]briefing.Post, error) {
			if exists || !cmp.Equal(*sub, briefing.Subscription{Channel: want.Channel}) {
				t.Errorf("a new one exists=%t: %+v", exists, sub)
			}
			*sub = want
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, read(t, s, want.Channel)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		// And each goes back to nothing.
		empty := briefing.Subscription{Channel: want.Channel}
		withoutRoute := want.Channel
		withoutRoute.Route = ""
		if err := s.Change(t.Context(), withoutRoute, func(sub *briefing.Subscription, exists bool) ([]briefing.Post, error) {
			if diff := cmp.Diff(want, *sub); !exists || diff != "" {
				t.Errorf("exists=%t (-want +got):\n%s", exists, diff)
			}
			*sub = empty
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(empty, read(t, s, want.Channel)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// unset fails for each field that is empty: a new one needs its column, and a value
// in full.
func unset(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		if v.IsZero() {
			t.Errorf("%s is empty", name)
		}
		return
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i).Name; field != "Rotation" {
			unset(t, name+"."+field, v.Field(i))
		}
	}
}

func TestChangeKeepsARouteThatNobodySays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		ch := channelOf("T1", "C1")
		for _, step := range []struct{ says, want string }{{"old", "old"}, {"", "old"}, {"new", "new"}} {
			ch.Route = step.says
			subscribe(t, s, ch, monday)
			if got := read(t, s, ch).Channel.Route; got != step.want {
				t.Errorf("after %q: %q", step.says, got)
			}
		}
	})
}

func TestChangeThatFailsKeepsNothing(t *testing.T) {
	ch := channelOf("T1", "C1")
	standing := briefing.Slot{Key: "standing", At: monday}
	broken := errors.New("broken")
	fail := map[string]func(sub *briefing.Subscription) ([]briefing.Post, error){
		"an error": func(*briefing.Subscription) ([]briefing.Post, error) { return nil, broken },
		"an error with posts": func(sub *briefing.Subscription) ([]briefing.Post, error) {
			return []briefing.Post{{Channel: sub.Channel, Slot: briefing.Slot{Key: "other", At: monday}, State: briefing.PostDue}}, broken
		},
		"a slot that is taken, after one that is not": func(sub *briefing.Subscription) ([]briefing.Post, error) {
			return []briefing.Post{
				{Channel: sub.Channel, Slot: briefing.Slot{Key: "other", At: monday}, State: briefing.PostDue},
				{Channel: sub.Channel, Slot: standing, State: briefing.PostDue},
			}, nil
		},
		"a panic": func(*briefing.Subscription) ([]briefing.Post, error) { panic(broken) },
	}
	storetest.Each(t, func(t *testing.T, database string) {
		s := open(t, database)
		for name, fail := range fail {
			for _, exists := range []bool{false, true} {
				// The post stands alone at first, as none does, so that the slot is taken
				// where there is no subscription, too.
				execute(t, s, `DELETE FROM post`)
				execute(t, s, `DELETE FROM subscription`)
				execute(t, s, `DELETE FROM tenant`)
				if exists {
					subscribe(t, s, ch, monday)
				}
				execute(t, s, `INSERT INTO post VALUES ('slack', 'T1', 'C1', 'standing', 1, 'sent', '', '', 0, 0, 1, '', 0, 0, '')`)
				before := dump(t, s, nil)
				err := func() (err error) {
					defer func() {
						if cause, ok := recover().(error); ok {
							err = cause
						}
					}()
					return s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
						posts, err := fail(sub)
						*sub = full()
						sub.Channel = ch
						return posts, err
					})
				}()
				if !errors.Is(err, broken) && !errors.Is(err, briefing.ErrTaken) {
					t.Errorf("%s: %v", name, err)
				}
				if diff := cmp.Diff(before, dump(t, s, nil)); diff != "" {
					t.Errorf("%s, exists=%t (-before +after):\n%s", name, exists, diff)
				}
			}
		}
	})
}

func TestChangeReplacesWhatMayBeReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday)
		later := monday.Add(time.Hour)
		replace := func(state, by briefing.PostState, free bool) {
			execute(t, s, `DELETE FROM post`)
			execute(t, s, `INSERT INTO post VALUES ('slack', 'T1', 'C1', 'slot', 1, $1, 'late', 'old', 3, 1, 2, 'old', 4, 5, 'old')`, string(state))
			want := only(t, s, ch)
			if free {
				want = briefing.Post{Channel: ch, Slot: briefing.Slot{Key: "slot", At: later}, State: by}
			}
			if err := addPost(t, s, ch, "slot", later, by); free && err != nil || !free && !errors.Is(err, briefing.ErrTaken) {
				t.Errorf("%s at one that is %s: %v", by, state, err)
			}
			if diff := cmp.Diff(want, only(t, s, ch)); diff != "" {
				t.Errorf("%s at one that is %s (-want +got):\n%s", by, state, diff)
			}
			// What is due is found at its new time, and not before.
			if free && by == briefing.PostDue {
				if c := claim(t, s, tenantOf("T1"), "me", "1", 1, later.Add(-time.Second), ask("q")); len(c.Posts) > 0 || !c.Next.Equal(later) {
					t.Errorf("too early: %+v", c)
				}
			}
		}
		for _, tt := range []struct {
			state        briefing.PostState
			due, skipped bool // whether one that is may take its place
		}{
			{briefing.PostFailed, true, true},
			{briefing.PostSkipped, true, true},
			// Were it skipped, nobody would know any more that it may have been sent.
			{briefing.PostUnconfirmed, true, false},
			{briefing.PostDue, false, false},
			{briefing.PostSending, false, false},
			{briefing.PostSent, false, false},
		} {
			replace(tt.state, briefing.PostDue, tt.due)
			replace(tt.state, briefing.PostSkipped, tt.skipped)
		}
	})
}

func TestReplacedScheduleKeepsTheRotation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday)
		planned(t, s, monday)
		claim(t, s, tenantOf("T1"), "me", "1", 1, monday, func(sub *briefing.Subscription, p *briefing.Post) {
			p.State, p.Question = briefing.PostSending, "q2"
			sub.Rotation = briefing.Rotation{Round: 3, Last: "q2", Asked: []string{"q1", "q2"}}
		})
		want := briefing.Rotation{Round: 3, Last: "q2", Asked: []string{"q1", "q2"}}
		if err := s.Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
			sub.Rule.Hour, sub.Rotation = 17, briefing.Rotation{}
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, ch); got.Rule.Hour != 17 || !cmp.Equal(got.Rotation, want) {
			t.Errorf("%+v", got)
		}
	})
}

func TestChangesAtTheSameTimeLoseNothing(t *testing.T) {
	const changers, changes, channels = 5, 10, 10
	storetest.Each(t, func(t *testing.T, database string) {
		stores := replicas(t, database)
		for c := range channels {
			ch := channelOf("T1", fmt.Sprint("C", c)) // which has no subscription yet
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range changers {
				wg.Go(func() {
					<-start
					for range changes {
						if err := stores[i%2].Change(t.Context(), ch, func(sub *briefing.Subscription, _ bool) ([]briefing.Post, error) {
							sub.Rule.Minute++
							return []briefing.Post{{Channel: ch, Slot: briefing.Slot{Key: fmt.Sprint(sub.Rule.Minute), At: monday}, State: briefing.PostSkipped}}, nil
						}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			close(start)
			wg.Wait()
			posts, err := stores[0].Posts(t.Context(), ch, 1000)
			if got := read(t, stores[0], ch).Rule.Minute; got != changers*changes || len(posts) != got || err != nil {
				t.Errorf("%d changes and %d posts, %v", got, len(posts), err)
			}
		}
	})
}

func TestPostsAreTheNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		s, ch := open(t, database), channelOf("T1", "C1")
		subscribe(t, s, ch, monday)
		for i, key := range []string{"b", "c", "a"} {
			if err := addPost(t, s, ch, key, monday.Add(time.Duration(i)*time.Hour), briefing.PostSkipped); err != nil {
				t.Fatal(err)
			}
		}
		posts, err := s.Posts(t.Context(), ch, 2)
		if err != nil || len(posts) != 2 || posts[0].Slot.Key != "a" || posts[1].Slot.Key != "c" {
			t.Errorf("%+v, %v", posts, err)
		}
	})
}
