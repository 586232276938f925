package outrider

import (
	"math"
	"slices"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// Slots a table has at most; part of the contract.
const maxSlots = 8192

// table is the endpoint table at one revision. It never changes, so that a call keeps the state it was put on.
type table struct {
	epoch, rev uint32
	// The host's clock at the step that led here.
	nowMs float64
	// By slot; nil where the slot is free.
	endpoints []*Endpoint
	// Slots in use, ascending.
	live []uint32
	// By key, each as long as endpoints.
	columns map[string]*column
}

// column holds values with their times, both by slot.
type column struct {
	// NaN: unknown.
	values []float32
	// Whole Unix ms; 0 where the value is unknown.
	times []float64
}

func newTable(epoch, rev uint32, nowMs float64, endpoints []*Endpoint, columns map[string]*column) *table {
	live := make([]uint32, 0, len(endpoints))
	for slot, endpoint := range endpoints {
		if endpoint != nil {
			live = append(live, uint32(slot))
		}
	}
	return &table{epoch, rev, nowMs, endpoints, live, columns}
}

func (t *table) at(slot uint32) *Endpoint {
	if int(slot) >= len(t.endpoints) {
		return nil
	}
	return t.endpoints[slot]
}

func newColumn(length int) *column {
	return &column{values: unknowns(length), times: make([]float64, length)}
}

// copyTo is the column in arrays of its own, for a slot space that may have grown.
func (c *column) copyTo(length int) *column {
	grown := newColumn(length)
	if c != nil {
		copy(grown.values, c.values)
		copy(grown.times, c.times)
	}
	return grown
}

func unknowns(length int) []float32 {
	values := make([]float32, length)
	for i := range values {
		values[i] = float32(math.NaN())
	}
	return values
}

// replica is a plugin's copy of a host's endpoint table, brought from step to step.
type replica struct {
	version *table
	// Key of each column number on the present connection.
	keys map[uint32]string
	// Chunks of a step that is not complete.
	chunks []*scorerv1.PushStateRequest
}

func newReplica() *replica { return &replica{version: newTable(0, 0, 0, nil, nil)} }

// setColumns says which columns travel under which numbers from now on; what was known of others is forgotten.
func (r *replica) setColumns(columns []*scorerv1.Column) {
	r.keys = make(map[uint32]string, len(columns))
	known := make(map[string]*column, len(columns))
	for _, c := range columns {
		r.keys[c.Id] = c.Key
		if values, ok := r.version.columns[c.Key]; ok {
			known[c.Key] = values
		}
	}
	version := *r.version
	version.columns = known
	r.version = &version
}

// push takes a chunk. A step takes effect as a whole with its last one; the answer is nil until then. A refused step
// leaves the table as it was.
func (r *replica) push(chunk *scorerv1.PushStateRequest) (*EndpointChange, *scorerv1.PushStateResponse) {
	if len(r.chunks) > 0 && !isSameStep(r.chunks[0], chunk) {
		r.chunks = nil
	}
	r.chunks = append(r.chunks, chunk)
	if chunk.More {
		return nil, nil
	}
	step := r.chunks
	r.chunks = nil
	next, change, nack := applyStep(step, r.version, r.keys)
	if nack == nil {
		r.version = next
	}
	return change, &scorerv1.PushStateResponse{Epoch: r.version.epoch, Rev: r.version.rev, Nack: nack}
}

// inFlightData are the columns of a step that change with every decision: only a host without a Session sends them so.
func (r *replica) inFlightData(step *scorerv1.PushStateRequest) []*scorerv1.ColumnData {
	return slices.DeleteFunc(slices.Clone(step.Columns), func(data *scorerv1.ColumnData) bool {
		return inFlightIndex(r.keys[data.Column]) < 0
	})
}

func isSameStep(a, b *scorerv1.PushStateRequest) bool {
	return a.Epoch == b.Epoch && a.FromRev == b.FromRev && a.ToRev == b.ToRev && a.Full == b.Full
}
