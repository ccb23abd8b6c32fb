package app

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
)

// TestTheModelKnowsTheRoutes compares the routes of an app with the routes that an objective may name.
func TestTheModelKnowsTheRoutes(t *testing.T) {
	server := opened(t, app(t, "-- ashlar.yaml --\nashlar: 1\nname: notes\naccounts: {passkeys: {domain: localhost, origins: ['http://localhost:8080']}}\n"), Config{})
	var documented []string
	for _, route := range server.routes {
		if route.Doc != nil && !strings.Contains(route.Pattern, " /api/") {
			documented = append(documented, route.Pattern)
		}
	}
	for _, route := range documented {
		if !slices.Contains(load.FixedRoutes(), route) {
			t.Errorf("no objective can be about %s: add it to FixedRoutes in internal/model/load/route.go", route)
		}
	}
	for _, route := range load.FixedRoutes() {
		if !slices.Contains(documented, route) {
			t.Errorf("an objective can be about %s, but no app has the route", route)
		}
	}
}

func TestOpenNeedsTheSettingsOfAlerts(t *testing.T) {
	dir := app(t, "-- ashlar.yaml --\nashlar: 1\nname: notes\noperate:\n  alerts: {to: [{webhook: $NO_SUCH_URL}]}\n")
	_, err := loadAndOpen(t.Context(), dir, Config{})
	faults, ok := errors.AsType[model.Faults](err)
	if !ok || len(faults) != 1 || faults[0].Pos.Line != 4 || !strings.Contains(faults[0].Message, "NO_SUCH_URL is not set") {
		t.Errorf("Open = %v", err)
	}
	untouched(t, dir)
}
