package outrider

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

func newTestReplica(columns ...string) *replica {
	r := newReplica()
	var numbered []*scorerv1.Column
	for i, key := range columns {
		numbered = append(numbered, &scorerv1.Column{Id: uint32(i + 1), Key: key})
	}
	r.setColumns(numbered)
	return r
}

func endpoint(slot uint32, id string) *scorerv1.Endpoint {
	return &scorerv1.Endpoint{Slot: slot, Id: id}
}

func TestStepsThatAreRefusedLeaveTheTableAsItWas(t *testing.T) {
	r := newTestReplica("a")
	start := &scorerv1.PushStateRequest{Epoch: 3, ToRev: 4, Full: true, Upserts: []*scorerv1.Endpoint{endpoint(0, "x")}}
	r.push(start)
	before := r.version
	for want, step := range map[string]*scorerv1.PushStateRequest{
		"failed_precondition a step from revision 5 of epoch 3 does not fit 4 of 3": {Epoch: 3, FromRev: 5, ToRev: 6},
		"failed_precondition a step from revision 4 of epoch 2 does not fit 4 of 3": {Epoch: 2, FromRev: 4, ToRev: 6},
		"invalid_argument slot 8192: a table has at most 8192 slots": {
			Epoch: 3, Full: true, Upserts: []*scorerv1.Endpoint{endpoint(8192, "y")},
		},
		"invalid_argument slot 9000: a table has at most 8192 slots": {
			Epoch: 3, FromRev: 4, ToRev: 5, RemovedSlots: []uint32{9000},
		},
		"invalid_argument column 1: 2 values and 0 ages for 1 slots": {
			Epoch: 3, FromRev: 4, ToRev: 5, Columns: []*scorerv1.ColumnData{{Column: 1, Values: []float32{1, 2}}},
		},
		"invalid_argument column 1: 1 values and 2 ages for 1 slots": {
			Epoch: 3, FromRev: 4, ToRev: 5,
			Columns: []*scorerv1.ColumnData{
				{Column: 1, Slots: []byte{1}, Values: []float32{1}, AgesMs: []uint32{1, 2}},
			},
		},
	} {
		change, answer := r.push(step)
		if got := answer.Nack.GetCode() + " " + answer.Nack.GetMessage(); got != want || change != nil {
			t.Errorf("got %s, want %s", got, want)
		}
		if r.version != before || answer.Epoch != 3 || answer.Rev != 4 {
			t.Errorf("%s: the table is at %d:%d", want, answer.Epoch, answer.Rev)
		}
	}
}

func TestAStepTakesEffectWithItsLastChunk(t *testing.T) {
	r := newTestReplica("a")
	chunk := func(slot uint32, more bool) *scorerv1.PushStateRequest {
		return &scorerv1.PushStateRequest{
			Epoch: 1, ToRev: 1, Full: true, More: more, NowMs: 100.9,
			Upserts: []*scorerv1.Endpoint{endpoint(slot, fmt.Sprint(slot))},
			Columns: []*scorerv1.ColumnData{{
				Column: 1, Slots: []byte{1 << slot}, Values: []float32{float32(slot)}, AgesMs: []uint32{slot},
			}},
		}
	}
	for slot := range uint32(2) {
		if _, answer := r.push(chunk(slot, true)); answer != nil || len(r.version.live) != 0 {
			t.Fatalf("a chunk is answered with %v", answer)
		}
	}
	// A step that was broken off by another is forgotten.
	other := chunk(7, true)
	other.ToRev = 2
	r.push(other)
	for slot := range uint32(3) {
		r.push(chunk(slot, slot < 2))
	}
	if !reflect.DeepEqual(r.version.live, []uint32{0, 1, 2}) || r.version.rev != 1 {
		t.Errorf("these live: %v, at %d", r.version.live, r.version.rev)
	}
	if a := r.version.columns["a"]; !reflect.DeepEqual(a.values, []float32{0, 1, 2}) ||
		!reflect.DeepEqual(a.times, []float64{100, 99, 98}) {
		t.Errorf("the column is %v", a)
	}
}

func TestATableNeverChangesAndASlotThatIsReusedIsUnknown(t *testing.T) {
	r := newTestReplica("a", "b")
	r.push(&scorerv1.PushStateRequest{
		Epoch: 1, ToRev: 1, Full: true, Upserts: []*scorerv1.Endpoint{endpoint(0, "x"), endpoint(1, "y")},
		Columns: []*scorerv1.ColumnData{{Column: 1, Values: []float32{1, 2}}, {Column: 2, Values: []float32{3, 4}}},
	})
	before := r.version
	change, _ := r.push(&scorerv1.PushStateRequest{
		Epoch: 1, FromRev: 1, ToRev: 2, RemovedSlots: []uint32{0}, Upserts: []*scorerv1.Endpoint{endpoint(0, "z")},
		Columns: []*scorerv1.ColumnData{{Column: 2, Slots: []byte{3}, Values: []float32{5, 6}, Unknown: []byte{2}}},
	})
	if before.at(0).ID != "x" || before.columns["a"].values[0] != 1 || before.columns["b"].values[1] != 4 {
		t.Error("a table changed that a call may still read")
	}
	a, b := r.version.columns["a"].values, r.version.columns["b"].values
	if !math.IsNaN(float64(a[0])) || a[1] != 2 || b[0] != 5 || !math.IsNaN(float64(b[1])) {
		t.Errorf("the columns are %v and %v", a, b)
	}
	if !reflect.DeepEqual(change.RemovedSlots, []uint32{0}) || len(change.Upserted) != 1 ||
		change.Upserted[0].ID != "z" {
		t.Errorf("the change is %v", change)
	}
}

