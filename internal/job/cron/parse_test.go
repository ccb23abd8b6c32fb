package cron

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// TestParseRefuses compares the whole message, with its column and its advice.
func TestParseRefuses(t *testing.T) {
	const order = "minute, hour, day, month and weekday"
	for _, tt := range []struct{ text, want string }{
		{"", "column 1: the expression is empty: write five fields, such as 30 2 * * *"},
		{" \t", "column 1: the expression is empty: write five fields, such as 30 2 * * *"},
		{"30 2 * *", "column 9: the expression has 4 of five fields: write " + order + ", with * for any"},
		{"0 30 2 * * MON", "column 12: this is one field too many: write only " + order + ", without seconds and without a year"},
		{"60 2 * * *", "column 1: the minute 60 is out of range: write a number from 0 to 59"},
		{"30 24 * * *", "column 4: the hour 24 is out of range: write a number from 0 to 23"},
		{"30  2 0 * *", "column 7: the day 0 is out of range: write a number from 1 to 31"},
		{"30 2 * 1,13 *", "column 10: the month 13 is out of range: write a number from 1 to 12"},
		{"30 2 * * 1-8", "column 12: the weekday 8 is out of range: write a number from 0 to 7"},
		{"99999999999999999999 * * * *", "column 1: the minute 99999999999999999999 is out of range: write a number from 0 to 59"},
		{"30 2 * MAI *", `column 8: "MAI" is no month: write a number from 1 to 12, or JAN to DEC; did you mean MAR?`},
		{"30 2 * JANUARY *", "column 8: names have three letters: write JAN"},
		{"30 2 * * Monday", "column 10: names have three letters: write MON"},
		{"30 2 * * TODAY", `column 10: "TODAY" is no weekday: write a number from 0 to 7, or SUN to SAT`},
		{"H * * * *", `column 1: "H" is no minute: write a number from 0 to 59`},
		{"30 2 ? * *", "column 6: ? is not supported: write * for any day"},
		{"30 2 L * *", "column 6: L is not supported, as L, W and # belong to other schedulers: run the job on every day in question, and let it check the date"},
		{"30 2 15W * *", "column 6: 15W is not supported, as L, W and # belong to other schedulers: run the job on every day in question, and let it check the date"},
		{"30 2 * * MON#2", "column 10: MON#2 is not supported, as L, W and # belong to other schedulers: run the job on every day in question, and let it check the date"},
		{"30 2 * * FRIL", "column 10: FRIL is not supported, as L, W and # belong to other schedulers: run the job on every day in question, and let it check the date"},
		{"30 22-2 * * *", "column 4: the range 22-2 runs backwards: write two, 22-23,0-2"},
		{"30 2 * * FRI-MON", "column 10: the range FRI-MON runs backwards: write two, FRI-SAT,SUN-MON"},
		{"5/15 * * * *", "column 1: a step needs a range: write 5-59/15 or */15"},
		{"*/0 * * * *", `column 3: the step "0" is no number above 0: write a step such as */5`},
		{"*/ * * * *", `column 3: the step "" is no number above 0: write a step such as */5`},
		{"1,2/3/4 * * * *", `column 5: the step "3/4" is no number above 0: write a step such as */5`},
		{"*/60 * * * *", "column 3: a step of 60 leads past the last minute, 59: only 0 is left, so write 0"},
		{"* * * * */7", "column 11: a step of 7 leads past the last weekday, 6: only 0 is left, so write 0"},
		{"1,,2 * * * *", "column 3: a minute is missing here: write a number from 0 to 59"},
		{"-1 * * * *", "column 1: a minute is missing here: write a number from 0 to 59"},
		{"1-2-3 * * * *", `column 3: "2-3" is no minute: write a number from 0 to 59`},
		{"*,5 * * * *", "column 1: * is every minute already: remove the rest of the list"},
		{"5* * * * *", "column 1: * stands alone or before a step: write *, */5 or a number from 0 to 59"},
		{"0 0 30 2 *", "column 5: the job would never run: no month of the expression has such a day"},
		{"0 0 31 2,4,6,9,11 *", "column 5: the job would never run: no month of the expression has such a day"},
		{"@reboot", "column 1: @reboot is no time: write when the job is due, such as 30 2 * * *"},
		{"@every 5m", "column 1: @every is not cron: remove cron, and write the length of time as every, such as every: 2h"},
		{"@Daily", "column 1: there is no name @Daily: write @hourly, @daily, @weekly, @monthly, @yearly or five fields; did you mean @daily?"},
		{"@daily 5", "column 8: @daily stands for all five fields: remove the rest"},
		{"TZ=Europe/Berlin 0 2 * * *", "column 1: an expression names no zone: remove TZ=Europe/Berlin and name it in the key zone"},
		{"CRON_TZ= 0 2 * * *", "column 1: an expression names no zone: remove CRON_TZ= and name it in the key zone"},
		{"30 2 * * Mö", "column 11: the character 'ö' has no meaning in an expression: remove it"},
		{"30 2\n* * *", `column 5: the character '\n' has no meaning in an expression: remove it`},
		{"30 2 * * \xff", "column 10: the character '\ufffd' has no meaning in an expression: remove it"},
		{strings.Repeat("1,", 600) + "1 * * * *", "column 1001: the expression has more than 1000 characters"},
	} {
		_, err := Parse(tt.text)
		var fault *Error
		if !errors.As(err, &fault) {
			t.Errorf("Parse(%q) = %v, want an *Error", tt.text, err)
			continue
		}
		if fault.Error() != tt.want {
			t.Errorf("Parse(%q) fails with\n%s, want\n%s", tt.text, fault, tt.want)
		}
	}
}

