package cron

import (
	"testing"
	"time"
)

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"30 2 * * *", "*/15 9-17 * JAN-MAR,OCT MON-FRI", "@daily"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	change := time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC)
	for _, bm := range []struct {
		name, expression, zone string
		after                  time.Time
	}{
		{"minute", "* * * * *", "Europe/Berlin", change},
		{"day", "30 2 * * *", "Europe/Berlin", change.AddDate(0, 2, 0)},
		{"change", "30 2 * * *", "Europe/Berlin", change},
		{"UTC", "30 2 * * *", "UTC", change},
		{"year", "0 0 1 1 *", "Europe/Berlin", change},
		{"leap day", "0 0 29 2 *", "Europe/Berlin", change.AddDate(1, 0, 0)},
		{"leap day on Sunday or Saturday", "0 0 29 2 */6", "Europe/Berlin", change},
	} {
		schedule := mustParse(b, bm.expression).In(mustZone(b, bm.zone))
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				schedule.Next(bm.after)
			}
		})
	}
}

func BenchmarkDue(b *testing.B) {
	now := time.Date(2027, 3, 28, 12, 0, 0, 0, time.UTC)
	for _, bm := range []struct {
		name, expression string
		policy           Policy
	}{
		{"every minute of a year, the newest 1000", "* * * * *", Every},
		{"every minute of a year, once", "* * * * *", Once},
		{"daily, once", "30 2 * * *", Once},
	} {
		schedule := mustParse(b, bm.expression).In(mustZone(b, "Europe/Berlin"))
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				schedule.Due(now.AddDate(-1, 0, 0), now, bm.policy)
			}
		})
	}
}

func BenchmarkDescribe(b *testing.B) {
	expression := mustParse(b, "*/15 9-17 * JAN-MAR,OCT MON-FRI")
	b.ReportAllocs()
	for b.Loop() {
		_ = expression.Describe()
	}
}