func TestAWholeTableTellsOnlyWhatDiffers(t *testing.T) {
	r := newTestReplica()
	whole := func(endpoints ...*scorerv1.Endpoint) *EndpointChange {
		change, _ := r.push(&scorerv1.PushStateRequest{Epoch: 1, ToRev: 1, Full: true, Upserts: endpoints})
		return change
	}
	whole(endpoint(0, "x"), endpoint(1, "y"), endpoint(2, "z"))
	labelled := endpoint(1, "y")
	labelled.Labels = map[string]string{"zone": "a"}
	labelled.Sets = map[string]*scorerv1.StringSet{"models": {Values: []string{"m"}}}
	change := whole(endpoint(0, "x"), labelled, endpoint(3, "w"))
	if !reflect.DeepEqual(change.RemovedSlots, []uint32{2}) || len(change.Upserted) != 2 ||
		change.Upserted[0].Sets["models"][0] != "m" {
		t.Errorf("the change is %v", change)
	}
	if again := whole(endpoint(0, "x"), labelled, endpoint(3, "w")); !again.isEmpty() {
		t.Errorf("the same again is %v", again)
	}
}

func TestColumnsThatAreNoLongerGrantedAreForgotten(t *testing.T) {
	r := newTestReplica("a", "b")
	r.push(&scorerv1.PushStateRequest{
		Epoch: 1, ToRev: 1, Full: true, Upserts: []*scorerv1.Endpoint{endpoint(0, "x")},
		Columns: []*scorerv1.ColumnData{{Column: 1, Values: []float32{1}}, {Column: 2, Values: []float32{2}}},
	})
	r.setColumns([]*scorerv1.Column{{Id: 7, Key: "b"}})
	if r.version.columns["a"] != nil || r.version.columns["b"].values[0] != 2 {
		t.Errorf("the columns are %v", r.version.columns)
	}
}

// A model of the table that knows nothing of revisions: the replica agrees with it after any steps.
func TestAnySequenceOfStepsLeadsToTheHostsTable(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		r := newTestReplica("a")
		ids := map[uint32]string{}
		values := map[uint32]float32{}
		rev := uint32(0)
		for range 20 {
			full := rev == 0 || random.IntN(4) == 0
			step := &scorerv1.PushStateRequest{Epoch: 1, FromRev: rev, ToRev: rev + 1, Full: full}
			rev++
			for slot := range uint32(6) {
				if ids[slot] != "" && random.IntN(4) == 0 {
					delete(ids, slot)
					delete(values, slot)
					step.RemovedSlots = append(step.RemovedSlots, slot)
				}
				if ids[slot] == "" && random.IntN(3) == 0 {
					ids[slot] = fmt.Sprint(random.IntN(1000))
					step.Upserts = append(step.Upserts, endpoint(slot, ids[slot]))
				}
			}
			data := &scorerv1.ColumnData{Column: 1, Slots: make([]byte, 1)}
			for slot := range uint32(6) {
				if ids[slot] != "" && random.IntN(2) == 0 {
					values[slot] = random.Float32()
				}
				if value, ok := values[slot]; ok {
					setBit(data.Slots, int(slot))
					data.Values = append(data.Values, value)
				}
			}
			if data.Slots[0] != 0 {
				step.Columns = append(step.Columns, data)
			}
			if step.Full {
				step.Upserts, step.RemovedSlots = nil, nil
				for slot, id := range ids {
					step.Upserts = append(step.Upserts, endpoint(slot, id))
				}
			}
			if _, answer := r.push(step); answer.Nack != nil {
				t.Fatal(answer.Nack)
			}
			for slot := range uint32(6) {
				checkSlot(t, r.version, slot, ids[slot], values)
			}
		}
	}
}

func checkSlot(t *testing.T, state *table, slot uint32, id string, values map[uint32]float32) {
	t.Helper()
	found := ""
	if known := state.at(slot); known != nil {
		found = known.ID
	}
	if found != id {
		t.Fatalf("slot %d holds %q, want %q", slot, found, id)
	}
	if int(slot) >= len(state.endpoints) {
		return
	}
	got := state.columns["a"].values[slot]
	want, isKnown := values[slot]
	if isKnown && got != want || !isKnown && got == got {
		t.Fatalf("slot %d has the value %v, want %v (known: %v)", slot, got, want, isKnown)
	}
}

func TestInFlightCountsBelongToTheirBatch(t *testing.T) {
	keys := map[uint32]string{1: "inflight_requests", 2: "waiting_requests"}
	state := newTable(1, 1, 0, make([]*Endpoint, 3), nil)
	first := (&inFlight{}).with([]*scorerv1.ColumnData{
		{Column: 1, Slots: []byte{0b110}, Values: []float32{5, 6}}, {Column: 2, Slots: []byte{1}, Values: []float32{9}},
	}, keys, state)
	second := first.with([]*scorerv1.ColumnData{{Column: 1, Slots: []byte{2}, Values: []float32{7}}}, keys, state)
	if !reflect.DeepEqual(first.columns[0], []float32{0, 5, 6}) ||
		!reflect.DeepEqual(second.columns[0], []float32{0, 7, 6}) {
		t.Errorf("the counts are %v, then %v", first.columns[0], second.columns[0])
	}
	if second.with(nil, keys, state) != second {
		t.Error("counts are copied where nothing changes")
	}
}
