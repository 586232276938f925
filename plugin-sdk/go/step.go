package outrider

import (
	"fmt"
	"math"

	scorerv1 "outrider.dev/scorer/gen/outrider/scorer/v1"
)

// applyStep makes the next table of all chunks of a step: removals, then endpoints, then values. Values of columns that
// have no key are ignored.
func applyStep(
	step []*scorerv1.PushStateRequest, before *table, keys map[uint32]string,
) (*table, *EndpointChange, *scorerv1.CallError) {
	if nack := stepFault(step, before); nack != nil {
		return nil, nil, nack
	}
	endpoints := nextEndpoints(step, before)
	last := step[len(step)-1]
	next := newTable(last.Epoch, last.ToRev, last.NowMs, endpoints, nil)
	if nack := columnFault(step, len(next.live)); nack != nil {
		return nil, nil, nack
	}
	change := changeOf(step, before, endpoints)
	next.columns = nextColumns(step, before, next, change, keys)
	return next, change, nil
}

func stepFault(step []*scorerv1.PushStateRequest, before *table) *scorerv1.CallError {
	first := step[0]
	if !first.Full && (first.Epoch != before.epoch || first.FromRev != before.rev) {
		message := fmt.Sprintf("a step from revision %d of epoch %d does not fit %d of %d",
			first.FromRev, first.Epoch, before.rev, before.epoch)
		return &scorerv1.CallError{
			Code: codePrecondition, Message: message, HaveEpoch: before.epoch, HaveRev: before.rev,
		}
	}
	for _, chunk := range step {
		for _, endpoint := range chunk.Upserts {
			if endpoint.Slot >= maxSlots {
				return slotFault(endpoint.Slot)
			}
		}
		for _, slot := range chunk.RemovedSlots {
			if slot >= maxSlots {
				return slotFault(slot)
			}
		}
	}
	return nil
}

func slotFault(slot uint32) *scorerv1.CallError {
	message := fmt.Sprintf("slot %d: a table has at most %d slots", slot, maxSlots)
	return &scorerv1.CallError{Code: codeInvalid, Message: message}
}

func columnFault(step []*scorerv1.PushStateRequest, live int) *scorerv1.CallError {
	for _, chunk := range step {
		for _, data := range chunk.Columns {
			count := live
			if len(data.Slots) > 0 {
				count = countBits(data.Slots)
			}
			if len(data.Values) == count && (len(data.AgesMs) == 0 || len(data.AgesMs) == count) {
				continue
			}
			message := fmt.Sprintf("column %d: %d values and %d ages for %d slots",
				data.Column, len(data.Values), len(data.AgesMs), count)
			return &scorerv1.CallError{Code: codeInvalid, Message: message}
		}
	}
	return nil
}

func nextEndpoints(step []*scorerv1.PushStateRequest, before *table) []*Endpoint {
	length := len(before.endpoints)
	for _, chunk := range step {
		for _, endpoint := range chunk.Upserts {
			length = max(length, int(endpoint.Slot)+1)
		}
	}
	next := make([]*Endpoint, length)
	if !step[0].Full {
		copy(next, before.endpoints)
	}
	for _, chunk := range step {
		for _, slot := range chunk.RemovedSlots {
			if int(slot) < length {
				next[slot] = nil
			}
		}
	}
	for _, chunk := range step {
		for _, endpoint := range chunk.Upserts {
			next[endpoint.Slot] = fromWireEndpoint(endpoint)
		}
	}
	return next
}

// changeOf is what instances are told: of a whole table only what differs.
func changeOf(step []*scorerv1.PushStateRequest, before *table, next []*Endpoint) *EndpointChange {
	removed := map[uint32]bool{}
	for _, chunk := range step {
		for _, slot := range chunk.RemovedSlots {
			removed[slot] = true
		}
	}
	change := &EndpointChange{}
	for _, slot := range before.live {
		if now := next[slot]; removed[slot] || now == nil || now.ID != before.endpoints[slot].ID {
			change.RemovedSlots = append(change.RemovedSlots, slot)
		}
	}
	for slot, endpoint := range next {
		if endpoint == nil || endpoint == before.at(uint32(slot)) {
			continue
		}
		if !step[0].Full || !endpoint.equal(before.at(uint32(slot))) {
			change.Upserted = append(change.Upserted, endpoint)
		}
	}
	return change
}

func nextColumns(
	step []*scorerv1.PushStateRequest, before, next *table, change *EndpointChange, keys map[uint32]string,
) map[string]*column {
	full := step[0].Full
	named := map[string]bool{}
	for _, chunk := range step {
		for _, data := range chunk.Columns {
			named[keys[data.Column]] = true
		}
	}
	keepsRest := !full && len(change.RemovedSlots) == 0 && len(next.endpoints) == len(before.endpoints)
	columns := make(map[string]*column, len(keys))
	for _, key := range keys {
		old := before.columns[key]
		if full {
			old = nil
		}
		if keepsRest && !named[key] && old != nil {
			columns[key] = old
			continue
		}
		fresh := old.copyTo(len(next.endpoints))
		for _, slot := range change.RemovedSlots {
			fresh.values[slot], fresh.times[slot] = float32(math.NaN()), 0
		}
		columns[key] = fresh
	}
	for _, chunk := range step {
		for _, data := range chunk.Columns {
			if target := columns[keys[data.Column]]; target != nil {
				target.fill(data, next, math.Floor(chunk.NowMs))
			}
		}
	}
	return columns
}

func (c *column) fill(data *scorerv1.ColumnData, next *table, nowMs float64) {
	slots := next.live
	if len(data.Slots) > 0 {
		slots = fromBitmap(data.Slots)
	}
	for i, slot := range slots {
		if next.at(slot) == nil {
			continue
		}
		if hasBit(data.Unknown, i) {
			c.values[slot], c.times[slot] = float32(math.NaN()), 0
			continue
		}
		age := data.AgeMs
		if len(data.AgesMs) > 0 {
			age = data.AgesMs[i]
		}
		c.values[slot], c.times[slot] = data.Values[i], nowMs-float64(age)
	}
}
