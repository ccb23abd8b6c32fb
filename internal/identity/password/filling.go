package password

import "github.com/ashlar-dev/ashlar/internal/rest"

// restEvery is the number of blocks between two rests: a tenth of a millisecond.
const restEvery = 256

// A filling fills the blocks of a hash as RFC 9106 says, on one thread, and rests now and then.
//
// processBlocks of x/crypto does the same without rests. While hashes ran on every core, a request then waited up to 30 ms.
type filling struct {
	blocks        []block
	lanes, passes uint32
	mode          int
	lane, segment uint32 // blocks of a lane, and of a quarter of it
	pass, slice   uint32

	addresses, in block // of the slices whose order does not depend on the password

	rest  *rest.Rest
	since int // blocks since the last rest
}

func (f *filling) run() {
	for f.pass = range f.passes {
		for f.slice = range uint32(syncPoints) {
			for lane := range f.lanes {
				f.fill(lane)
			}
		}
	}
}

// fill fills a quarter of a lane.
func (f *filling) fill(lane uint32) {
	independent := f.mode == 1 || (f.pass == 0 && f.slice < syncPoints/2)
	if independent {
		f.in = block{uint64(f.pass), uint64(lane), uint64(f.slice), uint64(len(f.blocks)), uint64(f.passes), uint64(f.mode)}
	}
	index := uint32(0)
	if f.pass == 0 && f.slice == 0 {
		index = 2 // the first two blocks are filled
		f.next()
	}
	at := lane*f.lane + f.slice*f.segment + index
	for ; index < f.segment; index, at = index+1, at+1 {
		before := at - 1
		if index == 0 && f.slice == 0 {
			before += f.lane // the last block of the lane
		}
		random := f.blocks[before][0]
		if independent {
			if index%uint32(len(f.addresses)) == 0 {
				f.next()
			}
			random = f.addresses[index%uint32(len(f.addresses))]
		}
		other := indexAlpha(random, f.lane, f.segment, f.lanes, f.pass, f.slice, lane, index)
		processBlockXOR(&f.blocks[at], &f.blocks[before], &f.blocks[other])
		if f.since++; f.since == restEvery {
			f.since = 0
			f.rest.Take()
		}
	}
}

// next makes the next addresses.
func (f *filling) next() {
	var zero block
	f.in[6]++
	processBlock(&f.addresses, &f.in, &zero)
	processBlock(&f.addresses, &f.addresses, &zero)
}
