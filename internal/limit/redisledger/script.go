package redisledger

import (
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// checkRate is the rate of a want that takes nothing.
var checkRate = model.Rate{Count: 1, Window: time.Second}

// reserve reserves room in all buckets of KEYS. ARGV has five numbers for each: step and depth in microseconds, debt, need
// and take. The answer has two texts for each: the operations that are granted, and the microseconds until the bucket is
// full.
//
// A key holds when its bucket will be full, as the time of a want and what lacked then: a float cannot hold both in one
// number. It expires when the bucket is full. If the clock of Redis was set back, the time of the key counts.
var reserve = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local out = {}
for i, key in ipairs(KEYS) do
  local first = (i - 1) * 5
  local step, depth = tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
  local debt, need, take = tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4]), tonumber(ARGV[first + 5])
  local lag = 0
  local kept = redis.call('GET', key)
  if kept then
    local at, then_lag = string.match(kept, '^(%d+) (%S+)$')
    lag = math.max(0, tonumber(then_lag) - math.max(0, now - tonumber(at)))
  end
  local room = math.max(0, math.floor((depth - lag) / step + 1e-9) - debt)
  local granted = math.min(room, math.max(need, math.min(take, math.floor(room / ` + strconv.Itoa(limit.TakeShare) + `))))
  if granted > 0 or debt > 0 then
    lag = math.min(lag + (debt + granted) * step, ` + strconv.Itoa(limit.MostLag) + ` * depth)
    redis.call('SET', key, string.format('%.0f %.17g', now, lag), 'PX', math.ceil(lag / 1000) + 1)
  end
  out[#out + 1] = string.format('%.0f', granted)
  out[#out + 1] = string.format('%.17g', lag)
end
return out
`
