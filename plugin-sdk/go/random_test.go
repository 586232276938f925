package outrider

import "testing"

func TestRandomIsThePublishedSequence(t *testing.T) {
	vectors := map[uint32][3]uint32{
		0:          {1_144_304_738, 1_416_247, 958_946_056},
		1:          {2_693_262_067, 11_749_833, 2_265_367_787},
		0xffffffff: {3_850_105_811, 813_802_916, 3_073_704_848},
	}
	for seed, want := range vectors {
		random := NewRandom(seed)
		for i, word := range want {
			if got := uint32(random.Next() * (1 << 32)); got != word {
				t.Errorf("number %d of seed %d is the word %d, want %d", i, seed, got, word)
			}
		}
	}
}

func TestDerivedSeedIsThePublishedOne(t *testing.T) {
	if a, b := DeriveSeed(0, 0), DeriveSeed(42, 7); a != 301_794_027 || b != 2_784_414_415 {
		t.Errorf("seeds %d and %d, want 301794027 and 2784414415", a, b)
	}
}
