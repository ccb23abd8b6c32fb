package cron

import (
	_ "embed"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container made from scratch has no time zones

	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// zoneNames is only for advice and tests: time.LoadLocation decides which zones exist. It is from lib/time/zoneinfo.zip of
// Go.
//
//go:embed zones.txt
var zoneNames string

// Zone returns the time zone with a name of the IANA database, such as Europe/Berlin or UTC. An error is an *Error.
//
// Zones come from the machine, whose database may be newer, or else from the program.
func Zone(name string) (*time.Location, error) {
	if !isZoneName(name) {
		return nil, unknownZone(name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, unknownZone(name)
	}
	return zone, nil
}

// isZoneName returns true if a name looks like one of the database. There, each part begins with a capital. So it refuses
// names that are found on some machines only: europe/berlin, localtime, and right/Europe/Berlin, whose clock counts leap seconds.
// Local and the empty name are special in Go.
func isZoneName(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] < 'A' || part[0] > 'Z' {
			return false
		}
	}
	return name != "Local"
}

func unknownZone(name string) error {
	names := strings.Fields(zoneNames)
	near := suggest.DidYouMean(name, names)
	sameCity := func(known string) bool { return strings.EqualFold(known[strings.LastIndexByte(known, '/')+1:], name) }
	sameName := func(known string) bool { return strings.EqualFold(known, name) }
	for _, isSame := range []func(string) bool{sameName, sameCity} {
		if i := slices.IndexFunc(names, isSame); i >= 0 {
			near = "; did you mean " + names[i] + "?"
			break
		}
	}
	return faultAt(0, "there is no time zone %q: write a name such as Europe/Berlin, America/New_York or UTC%s", excerpt(name), near)
}
