package outrider

import "math/bits"

// Bitmaps are as in the contract: bit i%8 of byte i/8, least significant first.

func hasBit(bitmap []byte, i int) bool {
	return i/8 < len(bitmap) && bitmap[i/8]&(1<<(i%8)) != 0
}

func setBit(bitmap []byte, i int) { bitmap[i/8] |= 1 << (i % 8) }

func newBitmap(length int) []byte { return make([]byte, (length+7)/8) }

func countBits(bitmap []byte) int {
	count := 0
	for _, b := range bitmap {
		count += bits.OnesCount8(b)
	}
	return count
}

func fromBitmap(bitmap []byte) []uint32 {
	slots := make([]uint32, 0, countBits(bitmap))
	for i, b := range bitmap {
		for ; b != 0; b &= b - 1 {
			slots = append(slots, uint32(8*i+bits.TrailingZeros8(b)))
		}
	}
	return slots
}
