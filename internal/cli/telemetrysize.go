package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/app"
)

// telemetrySize is the value of --telemetry. Zero means auto.
type telemetrySize struct {
	off  bool
	size int64
}

// minTelemetry is the least bound of a telemetry database.
const minTelemetry = 16_000_000

func (s *telemetrySize) bytes() int64 {
	switch {
	case s.off:
		return app.NoTelemetry
	case s.size == 0:
		return app.AutoTelemetry
	}
	return s.size
}

func (s *telemetrySize) String() string {
	switch {
	case s.off:
		return "off"
	case s.size == 0:
		return "auto"
	}
	return fmt.Sprintf("%dMB", s.size/1_000_000)
}

func (s *telemetrySize) Type() string { return "size" }

// Set implements pflag.Value.
func (s *telemetrySize) Set(text string) (err error) {
	switch text {
	case "auto":
		*s = telemetrySize{}
		return nil
	case "off":
		*s = telemetrySize{off: true}
		return nil
	}
	size, err := parseSize(text)
	if err != nil {
		return err
	}
	if size < minTelemetry {
		return errors.New("write at least 16MB, or off")
	}
	*s = telemetrySize{size: size}
	return nil
}

// parseSize reads a number of bytes with a unit, such as 500MB or 1.5 GB.
func parseSize(text string) (int64, error) {
	upper := strings.ToUpper(strings.TrimSpace(text))
	for _, unit := range [...]struct {
		name  string
		bytes float64
	}{{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}} {
		number, ok := strings.CutSuffix(upper, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err == nil && n >= 0 && n*unit.bytes < math.MaxInt64/2 {
			return int64(n * unit.bytes), nil
		}
	}
	return 0, errors.New("write off, auto, or a size of at least 16MB with its unit, such as 500MB or 2GB")
}
