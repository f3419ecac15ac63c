package store_test

import (
	"fmt"
	"testing"

	"briefingbot/internal/briefing"
	"briefingbot/internal/store"
	"briefingbot/internal/storetest"
)

// eachBench is storetest.Each for benchmarks.
func eachBench(b *testing.B, bench func(b *testing.B, s *store.Store)) {
	for _, kind := range []struct {
		name string
		new  func(testing.TB) string
	}{{"SQLite", storetest.SQLite}, {"PostgreSQL", storetest.Postgres}} {
		b.Run(kind.name, func(b *testing.B) {
			s, err := store.Open(b.Context(), kind.new(b))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			bench(b, s)
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	const subscriptions, atOnce = 10_000, 1000
	eachBench(b, func(b *testing.B, s *store.Store) {
		fill(b, s, 500, subscriptions, monday)
		b.ResetTimer()
		planned := 0
		for now := monday; b.Loop(); now = now.AddDate(0, 0, 7) {
			for {
				n, err := s.Plan(b.Context(), now, atOnce, due(now))
				if err != nil {
					b.Fatal(err)
				}
				planned += n
				if n < atOnce {
					break
				}
			}
		}
		b.ReportMetric(float64(planned)/b.Elapsed().Seconds(), "subscriptions/s")
	})
}

// BenchmarkDelivery claims posts of 500 tenants, so many at a time, and keeps what
// became of them a hundred at a time. A scheduler keeps up to 500.
func BenchmarkDelivery(b *testing.B) {
	const tenants = 500
	for _, atOnce := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("%d a claim", atOnce), func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *store.Store) {
				fill(b, s, tenants, tenants*atOnce, monday.AddDate(100, 0, 0))
				delivered := 0
				for now := monday; b.Loop(); now = now.AddDate(0, 0, 7) {
					b.StopTimer()
					fillPosts(b, s, now)
					b.StartTimer()
					var results []briefing.Result
					for i := range tenants {
						c, err := s.Claim(b.Context(), briefing.Tenant{Platform: briefing.Slack, ID: fmt.Sprint("T", i)}, "me", "claim", atOnce, now, ask("q"))
						if err != nil || len(c.Posts) != atOnce {
							b.Fatal(len(c.Posts), err)
						}
						for _, p := range c.Posts {
							p.State, p.SentAt, p.Message = briefing.PostSent, now, "1700000000.000100"
							results = append(results, briefing.Result{Post: p})
						}
						if len(results) >= 100 || i == tenants-1 {
							if err := s.Finish(b.Context(), results); err != nil {
								b.Fatal(err)
							}
							delivered += len(results)
							results = results[:0]
						}
					}
				}
				b.ReportMetric(float64(delivered)/b.Elapsed().Seconds(), "posts/s")
			})
		})
	}
}
