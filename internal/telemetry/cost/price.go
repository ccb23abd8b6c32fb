package cost

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	gigabyte = 1e9
	month    = 30 * 24 * time.Hour // of a price for storage
	million  = 1e6
)

// A Price is an amount of money, in the currency of the model's prices.
type Price struct {
	CPU     float64
	Out     float64 // bytes that were sent
	Storage float64
}

// Total returns the whole price.
func (p Price) Total() float64 { return p.CPU + p.Out + p.Storage }

// priceOf returns what amounts cost.
func priceOf(prices model.Costs, a Amounts) Price {
	return Price{CPU: a.CPU.Hours() * prices.CPUHour, Out: float64(a.Out) / gigabyte * prices.GBOut}
}

// storagePrice returns what it costs to store bytes for some time.
func storagePrice(prices model.Costs, bytes int64, length time.Duration) float64 {
	return float64(bytes) / gigabyte * (length.Hours() / month.Hours()) * prices.GBMonth
}
