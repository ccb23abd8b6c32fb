package cron_test

import (
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job/cron"
)

// A job at 02:30 runs at 03:00 on the day on which the clock goes from 02:00 to 03:00.
func ExampleSchedule_Next() {
	expression, err := cron.Parse("30 2 * * SAT,SUN,MON")
	if err != nil {
		panic(err)
	}
	berlin, err := cron.Zone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	fmt.Println(expression.Describe())
	for _, run := range expression.In(berlin).Upcoming(time.Date(2027, 3, 27, 0, 0, 0, 0, berlin), 3) {
		fmt.Println(run)
	}
	// Output:
	// At 02:30 on Monday, Saturday and Sunday
	// 2027-03-27 02:30:00 +0100 CET
	// 2027-03-28 03:00:00 +0200 CEST
	// 2027-03-29 02:30:00 +0200 CEST
}

func ExampleParse() {
	_, err := cron.Parse("30 2 * * FRI-MON")
	fmt.Println(err)
	// Output: column 10: the range FRI-MON runs backwards: write two, FRI-SAT,SUN-MON
}
