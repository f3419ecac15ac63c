// Package holiday knows the bank holidays of the parts of the United Kingdom, so
// that a weekly question is not asked on a day when a team is off. Start with On.
//
// It works them out for any year, by the rules that https://www.gov.uk/bank-holidays
// has followed since 2019, and holds the ones that were proclaimed for a year alone.
// One that is proclaimed later needs a new release: nothing is fetched. It knows no
// local holidays, as Scottish councils set them, and no school holidays.
package holiday

import (
	"strconv"
	"sync"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/gb"

	"briefingbot/internal/briefing"
)

// On is the name of a region's bank holiday on a day, as GOV.UK writes it, or
// empty where there is none.
//
// Where a holiday is on a weekend, the substitute day is the bank holiday, and the
// weekend is a weekend like others: teams that work on it have their day off
// later. Christmas Day is the exception. It counts on a weekend, too, though
// GOV.UK lists its substitute alone: nobody wants to be asked anything then.
func On(region briefing.Region, day briefing.Date) string {
	rules := regions[region]
	if rules == nil || len(day) != len(time.DateOnly) {
		return ""
	}
	year, err := strconv.Atoi(string(day[:4]))
	if err != nil {
		return ""
	}
	return in(region, rules, year)[day]
}

// years are those that were worked out. One tick may ask about the days of 100,000
// slots, which are in two years at most.
var years = struct {
	sync.RWMutex
	days map[regionYear]map[briefing.Date]string
}{days: map[regionYear]map[briefing.Date]string{}}

type regionYear struct {
	region briefing.Region
	year   int
}

// maxYears bounds what years keeps.
const maxYears = 100

// in is the bank holidays of a region in a year.
func in(region briefing.Region, rules []*cal.Holiday, year int) map[briefing.Date]string {
	key := regionYear{region, year}
	years.RLock()
	days, ok := years.days[key]
	years.RUnlock()
	if ok {
		return days
	}
	days = workOut(rules, year)
	years.Lock()
	defer years.Unlock()
	if len(years.days) >= maxYears {
		clear(years.days)
	}
	years.days[key] = days
	return days
}

func workOut(rules []*cal.Holiday, year int) map[briefing.Date]string {
	days := map[briefing.Date]string{}
	for _, h := range rules {
		actual, observed := h.Calc(year)
		switch {
		case actual.IsZero(): // not in this year
		case actual.Equal(observed):
			days[dateOf(observed)] = h.Name
		default:
			days[dateOf(observed)] = h.Name + " (substitute day)"
			if h == christmasDay {
				days[dateOf(actual)] = h.Name
			}
		}
	}
	return days
}

// dateOf is the day that begins at a midnight of the library's. It is one of the
// machine's zone, and where clocks go forward then, an hour before or after.
func dateOf(midnight time.Time) briefing.Date { return briefing.DateOf(midnight.Add(12 * time.Hour)) }

// Where two days in a row are holidays, the library has the second make way for
// the substitute of the first; on GOV.UK it stays, and the substitute follows both.
// A Sunday's is a Tuesday then. But 2 January made way in 2023.
var (
	toMonday  = []cal.AltDay{{Day: time.Saturday, Offset: 2}, {Day: time.Sunday, Offset: 1}}
	afterBoth = []cal.AltDay{{Day: time.Saturday, Offset: 2}, {Day: time.Sunday, Offset: 2}}
	makesWay  = append([]cal.AltDay{{Day: time.Monday, Offset: 1}}, afterBoth...)

	christmasDay = named(gb.ChristmasDay, "Christmas Day", afterBoth)
)

// regions is the rules of each region's holidays, under the names of GOV.UK.
var regions = map[briefing.Region][]*cal.Holiday{
	briefing.EnglandAndWales: append(everywhere(),
		named(gb.EasterMonday, "Easter Monday", nil),
		named(gb.SummerHoliday, "Summer bank holiday", nil)),
	briefing.Scotland: append(everywhere(),
		yearly(time.January, 2, "2nd January", makesWay),
		// https://www.gov.scot/news/world-cup-bank-holiday-confirmed/
		once(2026, time.June, 15, "World Cup bank holiday"),
		named(gb.SummerHolidayScotland, "Summer bank holiday", nil),
		yearly(time.November, 30, "St Andrew’s Day", toMonday)),
	briefing.NorthernIreland: append(everywhere(),
		yearly(time.March, 17, "St Patrick’s Day", toMonday),
		named(gb.EasterMonday, "Easter Monday", nil),
		yearly(time.July, 12, "Battle of the Boyne (Orangemen’s Day)", toMonday),
		named(gb.SummerHoliday, "Summer bank holiday", nil)),
}

// everywhere is the rules of the holidays that every region has.
func everywhere() []*cal.Holiday {
	return []*cal.Holiday{
		named(gb.NewYear, "New Year’s Day", toMonday),
		named(gb.GoodFriday, "Good Friday", nil),
		named(gb.EarlyMay, "Early May bank holiday", nil),
		named(gb.VEDay, "Early May bank holiday (VE day)", nil),
		named(gb.CoronationDay, "Bank holiday for the coronation of King Charles III", nil),
		named(gb.SpringHoliday, "Spring bank holiday", nil),
		named(gb.SpringHoliday2022, "Spring bank holiday", nil),
		named(gb.PlatinumJubilee, "Platinum Jubilee bank holiday", nil),
		// Which the library lacks.
		once(2022, time.September, 19, "Bank Holiday for the State Funeral of Queen Elizabeth II"),
		christmasDay,
		named(gb.BoxingDay, "Boxing Day", afterBoth),
	}
}

// named is a rule of the library's under another name, and with its substitutes
// set unless they are nil.
func named(h *cal.Holiday, name string, substitutes []cal.AltDay) *cal.Holiday {
	return h.Clone(&cal.Holiday{Name: name, Observed: substitutes})
}

func yearly(month time.Month, day int, name string, substitutes []cal.AltDay) *cal.Holiday {
	return &cal.Holiday{Name: name, Month: month, Day: day, Observed: substitutes, Func: cal.CalcDayOfMonth}
}

// once is a holiday of one year alone.
func once(year int, month time.Month, day int, name string) *cal.Holiday {
	return &cal.Holiday{Name: name, StartYear: year, EndYear: year, Month: month, Day: day, Func: cal.CalcDayOfMonth}
}
