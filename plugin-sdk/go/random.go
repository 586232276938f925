package outrider

// Random makes numbers in [0, 1) from a 32-bit seed (mulberry32), the same in every language that runs it, so that
// placements agree.
type Random struct{ state uint32 }

// NewRandom starts at a seed.
func NewRandom(seed uint32) *Random { return &Random{state: seed} }

// Next returns the next number.
func (r *Random) Next() float64 {
	r.state += 0x6d2b79f5
	mixed := (r.state ^ r.state>>15) * (r.state | 1)
	mixed ^= mixed + (mixed^mixed>>7)*(mixed|61)
	return float64(mixed^mixed>>14) / (1 << 32)
}

// DeriveSeed is the seed of the index-th part of what has `seed`: 32 bits, well mixed.
func DeriveSeed(seed, index uint32) uint32 {
	mixed := seed ^ (index+1)*0x9e3779b1
	mixed = (mixed ^ mixed>>16) * 0x85ebca6b
	mixed = (mixed ^ mixed>>13) * 0xc2b2ae35
	return mixed ^ mixed>>16
}