// TestParseReads compares two ways to write the same expression.
func TestParseReads(t *testing.T) {
	for _, tt := range []struct{ text, same string }{
		{"@hourly", "0 * * * *"},
		{"@daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * SUN"},
		{"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
		{" \t30  2 * * *\t", "30 2 * * *"},
		{"05 02 * * *", "5 2 * * *"},
		{"0-10/5 * * * *", "0,5,10 * * * *"},
		{"1-10/5,7 * * * *", "1,6,7 * * * *"},
		{"0 0 * jan-mar,Dec *", "0 0 * 1,2,3,12 *"},
		{"0 0 * * 7", "0 0 * * 0"},
		{"0 0 * * fri-sun", "0 0 * * 0,5,6"},
		{"0 0 * * 5-7", "0 0 * * 0,5,6"},
		{"0 0 * * 5-0", "0 0 * * 0,5,6"},
		{"0 0 * * 0-7", "0 0 * * 0-6"},
		{"0 0 * * 1-7/3", "0 0 * * 1,4,0"},
		{"0 0 */10 * MON", "0 0 */10 * 1"},
	} {
		got, want := mustParse(t, tt.text), mustParse(t, tt.same)
		if got.String() != tt.text {
			t.Errorf("Parse(%q).String() = %q", tt.text, got)
		}
		got.text, want.text = "", ""
		if got != want {
			t.Errorf("Parse(%q) = %+v, want %+v", tt.text, got, want)
		}
	}
}

func TestFollowsClock(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"*/15 * * * *", true}, {"0 * * * *", true}, {"* 2 * * *", true}, {"*/5 2 * * *", true}, {"0 */2 * * *", true}, {"7,*/15 2 * * *", true}, {"*/15,7 2 * * *", true},
		{"@hourly", true}, {"@daily", false}, {"30 2 * * *", false}, {"0 0-23 * * *", false}, {"0-59 2 * * *", false}, {"0 0 */2 * *", false},
	} {
		if got := mustParse(t, tt.text).FollowsClock(); got != tt.want {
			t.Errorf("FollowsClock() of %q = %t, want %t", tt.text, got, tt.want)
		}
	}
}

func TestNeedsZone(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"* * * * *", false}, {"*/15 * * * *", false}, {"@hourly", false}, {"7 0-23 1-31 1-12 0-6", false}, {"7 * 1-31 * MON", false},
		{"30 2 * * *", true}, {"@daily", true}, {"0 */2 * * *", true}, {"* * 1 * *", true}, {"* * * 5 *", true}, {"* * * * MON", true}, {"* * 1 * MON", true},
	} {
		if got := mustParse(t, tt.text).NeedsZone(); got != tt.want {
			t.Errorf("NeedsZone() of %q = %t, want %t", tt.text, got, tt.want)
		}
	}
}

// FuzzParse: what Parse accepts has runs in each zone, and a description. What it refuses has a place in the text.
func FuzzParse(f *testing.F) {
	for _, text := range usualExpressions() {
		f.Add(text, int64(1_800_000_000))
	}
	for _, text := range []string{"@daily", "@every 5m", "0 0 30 2 *", "0 0 29 2 */6", "5/15 * * * *", "1-2-3 * * * *", "MON#2 L ? W H", "-,/*", "* * * * Mö"} {
		f.Add(text, int64(-1))
	}
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Berlin", "Pacific/Apia", "Africa/Casablanca", "Australia/Lord_Howe"} {
		zones = append(zones, mustZone(f, name))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		expression, err := Parse(text)
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len([]rune(text)) || fault.Message == "" || len(fault.Message) > 400 {
				t.Fatalf("Parse(%q) = %#v", text, err)
			}
			return
		}
		if expression.Describe() == "" {
			t.Fatalf("%q has no description", text)
		}
		after := time.Unix(seconds%100_000_000_000, 0) // until the year 5138
		for _, zone := range zones {
			run, ok := expression.In(zone).Next(after)
			if !ok || !run.After(after) || run.Sub(after) > 41*366*24*time.Hour {
				t.Fatalf("%q in %s after %s = %s, %t", text, zone, after, run, ok)
			}
		}
	})
}

// TestParseMutations has Parse read valid expressions with a few characters changed.
func TestParseMutations(t *testing.T) {
	random := effort.Seeds(t)(0)
	for range effort.Cases(20_000, 2_000_000) {
		text := mutate(random, randomExpression(random))
		expression, err := Parse(text)
		if err == nil {
			if _, ok := expression.In(time.UTC).Next(time.Unix(0, 0)); !ok {
				t.Fatalf("%q is never due", text)
			}
			continue
		}
		var fault *Error
		if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len([]rune(text)) {
			t.Fatalf("Parse(%q) = %#v", text, err)
		}
	}
}

func mutate(random *rand.Rand, text string) string {
	const letters = "0123456789*/-, JANMOLW?#@ö\t"
	runes := []rune(text)
	for range 1 + random.IntN(3) {
		at, letter := random.IntN(len(runes)), []rune(letters)[random.IntN(len([]rune(letters)))]
		runes[at] = letter
	}
	return string(runes)
}
