package holiday

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rickar/cal/v2"

	"briefingbot/internal/briefing"
)

// official reads what GOV.UK lists, from 2019 to 2028.
func official(t *testing.T) map[briefing.Region]map[briefing.Date]string {
	t.Helper()
	data, err := os.ReadFile("testdata/official.txt")
	if err != nil {
		t.Fatal(err)
	}
	out, region := map[briefing.Region]map[briefing.Date]string{}, briefing.NoRegion
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			region = briefing.Region(name)
			out[region] = map[briefing.Date]string{}
		} else if line != "" && !strings.HasPrefix(line, "#") {
			day, name, _ := strings.Cut(line, " ")
			out[region][briefing.Date(day)] = name
		}
	}
	return out
}

// listed is what On says about every day from 2019 to 2028.
func listed(region briefing.Region) map[briefing.Date]string {
	out := map[briefing.Date]string{}
	for day := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
		if name := On(region, briefing.DateOf(day)); name != "" {
			out[briefing.DateOf(day)] = name
		}
	}
	return out
}

func TestEveryDayIsWhatTheOfficialListSays(t *testing.T) {
	want := official(t)
	if len(want) != len(briefing.Regions) {
		t.Fatalf("the list has %d regions", len(want))
	}
	for _, region := range briefing.Regions {
		// The one thing that is added to the list: Christmas Day on a weekend.
		for _, day := range []briefing.Date{"2021-12-25", "2022-12-25", "2027-12-25"} {
			want[region][day] = "Christmas Day"
		}
		if diff := cmp.Diff(want[region], listed(region)); diff != "" {
			t.Errorf("%s (-official +ours):\n%s", region, diff)
		}
	}
}

func TestHolidayOnAWeekend(t *testing.T) {
	for _, c := range []struct {
		region briefing.Region
		day    briefing.Date
		want   string
	}{
		{briefing.EnglandAndWales, "2026-12-26", ""}, // a Saturday
		{briefing.EnglandAndWales, "2026-12-28", "Boxing Day (substitute day)"},
		{briefing.EnglandAndWales, "2027-12-25", "Christmas Day"}, // a Saturday
		{briefing.EnglandAndWales, "2027-12-27", "Christmas Day (substitute day)"},
		{briefing.EnglandAndWales, "2028-01-01", ""},
		{briefing.Scotland, "2028-01-04", "2nd January (substitute day)"},
		{briefing.NorthernIreland, "2026-07-12", ""},
		{briefing.NorthernIreland, "2026-07-13", "Battle of the Boyne (Orangemen’s Day) (substitute day)"},
		// Beyond the list, by its rules.
		{briefing.EnglandAndWales, "2033-12-26", "Boxing Day"},
		{briefing.EnglandAndWales, "2033-12-27", "Christmas Day (substitute day)"},
		{briefing.Scotland, "2034-01-02", "New Year’s Day (substitute day)"},
		{briefing.Scotland, "2034-01-03", "2nd January (substitute day)"},
	} {
		if got := On(c.region, c.day); got != c.want {
			t.Errorf("%s on %s: got %q, want %q", c.region, c.day, got, c.want)
		}
	}
}

func TestNoHolidayWhereThereIsNoRegionOrNoDate(t *testing.T) {
	for _, region := range []briefing.Region{briefing.NoRegion, "", "wales", "England-and-Wales"} {
		if got := On(region, "2026-12-25"); got != "" {
			t.Errorf("%q: %q", region, got)
		}
	}
	for _, day := range []briefing.Date{"", "2026", "2026-12", "2026-12-32", "2026-13-25", "25.12.2026", "20261225", "+026-12-25", "-026-12-25", "2026-12-25T09:30", "christmas!"} {
		if got := On(briefing.EnglandAndWales, day); got != "" {
			t.Errorf("%q: %q", day, got)
		}
	}
}

// The library works with midnights of the machine's zone, some of which do not
// exist.
func TestHolidaysAreTheSameWhereverTheMachineIs(t *testing.T) {
	was := cal.DefaultLoc
	defer func() { cal.DefaultLoc = was }()
	for _, name := range []string{"UTC", "America/Havana", "Asia/Beirut", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		cal.DefaultLoc = zone
		for region, want := range official(t) {
			for year := 2019; year < 2029; year++ {
				for day, holiday := range workOut(regions[region], year) {
					if want[day] != holiday && !strings.HasSuffix(string(day), "-12-25") {
						t.Errorf("in %s, %s has %q on %s", name, region, holiday, day)
					}
				}
			}
		}
	}
}

func TestOddYearsDoNotPileUp(t *testing.T) {
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for day := time.Date(1900, 12, 25, 0, 0, 0, 0, time.UTC); day.Year() < 2200; day = day.AddDate(1, 0, 0) {
				if On(briefing.Scotland, briefing.DateOf(day)) == "" {
					t.Errorf("nothing on %v", day)
				}
			}
		})
	}
	asking.Wait()
	if n := len(years.days); n > maxYears {
		t.Errorf("%d years are kept", n)
	}
}

func BenchmarkOn(b *testing.B) {
	for b.Loop() {
		On(briefing.EnglandAndWales, "2026-11-30")
	}
}
