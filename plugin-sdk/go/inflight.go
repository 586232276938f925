package outrider

import (
	"slices"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Keys of the columns that change with every decision, so that they travel with calls and not with state.
var inFlightKeys = []string{"inflight_requests", "inflight_prompt_tokens", "inflight_output_tokens"}

func inFlightIndex(key string) int { return slices.Index(inFlightKeys, key) }

// inFlight holds these columns by slot, in the order of inFlightKeys, as the host last sent them; 0 for what it has not
// sent. It never changes.
type inFlight struct{ columns [3][]float32 }

// with is the same with values that came with a batch, for a slot space of this length.
func (f *inFlight) with(sent []*scorerv1.ColumnData, keys map[uint32]string, state *table) *inFlight {
	next := f.grown(len(state.endpoints))
	for _, data := range sent {
		index := inFlightIndex(keys[data.Column])
		if index < 0 {
			continue
		}
		slots := state.live
		if len(data.Slots) > 0 {
			slots = fromBitmap(data.Slots)
		}
		if next == f {
			next = &inFlight{f.columns}
		}
		next.columns[index] = overwritten(next.columns[index], slots, data.Values)
	}
	return next
}

// grown is the same for a slot space that may be longer.
func (f *inFlight) grown(length int) *inFlight {
	if len(f.columns[0]) >= length {
		return f
	}
	var next inFlight
	for i, values := range f.columns {
		next.columns[i] = make([]float32, length)
		copy(next.columns[i], values)
	}
	return &next
}

func overwritten(values []float32, slots []uint32, sent []float32) []float32 {
	next := slices.Clone(values)
	for i, slot := range slots {
		if int(slot) < len(next) && i < len(sent) {
			next[slot] = sent[i]
		}
	}
	return next
}
