package cron

import "math/bits"

// A set holds numbers from 0 to 63.
type set uint64

func (s set) has(number int) bool { return s>>number&1 == 1 }

// from returns the least number of the set that is at least number.
func (s set) from(number int) (int, bool) {
	rest := uint64(s) >> number
	return number + bits.TrailingZeros64(rest), rest != 0
}

func (s set) len() int { return bits.OnesCount64(uint64(s)) }

// span returns the set of all numbers from low to high.
func span(low, high int) set { return set(1)<<(high+1) - set(1)<<low }

// numbers returns the numbers in ascending order.
func (s set) numbers() []int {
	numbers := make([]int, 0, s.len())
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		numbers = append(numbers, bits.TrailingZeros64(rest))
	}
	return numbers
}
